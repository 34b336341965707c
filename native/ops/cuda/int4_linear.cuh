// The int4 kernels' launchers and the epilogue they share.
#pragma once

#include "ops/cuda/device/number.cuh"
#include "ops/cuda/launch.cuh"
#include "ops/cuda/packed.cuh"

namespace loadmark::ops::cuda {

// Where sums go: y (rows, width), width n or n / 2.
struct Int4Output {
  void* y;
  int64_t width;
  Epilogue epilogue;
};

// x (rows, k) 16-bit; columns from k to k_blocks * 128 count as zeros.
struct Int4Input {
  const void* x;
  const float* residual;
  const float* norm;
  float eps;
  int64_t k;
};

template <class T>
__device__ inline void store_sum(const Int4Output& out, int64_t row, int64_t column, float sum) {
  const int64_t at = row * out.width + column;
  if (out.epilogue == Epilogue::kAddFloat) {
    atomicAdd(static_cast<float*>(out.y) + at, sum);  // its only one: an addition not waited for
  } else if (out.epilogue == Epilogue::kStoreFloat) {
    static_cast<float*>(out.y)[at] = sum;
  } else {
    static_cast<T*>(out.y)[at] = Number<T>::from_float(sum);
  }
}

// Few rows: at most kMostFewRows, and as many as fit beside the copies in flight.
constexpr int kMostFewRows = 8;
bool can_run_few_rows(const Gpu& gpu, const Int4Layout& w, int64_t rows);
void int4_linear_few_rows(const Gpu& gpu, Activation activation, const Int4Layout& w,
                          const Int4Input& input, int64_t rows, const Int4Output& out);
// Any number of rows; sm_90a only.
void int4_linear_many_rows_sm90(const Gpu& gpu, Activation activation, const Int4Layout& w,
                                const Int4Input& input, int64_t rows, const Int4Output& out);
// Any number of rows; sm_80 and later.
void int4_linear_many_rows_mma(const Gpu& gpu, Activation activation, const Int4Layout& w,
                               const Int4Input& input, int64_t rows, const Int4Output& out);
// Scratch of the sm_90 kernel.
int64_t many_rows_partial_floats(int multiprocessors);

}  // namespace loadmark::ops::cuda
