// int4 and int8 weights times activations rounded to int8, with AVX-512 VNNI.
//
// dpbusd multiplies four u8 by four s8 and adds them into an int32 lane: lanes are output channels,
// the four bytes are four columns, the activation's four columns are broadcast. Weights stay
// unsigned; what that adds to a segment's dot, zero * sum(x), is exact in integers and is where the
// accumulator starts. Per segment and output:
//   y = fma(dot - zero * sum, scale_w * scale_x, y)      (int8 with a scale a channel: scale_x
//   alone, scale_w after the last segment), then y = fma(offset, sum * scale_x, y) with offsets
// A tile is Rows x Panels accumulators; fp32 sums are parked in the cache between segments.
// Bound: matrix-vector by the reading of weights, matrix-matrix by dpbusd (two a cycle).
// On a Zen 5 core, of its dpbusd peak at 64 rows: 58 % with groups of 32, 70 % with 64, 77 % with
// 128 (predicted 65, 80, 90 from counting instructions). Storing the scales of activations by
// segment rather than by row, so that a tile reads adjacent words, changed nothing measurable.
// One row, groups of 64, 4096x4096, medians on two quiet cores: 231 us before, 159 us now
// (predicted 178), a plain read of the same bytes in the same runs of panels 142 us. What won: long
// runs of panels a thread (linear.cpp), lines asked for 4 KiB ahead, one panel at a time. What did
// not: 2 KiB ahead is 0-8 % slower, 8 KiB 0-6 %, 16 KiB 2-12 %; 2, 4 or 8 panels at once 5, 7 and
// 18 % with the same asking ahead; asking with the non-temporal hint, up to four accumulators a
// panel, unrolled segments and activations broadcast as memory operands change nothing. Asking
// ahead takes eight rows from 361 to 233 us (best of many). Offsets are a kind of columns of their
// own: asked for as `block.offset != nullptr` in the loops, they cost int4 without any, and int8, a
// third at 8 rows and more (g64 820 us instead of 610, 64 rows, 512 channels, one core).
#include <immintrin.h>

#include "ops/cpu/linear_kernels.h"

namespace loadmark::ops {
namespace {

constexpr int64_t kTileRows = 8;
constexpr int64_t kColumnBlock = 1024;  // of packed weights and one tile of rows: at most 40 KiB
constexpr int64_t kAhead = 4096;        // bytes

struct Int4Columns {
  static constexpr bool kHasOffset = false;
  static constexpr int64_t kStepBytes = 64;  // eight columns of a panel
  static __m512i first(__m512i v, const uint8_t*) {
    return _mm512_and_si512(v, _mm512_set1_epi8(15));
  }
  static __m512i second(__m512i v, const uint8_t*) {
    return _mm512_and_si512(_mm512_srli_epi32(v, 4), _mm512_set1_epi8(15));
  }
};

// With offsets beside zeros of 0.
struct OffsetInt4Columns : Int4Columns {
  static constexpr bool kHasOffset = true;
};

struct Int8Columns {
  static constexpr bool kHasOffset = false;
  static constexpr int64_t kStepBytes = 128;
  static __m512i first(__m512i v, const uint8_t*) { return v; }
  static __m512i second(__m512i, const uint8_t* p) { return _mm512_loadu_si512(p + 64); }
};

struct PanelScale {
  __m512 scale;
  __m512i zero;
};

__m512 load_float16(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(p)));
}

PanelScale panel_scale(const LinearBlock& block, Int4Columns, int64_t panel, int64_t group) {
  const int64_t at = (panel * block.groups + group) * kPanel;
  const __m512 scale = load_float16(block.group_scale + at);
  if (block.zero == nullptr) return {scale, _mm512_set1_epi32(8)};
  return {scale,
          _mm512_cvtepu8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(block.zero + at)))};
}

PanelScale panel_scale(const LinearBlock& block, OffsetInt4Columns, int64_t panel, int64_t group) {
  const int64_t at = (panel * block.groups + group) * kPanel;
  return {load_float16(block.group_scale + at), _mm512_setzero_si512()};
}

PanelScale panel_scale(const LinearBlock& block, Int8Columns, int64_t panel, int64_t group) {
  const int64_t at = (panel * block.groups + group) * kPanel;
  return {
      block.group_scale == nullptr ? _mm512_set1_ps(1.0f) : load_float16(block.group_scale + at),
      _mm512_set1_epi32(128)};
}

// + offset * sum of the segment's activations.
__m512 add_offset(const LinearBlock& block, int64_t panel, int64_t group, float x_sum, __m512 sum) {
  const int64_t at = (panel * block.groups + group) * kPanel;
  return _mm512_fmadd_ps(load_float16(block.offset + at), _mm512_set1_ps(x_sum), sum);
}

__m512i broadcast4(const int8_t* p) {
  int32_t word;
  __builtin_memcpy(&word, p, 4);
  return _mm512_set1_epi32(word);
}

// sum += w (u8) . x (s8), four bytes a lane. As assembly because GCC 12 copies the accumulator
// around its intrinsic: 64 rows of 4096x4096 took 852 us with the intrinsic, 829 us with this
// (one core, quarter of the channels).
void dpbusd(__m512i& sum, __m512i w, __m512i x) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
}

// Segments [first, last) of `Rows` rows from `row` and `Panels` panels from `panel`; sums (rows,
// kBlockPanels * 16). Ahead: asks for the lines kAhead bytes further on, past the last panel those
// of the block that follows.
template <class Columns, bool Ahead, int64_t Panels, int64_t Rows>
void tile(const LinearBlock& block, int64_t row, int64_t panel, int64_t first, int64_t last,
          float* sums) {
  const uint8_t* panels = block.w + panel * block.panel_bytes;
  for (int64_t s = first; s < last; ++s) {
    const Segment segment = block.segments[s];
    const float* x_scale = block.x_scale + s * block.x_rows + row;
    const int32_t* x_sum = block.x_sum + s * block.x_rows + row;
    PanelScale group[Panels];
    for (int64_t p = 0; p < Panels; ++p)
      group[p] = panel_scale(block, Columns{}, panel + p, segment.group);
    __m512i dot[Rows][Panels];
    for (int64_t r = 0; r < Rows; ++r) {
      // |sum| fits 16 bits (kMaxSegment * 127) and so does zero: one madd is their product.
      const __m512i minus_sum = _mm512_set1_epi32(-x_sum[r]);
      for (int64_t p = 0; p < Panels; ++p) dot[r][p] = _mm512_madd_epi16(group[p].zero, minus_sum);
    }
    const int8_t* x = block.xq + row * block.k + segment.begin;
    const int64_t offset = segment.begin / 8 * Columns::kStepBytes;
    const uint8_t* w = panels + offset;
    int64_t ahead = kAhead;
    if (offset + kAhead >= block.panel_bytes) ahead += (Panels - 1) * block.panel_bytes;
    for (int64_t step = 0; step < segment.steps; ++step, x += 8, w += Columns::kStepBytes) {
      for (int64_t p = 0; Ahead && p < Panels; ++p) {
        for (int64_t line = 0; line < Columns::kStepBytes; line += 64)
          __builtin_prefetch(w + p * block.panel_bytes + ahead + line);
      }
      __m512i low[Panels], high[Panels];
      for (int64_t p = 0; p < Panels; ++p) {
        const uint8_t* at = w + p * block.panel_bytes;
        const __m512i raw = _mm512_load_si512(at);
        low[p] = Columns::first(raw, at);
        high[p] = Columns::second(raw, at);
      }
      for (int64_t r = 0; r < Rows; ++r) {
        const __m512i x_low = broadcast4(x + r * block.k);
        for (int64_t p = 0; p < Panels; ++p) dpbusd(dot[r][p], low[p], x_low);
        const __m512i x_high = broadcast4(x + r * block.k + 4);
        for (int64_t p = 0; p < Panels; ++p) dpbusd(dot[r][p], high[p], x_high);
      }
    }
    // Left alone, GCC 12 keeps this loop where there are offsets, and dot, then indexed, in memory.
#pragma GCC unroll 8
    for (int64_t r = 0; r < Rows; ++r) {
      const __m512 scale_x = _mm512_set1_ps(x_scale[r]);
      for (int64_t p = 0; p < Panels; ++p) {
        float* sum = sums + (r * kBlockPanels + p) * kPanel;
        const __m512 scale = _mm512_mul_ps(group[p].scale, scale_x);
        __m512 total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[r][p]), scale, _mm512_load_ps(sum));
        if constexpr (Columns::kHasOffset) {
          total = add_offset(block, panel + p, segment.group,
                             static_cast<float>(x_sum[r]) * x_scale[r], total);
        }
        _mm512_store_ps(sum, total);
      }
    }
  }
}

template <class Columns, bool Ahead, int64_t Panels, int64_t Rows>
void tiles(const LinearBlock& block, int64_t row, int64_t panel, int64_t first, int64_t last,
           float* sums) {
  for (; row + Rows <= block.rows; row += Rows) {
    tile<Columns, Ahead, Panels, Rows>(block, row, panel, first, last,
                                       sums + (row * kBlockPanels + panel) * kPanel);
  }
  if constexpr (Rows > 1) {
    if (row < block.rows)
      tiles<Columns, Ahead, Panels, Rows / 2>(block, row, panel, first, last, sums);
  }
}

void finish(const LinearBlock& block, const float* sums) {
  for (int64_t panel = 0; panel < block.panels; ++panel) {
    const int64_t lanes = block.n - panel * kPanel < kPanel ? block.n - panel * kPanel : kPanel;
    const auto mask = static_cast<__mmask16>((1u << lanes) - 1);
    for (int64_t row = 0; row < block.rows; ++row) {
      __m512 sum = _mm512_load_ps(sums + (row * kBlockPanels + panel) * kPanel);
      if (block.scale8 != nullptr)
        sum = _mm512_mul_ps(sum, _mm512_load_ps(block.scale8 + panel * kPanel));
      _mm512_mask_storeu_ps(block.y + row * block.y_stride + panel * kPanel, mask, sum);
    }
  }
}

// One row times one panel. The panels of a task follow each other in memory and so do those of the
// next task of this thread, mostly: asking for the lines kAhead bytes further on keeps the stream
// running across pages and panels, where the hardware's own prefetching starts anew. Not inlined:
// what the caller keeps would take its registers (6 % with groups of 64 that lie in the cache).
template <class Columns>
[[gnu::noinline]] __m512 row_times_panel(const LinearBlock& block, int64_t panel) {
  const uint8_t* w = block.w + panel * block.panel_bytes;
  __m512 sum = _mm512_setzero_ps();
  for (int64_t s = 0; s < block.segment_count; ++s) {
    const Segment segment = block.segments[s];
    const int64_t at = s * block.x_rows;
    const PanelScale group = panel_scale(block, Columns{}, panel, segment.group);
    __m512i dot = _mm512_madd_epi16(group.zero, _mm512_set1_epi32(-block.x_sum[at]));
    __m512i dot_high = _mm512_setzero_si512();
    const int8_t* x = block.xq + segment.begin;
    for (int64_t step = 0; step < segment.steps; ++step, x += 8, w += Columns::kStepBytes) {
      for (int64_t line = 0; line < Columns::kStepBytes; line += 64)
        __builtin_prefetch(w + kAhead + line);
      const __m512i raw = _mm512_load_si512(w);
      dpbusd(dot, Columns::first(raw, w), broadcast4(x));
      dpbusd(dot_high, Columns::second(raw, w), broadcast4(x + 4));
    }
    dot = _mm512_add_epi32(dot, dot_high);
    const __m512 scale = _mm512_mul_ps(group.scale, _mm512_set1_ps(block.x_scale[at]));
    sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scale, sum);
    if constexpr (Columns::kHasOffset) {
      sum = add_offset(block, panel, segment.group,
                       static_cast<float>(block.x_sum[at]) * block.x_scale[at], sum);
    }
  }
  return sum;
}

template <class Columns>
void linear_int(const LinearBlock& block) {
  alignas(64) float sums[kRowBlock * kBlockPanels * kPanel];
  if (block.rows == 1) {
    for (int64_t panel = 0; panel < block.panels; ++panel)
      _mm512_store_ps(sums + panel * kPanel, row_times_panel<Columns>(block, panel));
    return finish(block, sums);
  }
  for (int64_t i = 0; i < block.rows * kBlockPanels; ++i)
    _mm512_store_ps(sums + i * kPanel, _mm512_setzero_ps());
  // One tile of rows has nothing to share between column blocks: stream the panels from end to end.
  const bool stream = block.rows <= kTileRows;
  const int64_t limit = stream ? block.k : kColumnBlock;
  const auto run = block.panels == 2 ? stream ? tiles<Columns, true, 2, kTileRows>
                                              : tiles<Columns, false, 2, kTileRows>
                   : stream ? tiles<Columns, true, 1, kTileRows>
                                     : tiles<Columns, false, 1, kTileRows>;
  for (int64_t first = 0; first < block.segment_count;) {
    const int64_t end = block.segments[first].begin + limit;
    int64_t last = first + 1;
    while (last < block.segment_count && block.segments[last].begin < end) ++last;
    run(block, 0, 0, first, last, sums);
    first = last;
  }
  finish(block, sums);
}

}  // namespace

void quantize_row_avx512vnni(const float* x, const Segment* segments, int64_t count, int8_t* q,
                             float* scale, int32_t* sum, int64_t stride) {
  for (int64_t s = 0; s < count; ++s) {
    const int64_t begin = segments[s].begin, end = begin + segments[s].steps * 8;
    __m512i bits = _mm512_setzero_si512();
    for (int64_t i = begin; i < end; i += 16) {
      const __mmask16 inside = end - i >= 16 ? 0xffff : 0xff;
      const __m512 v = _mm512_abs_ps(_mm512_maskz_loadu_ps(inside, x + i));
      bits = _mm512_max_epu32(bits, _mm512_castps_si512(v));
    }
    const float absmax = _mm512_cvtss_f32(_mm512_castsi512_ps(
        _mm512_set1_epi32(static_cast<int32_t>(_mm512_reduce_max_epu32(bits)))));
    const __m512 inverse = _mm512_set1_ps(absmax > 0 ? 127.0f / absmax : 0.0f);
    scale[s * stride] = absmax / 127.0f;
    __m512i total = _mm512_setzero_si512();
    for (int64_t i = begin; i < end; i += 16) {
      const __mmask16 inside = end - i >= 16 ? 0xffff : 0xff;
      const __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(inside, x + i), inverse);
      const __mmask16 number = _mm512_cmp_ps_mask(scaled, scaled, _CMP_ORD_Q);  // NaN becomes 0
      const __m512 clamped = _mm512_maskz_max_ps(
          number, _mm512_min_ps(scaled, _mm512_set1_ps(127.0f)), _mm512_set1_ps(-127.0f));
      const __m512i rounded = _mm512_cvtps_epi32(clamped);
      total = _mm512_add_epi32(total, rounded);
      _mm512_mask_cvtepi32_storeu_epi8(q + i, inside, rounded);
    }
    sum[s * stride] = _mm512_reduce_add_epi32(total);
  }
}

void linear_int4_avx512vnni(const LinearBlock& block) {
  block.offset == nullptr ? linear_int<Int4Columns>(block) : linear_int<OffsetInt4Columns>(block);
}
void linear_int8_avx512vnni(const LinearBlock& block) { linear_int<Int8Columns>(block); }

}  // namespace loadmark::ops
