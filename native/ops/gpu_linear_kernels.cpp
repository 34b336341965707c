#include "ops/gpu_linear_kernels.h"

#include <algorithm>

#include "ops/gpu_packed_bytes.h"

namespace loadmark::ops::cuda {

Int4Shape int4_shape(int64_t k, int64_t group_size, bool has_zeros) {
  const int64_t segments = int4_segments(k, group_size);
  return {static_cast<int>((k + kBlockColumns - 1) / kBlockColumns),
          static_cast<int>(segments * kStripRows * 2 * (has_zeros ? 2 : 1))};
}

// Rings of copies; the sums of two strips in turn; x, its rows 16 bytes apart.
size_t int4_few_rows_shared_bytes(const Int4Shape& w, int64_t rows) {
  const size_t sums = 2 * kFewRowsWarps * kStripRows * sizeof(float);
  const size_t row = (static_cast<size_t>(w.k_blocks) * kBlockColumns + 8) * 2;
  return static_cast<size_t>(kFewRowsWarps * kFewRowsStages * (kBlockNibbleBytes + w.meta_bytes)) +
         static_cast<size_t>(rows) * (sums + row);
}

bool can_run_int4_few_rows(const GpuTraits& gpu, const Int4Shape& w, int64_t rows) {
  constexpr size_t kMostShared = 200 * 1024;
  return rows <= kMostFewRows &&
         int4_few_rows_shared_bytes(w, rows) <= std::min(kMostShared, gpu.most_shared);
}

bool can_run_dense_few_rows(const GpuTraits& gpu, int64_t k, int64_t rows) {
  return rows <= kMostStreamedRows && static_cast<size_t>(rows * k) * 2 + 1024 <= gpu.most_shared;
}

Int4Kernel choose_int4_kernel(const GpuTraits& gpu, const Int4Shape& w, int64_t rows) {
  if (can_run_int4_few_rows(gpu, w, rows)) return Int4Kernel::kFewRows;
  return gpu.architecture == 90 ? Int4Kernel::kManyRowsSm90 : Int4Kernel::kManyRowsMma;
}

const char* int4_kernel_name(Int4Kernel kernel) {
  switch (kernel) {
    case Int4Kernel::kFewRows:
      return "int4_linear_few_rows";
    case Int4Kernel::kManyRowsSm90:
      return "int4_linear_many_rows_sm90";
    default:
      return "int4_linear_many_rows_mma";
  }
}

const char* dense_kernel_name(const GpuTraits& gpu, WeightType type, int64_t k, int64_t rows) {
  if (type == WeightType::kInt8) return "dense_linear_many_rows";
  if (can_run_dense_few_rows(gpu, k, rows)) return "dense_linear_few_rows";
  return gpu.blas ? "cublasGemmEx" : "dense_linear_many_rows";
}

}  // namespace loadmark::ops::cuda
