// y = x w^T in fp32 on Lanes (lanes_avx2.h or lanes_avx512.h, included before): floating-point
// weights widened as they are read, integer weights dequantized a block at a time into the
// first-level cache.
//
// A tile of rows x panels keeps its sums in registers over a block of columns, then parks them in
// `sums`; fp32 values survive that unchanged, so every output is one chain of fused multiply-adds
// over k in order, whatever the tile. Bound: matrix-vector by the reading of weights, matrix-matrix
// by the multipliers (rows * panels FMA per rows + panels loads).
#pragma once

#include "ops/cpu/linear_kernels.h"

namespace loadmark::ops {
namespace {

constexpr int64_t kColumnBlock = 256;  // weights of a column block: 32 KiB of fp32 for two panels

struct Float32Weights {
  using Value = float;
  static Lanes load(const float* p) { return Lanes::load(p); }
};
struct BFloat16Weights {
  using Value = uint16_t;
  static Lanes load(const uint16_t* p) { return Lanes::load_bfloat16(p); }
};
struct Float16Weights {
  using Value = uint16_t;
  static Lanes load(const uint16_t* p) { return Lanes::load_float16(p); }
};

// sums (rows, kBlockPanels * 16) += x (Rows, columns) * w (Panels; columns, 16). w_stride: values
// from panel to panel.
template <class Weights, int64_t Panels, int64_t Rows>
void float_tile(const typename Weights::Value* w, int64_t w_stride, const float* x,
                int64_t x_stride, int64_t columns, float* sums) {
  Lanes sum[Rows][Panels];
  for (int64_t r = 0; r < Rows; ++r) {
    for (int64_t p = 0; p < Panels; ++p)
      sum[r][p] = Lanes::load(sums + (r * kBlockPanels + p) * kPanel);
  }
  for (int64_t column = 0; column < columns; ++column) {
    Lanes weight[Panels];
    for (int64_t p = 0; p < Panels; ++p)
      weight[p] = Weights::load(w + p * w_stride + column * kPanel);
    for (int64_t r = 0; r < Rows; ++r) {
      const Lanes value = Lanes::all(x[r * x_stride + column]);
      for (int64_t p = 0; p < Panels; ++p) sum[r][p] = fma(value, weight[p], sum[r][p]);
    }
  }
  for (int64_t r = 0; r < Rows; ++r) {
    for (int64_t p = 0; p < Panels; ++p) sum[r][p].store(sums + (r * kBlockPanels + p) * kPanel);
  }
}

template <class Weights, int64_t Panels, int64_t Rows = Lanes::kTileRows>
void float_rows(const typename Weights::Value* w, int64_t w_stride, const float* x,
                int64_t x_stride, int64_t rows, int64_t columns, float* sums) {
  if (rows >= Rows) {
    int64_t row = 0;
    for (; row + Rows <= rows; row += Rows) {
      float_tile<Weights, Panels, Rows>(w, w_stride, x + row * x_stride, x_stride, columns,
                                        sums + row * kBlockPanels * kPanel);
    }
    x += row * x_stride;
    sums += row * kBlockPanels * kPanel;
    rows -= row;
  }
  if constexpr (Rows > 1) {
    if (rows > 0)
      float_rows<Weights, Panels, Rows / 2>(w, w_stride, x, x_stride, rows, columns, sums);
  }
}

// Any number of panels up to kBlockPanels, as tiles of Lanes::kTilePanels or one.
template <class Weights>
void float_panels(const LinearBlock& block, const typename Weights::Value* w, int64_t w_stride,
                  int64_t first_column, int64_t columns, float* sums) {
  const float* x = block.x + first_column;
  int64_t panel = 0;
  if constexpr (Lanes::kTilePanels == 2) {
    for (; panel + 2 <= block.panels; panel += 2) {
      float_rows<Weights, 2>(w + panel * w_stride, w_stride, x, block.x_stride, block.rows, columns,
                             sums + panel * kPanel);
    }
  }
  for (; panel < block.panels; ++panel) {
    float_rows<Weights, 1>(w + panel * w_stride, w_stride, x, block.x_stride, block.rows, columns,
                           sums + panel * kPanel);
  }
}

void clear_sums(const LinearBlock& block, float* sums) {
  for (int64_t i = 0; i < block.rows * kBlockPanels; ++i) Lanes::zero().store(sums + i * kPanel);
}

void store_sums(const LinearBlock& block, const float* sums) {
  for (int64_t panel = 0; panel < block.panels; ++panel) {
    const int64_t lanes = block.n - panel * kPanel < kPanel ? block.n - panel * kPanel : kPanel;
    for (int64_t row = 0; row < block.rows; ++row) {
      const Lanes sum = Lanes::load(sums + (row * kBlockPanels + panel) * kPanel);
      sum.store_some(block.y + row * block.y_stride + panel * kPanel, lanes);
    }
  }
}

template <class Weights>
void linear_float(const LinearBlock& block) {
  using Value = typename Weights::Value;
  alignas(64) float sums[kRowBlock * kBlockPanels * kPanel];
  clear_sums(block, sums);
  const Value* w = reinterpret_cast<const Value*>(block.w);
  const int64_t stride = block.panel_bytes / static_cast<int64_t>(sizeof(Value));
  // One tile of rows has nothing to share between column blocks: stream the panels from end to end.
  const int64_t step = block.rows <= Lanes::kTileRows ? block.k : kColumnBlock;
  for (int64_t column = 0; column < block.k; column += step) {
    const int64_t columns = block.k - column < step ? block.k - column : step;
    float_panels<Weights>(block, w + column * kPanel, stride, column, columns, sums);
  }
  store_sums(block, sums);
}

// Weights of padded columns [begin, begin + 8 * steps) of one panel, dequantized: out (columns,
// 16).
void dequantize_int4(const LinearBlock& block, int64_t panel, const Segment& segment, float* out) {
  const int64_t group = (panel * block.groups + segment.group) * kPanel;
  const Lanes scale = Lanes::load_float16(block.group_scale + group);
  const Lanes zero = block.zero == nullptr ? Lanes::all(8.0f) : Lanes::from_u8(block.zero + group);
  const Lanes offset =
      block.offset == nullptr ? Lanes::zero() : Lanes::load_float16(block.offset + group);
  const uint8_t* w = block.w + panel * block.panel_bytes + segment.begin * (kPanel / 2);
  for (int64_t step = 0; step < segment.steps; ++step) {
    for (int column = 0; column < 8; ++column) {
      // nibble of byte column % 4, low for the first four columns
      const int shift = column % 4 * 8 + column / 4 * 4;
      const Lanes q = Lanes::bits_of_lanes(w + step * 64, shift, 4);
      (block.offset == nullptr ? scale * (q - zero) : scale * q + offset)
          .store(out + (step * 8 + column) * kPanel);
    }
  }
}

void dequantize_int8(const LinearBlock& block, int64_t panel, const Segment& segment, float* out) {
  const int64_t group = (panel * block.groups + segment.group) * kPanel;
  const Lanes scale = block.group_scale == nullptr ? Lanes::load(block.scale8 + panel * kPanel)
                                                   : Lanes::load_float16(block.group_scale + group);
  const uint8_t* w = block.w + panel * block.panel_bytes + segment.begin * kPanel;
  for (int64_t column = 0; column < segment.steps * 8; ++column) {
    const Lanes q = Lanes::bits_of_lanes(w + column / 4 * 64, static_cast<int>(column % 4 * 8), 8);
    (scale * (q - Lanes::all(128.0f))).store(out + column * kPanel);
  }
}

template <class Dequantize>
void linear_dequantized(const LinearBlock& block, Dequantize dequantize) {
  alignas(64) float sums[kRowBlock * kBlockPanels * kPanel];
  alignas(64) float weights[kBlockPanels * kColumnBlock * kPanel];
  clear_sums(block, sums);
  for (int64_t first = 0; first < block.segment_count;) {
    const int64_t begin = block.segments[first].begin;
    int64_t columns = 0;
    while (first < block.segment_count &&
           columns + block.segments[first].steps * 8 <= kColumnBlock) {
      for (int64_t panel = 0; panel < block.panels; ++panel) {
        dequantize(block, panel, block.segments[first],
                   weights + (panel * kColumnBlock + columns) * kPanel);
      }
      columns += block.segments[first].steps * 8;
      ++first;
    }
    float_panels<Float32Weights>(block, weights, kColumnBlock * kPanel, begin, columns, sums);
  }
  store_sums(block, sums);
}

}  // namespace
}  // namespace loadmark::ops
