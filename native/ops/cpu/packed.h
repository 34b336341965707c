// How a linear weight lies in memory: one layout for every instruction set, so a weight is packed
// once.
//
// Output channels go in panels of 16 (one 512-bit register of 32-bit lanes, two of 256), the last
// one padded with zeros; a panel is contiguous, so a matrix-vector product is one stream. Within a
// panel:
//   fp32, bf16, fp16   [k][16]                     element = w[n][k]
//   int8               [padded_k/4][16][4]         byte = w + 128 (the u8 x s8 instructions want u8
//   weights) int4               [padded_k/8][16][4]         byte j: low nibble = column j, high
//   nibble = column 4 + j of the eight
// Integer weights cut their columns into segments: runs of at most kMaxSegment columns that share a
// weight scale and an activation scale, each padded to a multiple of 8. Columns are in group order,
// so act-order (g_idx) becomes a permutation of the activations, applied while they are copied or
// rounded.
#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "ops/ops.h"

namespace loadmark::ops {

inline constexpr int64_t kPanel = 16;
inline constexpr int64_t kMaxSegment = 128;  // keeps |sum of a segment's activations| within int16
inline constexpr int64_t kInt8Segment = 64;

struct Segment {
  int32_t begin;  // first padded column, a multiple of 8
  int32_t steps;  // padded columns / 8
  int32_t group;  // row of the scales
};

struct LinearWeight::Packed {
  int64_t panels = 0;
  int64_t padded_k = 0;     // == k for floating-point weights
  int64_t groups = 0;       // integer weights; 1 for int8 with a scale a channel
  int64_t panel_bytes = 0;  // stride of `data`
  AlignedBuffer data;       // (panels) as above
  AlignedBuffer scale;  // int4, int8 in groups: (panels, groups, 16) fp16;  int8: (panels, 16) fp32
  AlignedBuffer zero;   // int4, asymmetric: (panels, groups, 16) u8; empty means 8 everywhere
  AlignedBuffer offset;  // int4 with offsets in place of zero points: (panels, groups, 16) fp16
  std::vector<Segment> segments;
  std::vector<int32_t>
      columns;  // (padded_k) source column or -1 for padding; empty when it is the identity
};

}  // namespace loadmark::ops
