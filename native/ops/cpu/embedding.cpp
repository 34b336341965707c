// embedding: copies table rows, widened to fp32.
#include <cstring>

#include "base/error.h"
#include "ops/cpu/row_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {

void embedding(const Context& context, const void* table, WeightType type, const int32_t* tokens,
               int64_t rows, int64_t dim, float* y) {
  if (type != WeightType::kFloat32 && type != WeightType::kBFloat16 &&
      type != WeightType::kFloat16) {
    throw Error(kBadArgument, "an embedding table must be fp32, bf16 or fp16");
  }
  const RowKernels& kernels = row_kernels(context.isa);
  run_rows(context, rows, dim, [&](int64_t row) {
    const int64_t at = static_cast<int64_t>(tokens[row]) * dim;
    float* out = y + row * dim;
    if (type == WeightType::kFloat32) {
      std::memcpy(out, static_cast<const float*>(table) + at,
                  static_cast<size_t>(dim) * sizeof(float));
    } else if (type == WeightType::kBFloat16) {
      kernels.bfloat16_to_float(static_cast<const uint16_t*>(table) + at, dim, out);
    } else {
      kernels.float16_to_float(static_cast<const uint16_t*>(table) + at, dim, out);
    }
  });
}

}  // namespace loadmark::ops
