// The blocks in which GGUF files hold weights: 32 or 256 values of a row with their own scale.
//
// d, m are fp16, least significant byte first; a nibble's value i < 16 is the low one of byte i,
// i >= 16 the high one of byte i - 16 (Q*_K: likewise in runs of 32).
//   Q4_0  d, 16 bytes of nibbles                    w = d (q - 8)
//   Q4_1  d, m, nibbles                             w = d q + m
//   Q5_0  d, 32 fifth bits, nibbles                 w = d (q - 16)
//   Q5_1  d, m, 32 fifth bits, nibbles              w = d q + m
//   Q8_0  d, 32 int8                                w = d q
//   Q4_K  d, dm, 8 x (6-bit s, 6-bit m), nibbles    w = (d s) q - (dm m), 8 runs of 32
//   Q5_K  the same with 256 fifth bits
//   Q6_K  256 low nibbles, 256 upper pairs of bits, 16 int8 s, d   w = (d s) (q - 32), runs of 16
// Source: the ggml project's definition of its block types.
#pragma once

#include <cstdint>

#include "quant/int4_format.h"
#include "quant/int8_format.h"

namespace loadmark {

enum class BlockFormat { kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ4_K, kQ5_K, kQ6_K };

// `count` blocks -> fp32, each product and sum rounded as the formulas above are bracketed.
void decode_blocks(BlockFormat format, const uint8_t* blocks, int64_t count, float* out);

// Q4_0 rows (n, k / 32 blocks) as int4 in groups of 32, without loss. Where d < 0 the group is
// turned round: d (q - 8) = -d ((15 - q) - 7), since a scale here is not negative. Throws
// Error(kBadCheckpoint) on a scale that is not finite.
Int4Weight unpack_q4_0(const uint8_t* blocks, int64_t n, int64_t k);
// Q4_1 rows as int4 with offsets, Q8_0 rows as int8 in groups of 32, both without loss. Throw as
// unpack_q4_0 does.
Int4Weight unpack_q4_1(const uint8_t* blocks, int64_t n, int64_t k);
Int8Groups unpack_q8_0(const uint8_t* blocks, int64_t n, int64_t k);

}  // namespace loadmark
