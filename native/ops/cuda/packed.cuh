// How int4 weights lie in device memory, known to the packer and the int4 kernels alone.
//
// A strip is 16 outputs, a block 16 outputs x 128 columns: 1024 bytes of nibbles, then the block's
// scales (segments, 16) fp16, then, where zero points differ, zeros (segments, 16) uint16; segments is
// 128 / the columns that share a scale. Blocks of a strip follow one another along k. In a block, lane
// (g, t) = (lane / 4, lane % 4) owns 16 bytes of each half of 64 columns: word s of half h has columns
// c = 64 h + 16 s + 2 t of outputs g and g + 8, nibbles from the least: (g, c), (g + 8, c), (g, c + 8),
// (g + 8, c + 8), then the same of c + 1, c + 9: the A fragment of mma.m16n8k16, and of a wgmma's warp.
#pragma once

#include <cstdint>

#include "ops/cuda/ops_cuda.h"

namespace loadmark::ops::cuda {

constexpr int kStripRows = 16;
constexpr int kBlockColumns = 128;
constexpr int kBlockNibbleBytes = kStripRows * kBlockColumns / 2;

struct Int4Layout {
  const uint8_t* blocks;
  int64_t n;            // outputs, strips * 16 >= n
  int strips, k_blocks;
  int block_bytes;      // multiple of 16
  int segments;         // scales of a row in a block: 1, 2 or 4
  int has_zeros;
};

struct LinearWeight::Packed {
  DeviceBuffer data;    // int4 blocks, or rows of 16-bit or 8-bit or fp32 values
  DeviceBuffer scale;   // int8: (n) fp32
  DeviceBuffer order;   // (k_blocks * 128) source column or -1; empty where columns are in order
  Int4Layout layout = {};
};

}  // namespace loadmark::ops::cuda
