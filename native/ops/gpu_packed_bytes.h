// How large is an int4 weight in a GPU's memory? Known before it is read; how it lies there is
// ops/cuda/packed.cuh's business, and that both agree, cuda_check's.
#pragma once

#include <cstdint>

namespace loadmark::ops::cuda {

constexpr int kStripRows = 16;
constexpr int kBlockColumns = 128;
constexpr int kBlockNibbleBytes = kStripRows * kBlockColumns / 2;
constexpr int kTileStrips = 16;

// Scales of a row in a block: groups of `group_size` columns, of a weight of k.
inline int int4_segments(int64_t k, int64_t group_size) {
  return group_size % 128 == 0 || group_size >= k ? 1 : group_size % 64 == 0 ? 2 : 4;
}

struct PackedBytes {
  int64_t blocks, meta, order;  // each in a piece of its own
  int64_t total() const { return blocks + meta + order; }
};

// int4 (n, k) in groups of `group_size` columns, all but the last of them full. `reordered`: by an
// act-order.
inline PackedBytes packed_int4_bytes(int64_t n, int64_t k, int64_t group_size, bool gate_up,
                                     bool has_zeros, bool reordered) {
  const auto parts = [](int64_t whole, int64_t part) { return (whole + part - 1) / part; };
  const int64_t strips = gate_up ? parts(n / 2, kStripRows / 2) : parts(n, kStripRows);
  const int64_t k_blocks = parts(k, kBlockColumns);
  const int64_t blocks = parts(strips, kTileStrips) * kTileStrips * k_blocks;
  const int64_t segments = int4_segments(k, group_size);
  return {blocks * kBlockNibbleBytes, blocks * segments * kStripRows * 2 * (has_zeros ? 2 : 1),
          reordered ? k_blocks * kBlockColumns * int64_t{sizeof(int32_t)} : 0};
}

}  // namespace loadmark::ops::cuda
