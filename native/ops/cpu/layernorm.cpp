// layernorm: dispatch and the plain form.
#include <cmath>

#include "ops/cpu/row_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {

void layernorm_row_plain(const float* x, const float* weight, const float* bias, float eps,
                         int64_t dim, float* y) {
  float sum = 0, squares = 0;
  for (int64_t i = 0; i < dim; ++i) sum += x[i];
  const float mean = sum / static_cast<float>(dim);
  for (int64_t i = 0; i < dim; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const float scale = 1.0f / std::sqrt(squares / static_cast<float>(dim) + eps);
  for (int64_t i = 0; i < dim; ++i) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

void layernorm(const Context& context, const float* x, const float* weight, const float* bias,
               float eps, int64_t rows, int64_t dim, float* y) {
  const auto kernel = row_kernels(context.isa).layernorm_row;
  run_rows(context, rows, dim,
           [&](int64_t row) { kernel(x + row * dim, weight, bias, eps, dim, y + row * dim); });
}

}  // namespace loadmark::ops
