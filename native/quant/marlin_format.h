// The layout of Marlin checkpoints, symmetric int4 in groups of 128 or one a row, read into the
// engine's int4.
//
//   B (k/16, 2n) int32, s (groups, n) fp16. B's rows are tiles of 16 x 16 weights, input first;
//   1024 of their values, four tiles, stand in the order in which the kernel's lanes of
//   mma.m16n8k16 want them, 8 in a word, nibble i holding value 0, 2, 4, 6, 1, 3, 5, 7 of the
//   eight. Scales stand 64 (in groups) or 32 (one a row) at a time in the order of the same lanes.
// Source: IST-DASLab/marlin (the paper's kernel), as AutoGPTQ writes it.
#pragma once

#include <cstdint>

#include "quant/int4_format.h"

namespace loadmark {

// k % 16 == 0, n % 64 == 0. Throws Error(kBadCheckpoint) on scales that are negative or not finite.
Int4Weight unpack_marlin(const int32_t* b, const uint16_t* s, int64_t n, int64_t k,
                         int64_t group_size);

}  // namespace loadmark
