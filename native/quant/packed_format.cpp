// Value by value, as int4_format.cpp does for GPTQ.
#include "quant/packed_format.h"

#include <cmath>

namespace loadmark {

Int4Weight unpack_packed(const int32_t* packed, const std::vector<float>& scales,
                         const int32_t* zeros, const int32_t* g_idx, int64_t n, int64_t k,
                         int64_t group_size) {
  Int4Weight weight{.n = n, .k = k, .group_size = group_size};
  const int64_t groups = weight.groups(), words = (k + 7) / 8;
  const auto nibble = [](int32_t word, int64_t i) {
    return static_cast<uint8_t>((static_cast<uint32_t>(word) >> (4 * (i % 8))) & 15u);
  };
  weight.q.resize(static_cast<size_t>(n * k));
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t column = 0; column < k; ++column)
      weight.q[static_cast<size_t>(row * k + column)] =
          nibble(packed[row * words + column / 8], column);
  }
  weight.scale.resize(static_cast<size_t>(groups * n));
  weight.zero.assign(weight.scale.size(), 8);
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t g = 0; g < groups; ++g) {
      const size_t at = static_cast<size_t>(g * n + row);
      weight.scale[at] = scales[static_cast<size_t>(row * groups + g)];
      require_scale(weight.scale[at], g, row);
      if (zeros != nullptr) weight.zero[at] = nibble(zeros[row / 8 * groups + g], row);
      weight.symmetric = weight.symmetric && weight.zero[at] == 8;
    }
  }
  if (g_idx != nullptr) take_g_idx(g_idx, &weight);
  return weight;
}

}  // namespace loadmark
