// argmax and log_probability: dispatch and the plain forms.
#include <algorithm>
#include <cmath>

#include "ops/cpu/row_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {

int32_t argmax_row_plain(const float* x, int64_t count) {
  float largest = -INFINITY;
  int64_t best = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (x[i] > largest) {
      largest = x[i];
      best = i;
    }
  }
  return static_cast<int32_t>(best);
}

float max_plain(const float* x, int64_t count) { return x[argmax_row_plain(x, count)]; }

double exp_sum_plain(const float* x, int64_t count, float max) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += std::exp(static_cast<double>(x[i]) - static_cast<double>(max));
  return sum;
}

void argmax(const Context& context, const float* logits, int64_t rows, int64_t vocab,
            int32_t* out) {
  const auto kernel = row_kernels(context.isa).argmax_row;
  run_rows(context, rows, vocab,
           [&](int64_t row) { out[row] = kernel(logits + row * vocab, vocab); });
}

void log_probability(const Context& context, const float* logits, int64_t rows, int64_t vocab,
                     const int32_t* targets, double* out) {
  const RowKernels& kernels = row_kernels(context.isa);
  run_rows(context, rows, vocab * 4, [&](int64_t row) {
    const float* x = logits + row * vocab;
    const float largest = kernels.max(x, vocab);
    const double difference = static_cast<double>(x[targets[row]]) - static_cast<double>(largest);
    out[row] = difference - std::log(kernels.exp_sum(x, vocab, largest));
  });
}

}  // namespace loadmark::ops
