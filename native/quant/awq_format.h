// The layout of AutoAWQ's GEMM checkpoints, read into the engine's int4.
//
//   qweight (k, n/8) int32: 8 consecutive outputs in a word; nibble i, from the least significant,
//           holds output kAwqOrder[i] of the eight: 0, 2, 4, 6, 1, 3, 5, 7
//   qzeros  (groups, n/8) int32, likewise, zero points as they are
//   scales  (groups, n) fp16                                  w = scale (q - zero)
#pragma once

#include <cstdint>

#include "quant/int4_format.h"

namespace loadmark {

// Throws Error(kBadCheckpoint) on scales that are negative or not finite. n % 8 == 0.
Int4Weight unpack_awq(const int32_t* qweight, const int32_t* qzeros, const uint16_t* scales,
                      int64_t n, int64_t k, int64_t group_size);

}  // namespace loadmark
