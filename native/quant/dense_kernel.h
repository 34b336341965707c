// The one dense product the quantizer's linear algebra is made of. Each element is computed by the
// same operations in the same order whatever the instruction set or the blocking, so a checkpoint
// quantizes to the same bits anywhere.
#pragma once

#include <cstdint>

namespace loadmark {

// c (m, n) -= a (m, k) b (k, n), all row-major doubles with leading dimensions ldc, lda, ldb. c
// must not overlap a, b.
void subtract_product(double* c, int64_t ldc, const double* a, int64_t lda, const double* b,
                      int64_t ldb, int64_t m, int64_t n, int64_t k);

}  // namespace loadmark
