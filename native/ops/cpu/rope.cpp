// rope: angles (shared by all heads of a row), dispatch and the plain rotation.
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "ops/cpu/row_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {

void rope_row_plain(float* x, const float* cosine, const float* sine, int64_t heads,
                    int64_t head_dim) {
  const int64_t half = head_dim / 2;
  for (int64_t head = 0; head < heads; ++head) {
    float* first = x + head * head_dim;
    float* second = first + half;
    for (int64_t i = 0; i < half; ++i) {
      const float a = first[i], b = second[i];
      first[i] = a * cosine[i] - b * sine[i];
      second[i] = b * cosine[i] + a * sine[i];
    }
  }
}

void rope(const Context& context, float* x, int64_t stride, const int32_t* positions,
          const float* inv_freq, int64_t rows, int64_t heads, int64_t head_dim) {
  const auto kernel = rope_row_plain;
  const int64_t half = head_dim / 2;
  if (head_dim % 2 != 0)
    throw Error(kBadArgument, "head_dim is " + std::to_string(head_dim) + "; it must be even");
  run_rows(context, rows, heads * head_dim + half * 16, [&](int64_t row) {
    thread_local std::vector<float> angles;
    angles.resize(static_cast<size_t>(head_dim));
    float* cosine = angles.data();
    float* sine = cosine + half;
    for (int64_t i = 0; i < half; ++i) {
      // The angle is rounded to fp32 first, as PyTorch models do; its sine and cosine are then
      // libm's.
      const float angle = static_cast<float>(positions[row]) * inv_freq[i];
      cosine[i] = std::cos(angle);
      sine[i] = std::sin(angle);
    }
    kernel(x + row * stride, cosine, sine, heads, head_dim);
  });
}

}  // namespace loadmark::ops
