// What `linear` hands to its kernels: one block of output, in raw pointers, so that no inline
// function of the standard library is compiled with a wider instruction set than the machine may
// have.
#pragma once

#include <cstdint>

#include "ops/cpu/packed.h"

namespace loadmark::ops {

inline constexpr int64_t kRowBlock = 64;    // rows a kernel is given at most
inline constexpr int64_t kBlockPanels = 2;  // panels a kernel is given at most

// rows x (panels * 16) outputs, of which the first n columns exist. Layouts of weights: packed.h.
struct LinearBlock {
  const uint8_t* w;     // first panel
  int64_t panel_bytes;  // to the next
  int64_t panels;       // 1..kBlockPanels
  int64_t rows;         // 1..kRowBlock
  int64_t k;            // padded columns
  float* y;             // (rows, n) with stride y_stride
  int64_t y_stride;
  int64_t n;  // 1..panels * 16
  // floating-point activations
  const float* x;  // (rows, k) with stride x_stride
  int64_t x_stride;
  // integer weights
  const Segment* segments;
  int64_t segment_count;
  const uint16_t* group_scale;  // int4, int8 in groups: (panels, groups, 16) fp16
  const float* scale8;          // int8 with a scale a channel: (panels, 16)
  const uint8_t* zero;          // int4: (panels, groups, 16), null when all are 8
  const uint16_t* offset;       // int4: (panels, groups, 16) fp16 beside zeros of 0, or null
  int64_t groups;
  // rounded activations
  const int8_t* xq;      // (rows, k)
  const float* x_scale;  // (segment_count, rows) with stride x_rows
  const int32_t* x_sum;  // likewise: sum of the segment's rounded activations
  int64_t x_rows;        // rows of the whole call
};
using LinearKernel = void (*)(const LinearBlock& block);

// One row of padded activations, rounded to nearest even by segment: q = x * (127 / absmax), scale
// = absmax / 127. A NaN or an infinity makes its segment's scale non-finite, hence the outputs too.
using QuantizeKernel = void (*)(const float* x, const Segment* segments, int64_t count, int8_t* q,
                                float* scale, int32_t* sum, int64_t stride);

// Sums run over k in ascending order: y += x * w one column after the other (fused on AVX2 and
// AVX-512), or over segments: y = fma(dot, scale_w * scale_x, y) for int4 and int8 in groups, then
// y = fma(offset, sum_x * scale_x, y) where there are offsets; y = fma(dot, scale_x, y), times
// scale_w at the end, for int8 with a scale a channel.
#define LOADMARK_DECLARE_FLOAT_LINEAR(isa)                      \
  void linear_float32_##isa(const LinearBlock& block);          \
  void linear_bfloat16_##isa(const LinearBlock& block);         \
  void linear_float16_##isa(const LinearBlock& block);          \
  void linear_int8_dequantized_##isa(const LinearBlock& block); \
  void linear_int4_dequantized_##isa(const LinearBlock& block);
#define LOADMARK_DECLARE_INT_LINEAR(isa)                                                     \
  void linear_int8_##isa(const LinearBlock& block);                                          \
  void linear_int4_##isa(const LinearBlock& block);                                          \
  void quantize_row_##isa(const float* x, const Segment* segments, int64_t count, int8_t* q, \
                          float* scale, int32_t* sum, int64_t stride);
LOADMARK_DECLARE_FLOAT_LINEAR(plain)
LOADMARK_DECLARE_FLOAT_LINEAR(avx2)
LOADMARK_DECLARE_FLOAT_LINEAR(avx512)
LOADMARK_DECLARE_INT_LINEAR(plain)
LOADMARK_DECLARE_INT_LINEAR(avx2)
LOADMARK_DECLARE_INT_LINEAR(avx512vnni)
#undef LOADMARK_DECLARE_FLOAT_LINEAR
#undef LOADMARK_DECLARE_INT_LINEAR

}  // namespace loadmark::ops
