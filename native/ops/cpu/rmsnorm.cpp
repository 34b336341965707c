// rmsnorm: dispatch and the plain form.
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

}  // namespace loadmark::ops
