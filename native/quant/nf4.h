// bitsandbytes' NF4: 4-bit indices into 16 normal-distributed levels, blocks of consecutive values
// (rows after one another) with an absmax of their own.
//
//   two values in a byte, the first in the high nibble        w = level[q] absmax[i / block]
//   double quantization: absmax[b] = map[code[b]] nested_absmax[b / nested_block] + offset
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace loadmark {

// The levels, in fp32 (Dettmers et al. 2023, appendix E; bitsandbytes' own table).
extern const std::array<float, 16> kNf4Levels;

// `packed` (ceil(count / 2)) -> out (count), one product in fp32 a value.
void decode_nf4(const uint8_t* packed, const std::vector<float>& absmax, int64_t block,
                int64_t count, float* out);

struct NestedAbsmax {
  std::vector<uint8_t> code;         // (blocks)
  std::vector<float> map;            // (256)
  std::vector<float> nested_absmax;  // (ceil(blocks / nested_block))
  int64_t nested_block = 256;
  float offset = 0;
};
std::vector<float> decode_absmax(const NestedAbsmax& nested);

}  // namespace loadmark
