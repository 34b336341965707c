// What the kernels of all linears are given, and where they put their sums.
#pragma once

#include "ops/cuda/device/number.cuh"
#include "ops/cuda/launch.cuh"

namespace loadmark::ops::cuda {

// Where sums go: y (rows, width), width n or n / 2.
struct LinearOutput {
  void* y;
  int64_t width;
  Epilogue epilogue;
};

// x (rows, k) 16-bit, or the residual stream with its norm; columns past k count as zeros.
struct LinearRows {
  const void* x;
  const float* residual;
  const float* norm;
  float eps;
  int64_t k;
};

template <class T>
__device__ inline void store_sum(const LinearOutput& out, int64_t row, int64_t column, float sum) {
  const int64_t at = row * out.width + column;
  if (out.epilogue == Epilogue::kAddFloat) {
    atomicAdd(static_cast<float*>(out.y) + at, sum);  // its only one: an addition not waited for
  } else if (out.epilogue == Epilogue::kStoreFloat) {
    static_cast<float*>(out.y)[at] = sum;
  } else {
    static_cast<T*>(out.y)[at] = Number<T>::from_float(sum);
  }
}

}  // namespace loadmark::ops::cuda
