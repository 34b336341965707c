// rmsnorm and head_rmsnorm: dispatch and the plain form.
#include <cmath>

#include "ops/cpu/row_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {

void rmsnorm_row_plain(const float* x, const float* weight, float eps, int64_t dim, float* y) {
  float sum = 0;
  for (int64_t i = 0; i < dim; ++i) sum += x[i] * x[i];
  const float scale = 1.0f / std::sqrt(sum / static_cast<float>(dim) + eps);
  for (int64_t i = 0; i < dim; ++i) y[i] = x[i] * scale * weight[i];
}

void rmsnorm(const Context& context, const float* x, const float* weight, float eps, int64_t rows,
             int64_t dim, float* y) {
  const auto kernel = row_kernels(context.isa).rmsnorm_row;
  run_rows(context, rows, dim,
           [&](int64_t row) { kernel(x + row * dim, weight, eps, dim, y + row * dim); });
}

void head_rmsnorm(const Context& context, float* x, int64_t stride, const float* weight, float eps,
                  int64_t rows, int64_t heads, int64_t head_dim) {
  const auto kernel = row_kernels(context.isa).rmsnorm_row;
  run_rows(context, rows, heads * head_dim, [&](int64_t row) {
    for (int64_t head = 0; head < heads; ++head) {
      float* values = x + row * stride + head * head_dim;
      kernel(values, weight, eps, head_dim, values);
    }
  });
}

}  // namespace loadmark::ops
