// A weight of int8 values with one scale for a group of columns (ggml's Q8_0).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace loadmark {

//   w[n][k] = scale[k / group_size][n] * q[n][k]
struct Int8Groups {
  int64_t n = 0, k = 0, group_size = 0;
  std::vector<int8_t> q;     // (n, k)
  std::vector<float> scale;  // (groups, n), exactly representable in fp16

  int64_t groups() const { return (k + group_size - 1) / group_size; }
};

// w (n, k) fp32.
void dequantize(const Int8Groups& weight, float* w);

}  // namespace loadmark
