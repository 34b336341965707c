// The order of roundings is bitsandbytes': product, then sum, in fp32.
#include "quant/nf4.h"

namespace loadmark {

const std::array<float, 16> kNf4Levels = {-1.0f,
                                          -0.6961928009986877f,
                                          -0.5250730514526367f,
                                          -0.39491748809814453f,
                                          -0.28444138169288635f,
                                          -0.18477343022823334f,
                                          -0.09105003625154495f,
                                          0.0f,
                                          0.07958029955625534f,
                                          0.16093020141124725f,
                                          0.24611230194568634f,
                                          0.33791524171829224f,
                                          0.44070982933044434f,
                                          0.5626170039176941f,
                                          0.7229568362236023f,
                                          1.0f};

void decode_nf4(const uint8_t* packed, const std::vector<float>& absmax, int64_t block,
                int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t byte = packed[i / 2];
    const int q = i % 2 == 0 ? byte >> 4 : byte & 15;
    out[i] = kNf4Levels[static_cast<size_t>(q)] * absmax[static_cast<size_t>(i / block)];
  }
}

std::vector<float> decode_absmax(const NestedAbsmax& nested) {
  std::vector<float> absmax(nested.code.size());
  for (size_t i = 0; i < absmax.size(); ++i) {
    const float scaled = nested.map[nested.code[i]] *
                         nested.nested_absmax[i / static_cast<size_t>(nested.nested_block)];
    absmax[i] = scaled + nested.offset;
  }
  return absmax;
}

}  // namespace loadmark
