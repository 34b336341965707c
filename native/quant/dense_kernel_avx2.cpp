// subtract_product with 256-bit vectors. Multiply and subtract stay two roundings
// (-ffp-contract=off), so the result equals the baseline's.
#if LOADMARK_X86
#include "quant/dense_kernel_tile.h"

namespace loadmark {

void subtract_product_avx2(double* c, int64_t ldc, const double* a, int64_t lda, const double* b,
                           int64_t ldb, int64_t m, int64_t n, int64_t k) {
  typedef double Vector __attribute__((vector_size(32)));
  subtract_product_tiled<Vector>(c, ldc, a, lda, b, ldb, m, n, k);
}

}  // namespace loadmark
#endif
