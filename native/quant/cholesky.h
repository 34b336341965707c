// The factor GPTQ walks: U upper triangular with H^-1 = U^T U, by one blocked Cholesky and one
// triangular inverse instead of inverting H. Which H, and how it is damped, is gptq.cpp's business.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"

namespace loadmark {

// a (k, k) row-major, symmetric positive definite, of which the lower triangle is read: overwritten
// by the U above, with zeros below the diagonal. Returns false, with a ruined, when a pivot is not
// positive (a is not positive definite).
bool factor_inverse(double* a, int64_t k, ThreadPool& pool);

}  // namespace loadmark
