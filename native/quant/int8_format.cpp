#include "quant/int8_format.h"

namespace loadmark {

void dequantize(const Int8Groups& weight, float* w) {
  for (int64_t row = 0; row < weight.n; ++row) {
    for (int64_t column = 0; column < weight.k; ++column) {
      const auto scale =
          weight.scale[static_cast<size_t>(column / weight.group_size * weight.n + row)];
      const auto at = row * weight.k + column;
      w[at] = scale * static_cast<float>(weight.q[static_cast<size_t>(at)]);
    }
  }
}

}  // namespace loadmark
