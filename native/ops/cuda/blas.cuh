// cuBLAS where it can be opened at run time; nothing of it is needed to build or to run.
#pragma once

#include "ops/cuda/launch.cuh"

namespace loadmark::ops::cuda {

// A cublasHandle_t on `stream`, null where there is no cuBLAS.
void* make_blas(Stream stream, void* workspace, size_t workspace_bytes);
void end_blas(void* handle) noexcept;
// y (rows, n) = x (rows, k) w (n, k)^T; x and w 16-bit, y 16-bit, fp32, or fp32 added to.
void blas_linear(const Gpu& gpu, Activation activation, const void* w, int64_t n, int64_t k,
                 const void* x, int64_t rows, Epilogue epilogue, void* y);

}  // namespace loadmark::ops::cuda
