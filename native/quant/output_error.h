// How much of a linear's output a quantization loses on the calibration inputs, without going
// through the inputs again.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "quant/int4_format.h"

namespace loadmark {

// ||X V^T||^2 = sum over rows v of V of v M v^T.  v (n, k); `moment` M (k, k) = X^T X, upper
// triangle read.
double output_energy(const double* v, int64_t n, int64_t k, const double* moment, ThreadPool& pool);

// ||X W^T - X Wq^T||^2 / ||X W^T||^2; 0 when the denominator is 0.  w (n, k)
double relative_output_error(const float* w, const Int4Weight& quantized, const double* moment,
                             ThreadPool& pool);

// ||W - Wq||^2 / ||W||^2, the same without inputs.
double relative_weight_error(const float* w, const Int4Weight& quantized);

}  // namespace loadmark
