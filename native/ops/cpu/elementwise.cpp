// add, add_bias, silu_mul and gelu_new: dispatch and the plain forms.
#include <cmath>

#include "ops/cpu/row_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {

void add_plain(const float* x, int64_t count, float* residual) {
  for (int64_t i = 0; i < count; ++i) residual[i] += x[i];
}

void silu_mul_row_plain(const float* gate, const float* up, int64_t dim, float* y) {
  for (int64_t i = 0; i < dim; ++i) y[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

void gelu_new_plain(const float* x, int64_t count, float* y) {
  for (int64_t i = 0; i < count; ++i) {
    const float u = kGeluSlope * x[i] + kGeluCube * (x[i] * x[i] * x[i]);
    y[i] = x[i] / (1.0f + std::exp(-2 * u));
  }
}

void add(const Context& context, const float* x, int64_t count, float* residual) {
  const auto kernel = row_kernels(context.isa).add;
  const int64_t chunks = (count + kTaskValues - 1) / kTaskValues;
  run_rows(context, chunks, kTaskValues, [&](int64_t chunk) {
    const int64_t begin = chunk * kTaskValues;
    kernel(x + begin, std::min(kTaskValues, count - begin), residual + begin);
  });
}

void add_bias(const Context& context, const float* bias, int64_t rows, int64_t dim, float* y) {
  const auto kernel = row_kernels(context.isa).add;
  run_rows(context, rows, dim, [&](int64_t row) { kernel(bias, dim, y + row * dim); });
}

void gelu_new(const Context& context, const float* x, int64_t count, float* y) {
  const auto kernel = row_kernels(context.isa).gelu_new;
  const int64_t chunks = (count + kTaskValues - 1) / kTaskValues;
  run_rows(context, chunks, kTaskValues, [&](int64_t chunk) {
    const int64_t begin = chunk * kTaskValues;
    kernel(x + begin, std::min(kTaskValues, count - begin), y + begin);
  });
}

void silu_mul(const Context& context, const float* gate_up, int64_t rows, int64_t dim, float* y) {
  const auto kernel = row_kernels(context.isa).silu_mul_row;
  run_rows(context, rows, 2 * dim, [&](int64_t row) {
    const float* gate = gate_up + row * 2 * dim;
    kernel(gate, gate + dim, dim, y + row * dim);
  });
}

}  // namespace loadmark::ops
