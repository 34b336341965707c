// Which kernel multiplies a linear's rows on a GPU? Arithmetic over what the GPU has, so that it
// can be said of one that is not here; ops/cuda/linear.cu launches what this chooses.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/ops.h"

namespace loadmark::ops::cuda {

struct GpuTraits {
  int architecture;    // 10 * major + minor
  size_t most_shared;  // bytes a block can have
  bool blas;           // cuBLAS is there
};
// Of compute capability 8.0 and 9.0 (CUDA C++ Programming Guide, "Technical Specifications per
// Compute Capability").
inline constexpr GpuTraits kAmpere = {80, 163 * 1024, true}, kHopper = {90, 227 * 1024, true};

// int4_linear_few_rows: its block, and the rows it takes at most.
inline constexpr int kFewRowsWarps = 16, kFewRowsStages = 4, kMostFewRows = 8;
// dense_linear_few_rows: rows at most.
inline constexpr int kMostStreamedRows = 4;

// An int4 linear as its kernels see it.
struct Int4Shape {
  int k_blocks;    // of 128 columns
  int meta_bytes;  // scales and zeros of a block
};
Int4Shape int4_shape(int64_t k, int64_t group_size, bool has_zeros);

// Shared memory of an int4_linear_few_rows block; x of 16 bits.
size_t int4_few_rows_shared_bytes(const Int4Shape& w, int64_t rows);
bool can_run_int4_few_rows(const GpuTraits& gpu, const Int4Shape& w, int64_t rows);
bool can_run_dense_few_rows(const GpuTraits& gpu, int64_t k, int64_t rows);

enum class Int4Kernel { kAuto, kFewRows, kManyRowsSm90, kManyRowsMma };
Int4Kernel choose_int4_kernel(const GpuTraits& gpu, const Int4Shape& w, int64_t rows);
const char* int4_kernel_name(Int4Kernel kernel);
// Of a linear of 16-bit or int8 weights: "dense_linear_few_rows", "cublasGemmEx", ...
const char* dense_kernel_name(const GpuTraits& gpu, WeightType type, int64_t k, int64_t rows);

}  // namespace loadmark::ops::cuda
