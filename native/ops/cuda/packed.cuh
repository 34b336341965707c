// How int4 weights lie in device memory, known to the packer and the int4 kernels alone.
//
// A strip is 16 outputs, a block 16 outputs x 128 columns in 1024 bytes of nibbles, a tile 16
// strips. Blocks stand as (tiles, k_blocks, 16 strips), so that a tile's blocks of the same columns
// are one piece; so do their scales, (tiles, k_blocks, 16 strips, segments, 16 outputs) fp16, and,
// where zero points differ, the zeros behind each strip's scales, (segments, 16) uint16; segments
// is 128 / the columns that share a scale. In a block, lane (g, t) = (lane / 4, lane % 4) owns 16
// bytes of each half of 64 columns: word s of half h has columns c = 64 h + 16 s + 2 t of outputs g
// and g + 8, nibbles from the least: (g, c), (g + 8, c), (g, c + 8), (g + 8, c + 8), then the same
// of c + 1, c + 9: the A fragment of mma.m16n8k16, and of a wgmma's warp.
//
// Scales are stored times 2^exponent, chosen so that the largest is just below 1/16, and sums are
// multiplied by 2^-exponent: exact, and what Number<__half>::FusedScale needs. Where a linear's
// scales lie further apart than 256 times, exponent is 0 and the fused path is not taken.
#pragma once

#include <cstdint>

#include "ops/cuda/ops_cuda.h"
#include "ops/gpu_linear_kernels.h"
#include "ops/gpu_packed_bytes.h"

namespace loadmark::ops::cuda {

struct Int4Layout {
  const uint8_t* blocks;
  const uint8_t* meta;  // scales and zeros
  int64_t n;            // outputs, strips * 16 >= n
  int strips, k_blocks;
  int meta_bytes;  // of a block, multiple of 32
  int segments;    // scales of a row in a block: 1, 2 or 4
  int has_zeros;
  float unscale;  // 2^-exponent
  int fused;      // scales are near enough to each other for Number<__half>::fused

  Int4Shape shape() const { return {k_blocks, meta_bytes}; }
  // Number of the block of a strip: times 1024 bytes, times meta_bytes.
  __host__ __device__ uint32_t block(int strip, int k_block) const {
    return static_cast<uint32_t>((strip / kTileStrips * k_blocks + k_block) * kTileStrips +
                                 strip % kTileStrips);
  }
};

struct LinearWeight::Packed {
  DeviceBuffer data;   // int4 blocks, or rows of 16-bit or 8-bit or fp32 values
  DeviceBuffer meta;   // int4
  DeviceBuffer scale;  // int8: (n) fp32
  DeviceBuffer order;  // (k_blocks * 128) source column or -1; empty where columns are in order
  Int4Layout layout = {};
};

}  // namespace loadmark::ops::cuda
