// Launchers of the linears over rows of 16-bit or int8 weights.
#pragma once

#include "ops/cuda/linear_operands.cuh"

namespace loadmark::ops::cuda {

// y (rows <= kMostStreamedRows, n) = x w^T; w (n, k) 16-bit. k % 8 == 0.
void dense_linear_few_rows(const Gpu& gpu, Activation activation, const void* w, int64_t n,
                           const LinearRows& input, int64_t rows, const LinearOutput& out);
// Any number of rows; w (n, k) 16-bit, or int8 with a scale (n) for each output.
void dense_linear_many_rows(const Gpu& gpu, Activation activation, const void* w,
                            const float* scale, int64_t n, const LinearRows& input, int64_t rows,
                            const LinearOutput& out);

}  // namespace loadmark::ops::cuda
