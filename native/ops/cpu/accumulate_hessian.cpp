// accumulate_hessian: dispatch and the plain form.
#include <algorithm>

#include "ops/cpu/hessian_kernels.h"
#include "ops/ops.h"

namespace loadmark::ops {

void hessian_part_plain(const float* x, int64_t rows, int64_t k, int64_t i, int64_t first,
                        int64_t last, double* hessian) {
  double* h = hessian + i * k;
  for (int64_t row = 0; row < rows; ++row) {
    const float* values = x + row * k;
    const double xi = values[i];
    for (int64_t j = first; j < last; ++j) h[j] += xi * static_cast<double>(values[j]);
  }
}

void hessian_rows_plain(const float* x, int64_t rows, int64_t k, int64_t begin, int64_t end,
                        double* hessian) {
  for (int64_t i = begin; i < end; ++i) hessian_part_plain(x, rows, k, i, i, k, hessian);
}

namespace {

auto choose([[maybe_unused]] Isa isa) {
#if defined(LOADMARK_X86)
  if (isa == Isa::kAvx512) return hessian_rows_avx512;
  if (isa == Isa::kAvx2) return hessian_rows_avx2;
#endif
  return hessian_rows_plain;
}

}  // namespace

void accumulate_hessian(const Context& context, const float* x, int64_t rows, int64_t k,
                        double* hessian) {
  const auto kernel = choose(context.isa);
  if (rows <= 0 || k <= 0) return;
  const int64_t tasks = (k + kHessianRows - 1) / kHessianRows;
  context.pool->run(tasks, [&](int64_t task, int) {
    const int64_t begin = task * kHessianRows;
    kernel(x, rows, k, begin, std::min(k, begin + kHessianRows), hessian);
  });
}

}  // namespace loadmark::ops
