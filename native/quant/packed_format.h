// The layout of compressed-tensors' "pack-quantized" checkpoints, read into int4.
//
//   weight_packed     (n, ceil(k/8)) int32: 8 consecutive inputs in a word, least significant
//   first,
//                     each value + 8
//   weight_scale      (n, groups), of any float type
//   weight_zero_point (ceil(n/8), groups) int32: 8 consecutive outputs in a word, each value + 8
//   weight_g_idx      (k) int32                               w = scale (q - zero)
#pragma once

#include <cstdint>
#include <vector>

#include "quant/int4_format.h"

namespace loadmark {

// `scales` (n, groups) fp32; `zeros` null: symmetric; `g_idx` null: in order. Throws
// Error(kBadCheckpoint) on scales that are negative or not finite and on g_idx out of range.
Int4Weight unpack_packed(const int32_t* packed, const std::vector<float>& scales,
                         const int32_t* zeros, const int32_t* g_idx, int64_t n, int64_t k,
                         int64_t group_size);

}  // namespace loadmark
