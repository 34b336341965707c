// Word by word: each holds 8 outputs of one input or of one group.
#include "quant/awq_format.h"

namespace loadmark {
namespace {

constexpr int kAwqOrder[] = {0, 2, 4, 6, 1, 3, 5, 7};

}  // namespace

Int4Weight unpack_awq(const int32_t* qweight, const int32_t* qzeros, const uint16_t* scales,
                      int64_t n, int64_t k, int64_t group_size) {
  Int4Weight weight{.n = n, .k = k, .group_size = group_size};
  const int64_t groups = weight.groups();
  weight.q.resize(static_cast<size_t>(n * k));
  weight.zero.resize(static_cast<size_t>(groups * n));
  // A word's 8 nibbles to outputs column .. column + 7, `stride` apart.
  const auto spread = [](int32_t word, uint8_t* out, int64_t stride) {
    for (int i = 0; i < 8; ++i)
      out[kAwqOrder[i] * stride] = (static_cast<uint32_t>(word) >> (4 * i)) & 15u;
  };
  for (int64_t column = 0; column < k; ++column) {
    for (int64_t row = 0; row < n; row += 8)
      spread(qweight[column * (n / 8) + row / 8], weight.q.data() + row * k + column, k);
  }
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t row = 0; row < n; row += 8)
      spread(qzeros[g * (n / 8) + row / 8], weight.zero.data() + g * n + row, 1);
  }
  weight.scale = read_scales(scales, groups, n);
  for (const uint8_t zero : weight.zero) weight.symmetric = weight.symmetric && zero == 8;
  return weight;
}

}  // namespace loadmark
