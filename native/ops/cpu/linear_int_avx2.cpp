// int4 and int8 weights times activations rounded to int8, with AVX2 (also what AVX-512 without
// VNNI runs).
//
// maddubs multiplies u8 by s8 and adds pairs into saturating int16. int4: two products of at most
// 15 * 127 twice over fit. int8: the pair (|w|, x with w's sign) keeps 2 * 128 * 127 within int16.
// madd with ones then widens to int32, so dots are exact; segments combine as in
// linear_int_avx512vnni.cpp, to the same bits.
#include <immintrin.h>

#include "ops/cpu/linear_kernels.h"

namespace loadmark::ops {
namespace {

constexpr int64_t kTileRows = 4;
constexpr int64_t kColumnBlock = 1024;
constexpr int64_t kAhead = 4096;  // bytes

__m256i broadcast4(const int8_t* p) {
  int32_t word;
  __builtin_memcpy(&word, p, 4);
  return _mm256_set1_epi32(word);
}

__m256i load(const uint8_t* p) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }

__m256i widen(__m256i pairs) { return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)); }

__m256 load_float16(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(p)));
}

// Eight columns of 16 channels; `half` is channels 0-7 or 8-15.
struct Int4Columns {
  static constexpr bool kHasOffset = false;
  static constexpr int64_t kStepBytes = 64;
  struct Step {
    __m256i low, high;
  };
  static Step read(const uint8_t* p, int64_t half) {
    const __m256i raw = load(p + half * 32);
    const __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(raw, mask), _mm256_and_si256(_mm256_srli_epi32(raw, 4), mask)};
  }
  static __m256i dot(const Step& w, const int8_t* x) {
    return widen(_mm256_add_epi16(_mm256_maddubs_epi16(w.low, broadcast4(x)),
                                  _mm256_maddubs_epi16(w.high, broadcast4(x + 4))));
  }
  // The offset of the unsigned weights, taken off at the end.
  static __m256i zero(const LinearBlock& block, int64_t group, int64_t half) {
    if (block.zero == nullptr) return _mm256_set1_epi32(8);
    return _mm256_cvtepu8_epi32(
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(block.zero + group + half * 8)));
  }
  static __m256 scale(const LinearBlock& block, int64_t group, int64_t half) {
    return load_float16(block.group_scale + group + half * 8);
  }
};

// With offsets beside zeros of 0.
struct OffsetInt4Columns : Int4Columns {
  static constexpr bool kHasOffset = true;
  static __m256i zero(const LinearBlock&, int64_t, int64_t) { return _mm256_setzero_si256(); }
};

struct Int8Columns {
  static constexpr bool kHasOffset = false;
  static constexpr int64_t kStepBytes = 128;
  struct Step {
    __m256i first, second;  // signed
  };
  static Step read(const uint8_t* p, int64_t half) {
    const __m256i offset = _mm256_set1_epi8(-128);
    return {_mm256_xor_si256(load(p + half * 32), offset),
            _mm256_xor_si256(load(p + 64 + half * 32), offset)};
  }
  static __m256i signed_pairs(__m256i w, __m256i x) {
    return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
  }
  static __m256i dot(const Step& w, const int8_t* x) {
    return _mm256_add_epi32(widen(signed_pairs(w.first, broadcast4(x))),
                            widen(signed_pairs(w.second, broadcast4(x + 4))));
  }
  static __m256i zero(const LinearBlock&, int64_t, int64_t) { return _mm256_setzero_si256(); }
  static __m256 scale(const LinearBlock& block, int64_t group, int64_t half) {
    return block.group_scale == nullptr ? _mm256_set1_ps(1.0f)
                                        : load_float16(block.group_scale + group + half * 8);
  }
};

// Ahead: asks for the lines kAhead bytes further on (linear_int_avx512vnni.cpp says why).
template <class Columns, bool Ahead, int64_t Rows>
void tile(const LinearBlock& block, int64_t row, int64_t panel, int64_t first, int64_t last,
          float* sums) {
  for (int64_t s = first; s < last; ++s) {
    const Segment segment = block.segments[s];
    const float* x_scale = block.x_scale + s * block.x_rows + row;
    const int32_t* x_sum = block.x_sum + s * block.x_rows + row;
    const int64_t group = (panel * block.groups + segment.group) * kPanel;
    __m256i dot[Rows][2];
    for (int64_t half = 0; half < 2; ++half) {
      const __m256i zero = Columns::zero(block, group, half);
      for (int64_t r = 0; r < Rows; ++r) {
        dot[r][half] = _mm256_madd_epi16(zero, _mm256_set1_epi32(-x_sum[r]));
      }
    }
    const int8_t* x = block.xq + row * block.k + segment.begin;
    const uint8_t* w =
        block.w + panel * block.panel_bytes + segment.begin / 8 * Columns::kStepBytes;
    for (int64_t step = 0; step < segment.steps; ++step, x += 8, w += Columns::kStepBytes) {
      for (int64_t line = 0; Ahead && line < Columns::kStepBytes; line += 64)
        __builtin_prefetch(w + kAhead + line);
      for (int64_t half = 0; half < 2; ++half) {
        const auto weights = Columns::read(w, half);
        for (int64_t r = 0; r < Rows; ++r) {
          dot[r][half] = _mm256_add_epi32(dot[r][half], Columns::dot(weights, x + r * block.k));
        }
      }
    }
    for (int64_t half = 0; half < 2; ++half) {
      const __m256 scale_w = Columns::scale(block, group, half);
      for (int64_t r = 0; r < Rows; ++r) {
        float* sum = sums + r * kBlockPanels * kPanel + half * 8;
        const __m256 scale = _mm256_mul_ps(scale_w, _mm256_set1_ps(x_scale[r]));
        __m256 total =
            _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[r][half]), scale, _mm256_load_ps(sum));
        if constexpr (Columns::kHasOffset) {
          total = _mm256_fmadd_ps(load_float16(block.offset + group + half * 8),
                                  _mm256_set1_ps(static_cast<float>(x_sum[r]) * x_scale[r]), total);
        }
        _mm256_store_ps(sum, total);
      }
    }
  }
}

template <class Columns, bool Ahead, int64_t Rows>
void tiles(const LinearBlock& block, int64_t row, int64_t panel, int64_t first, int64_t last,
           float* sums) {
  for (; row + Rows <= block.rows; row += Rows) {
    tile<Columns, Ahead, Rows>(block, row, panel, first, last,
                               sums + (row * kBlockPanels + panel) * kPanel);
  }
  if constexpr (Rows > 1) {
    if (row < block.rows) tiles<Columns, Ahead, Rows / 2>(block, row, panel, first, last, sums);
  }
}

void finish(const LinearBlock& block, float* sums) {
  for (int64_t panel = 0; panel < block.panels; ++panel) {
    const int64_t lanes = block.n - panel * kPanel < kPanel ? block.n - panel * kPanel : kPanel;
    for (int64_t row = 0; row < block.rows; ++row) {
      const float* sum = sums + (row * kBlockPanels + panel) * kPanel;
      float* y = block.y + row * block.y_stride + panel * kPanel;
      for (int64_t lane = 0; lane < lanes; ++lane) {
        y[lane] =
            block.scale8 == nullptr ? sum[lane] : sum[lane] * block.scale8[panel * kPanel + lane];
      }
    }
  }
}

template <class Columns>
void linear_int(const LinearBlock& block) {
  alignas(64) float sums[kRowBlock * kBlockPanels * kPanel];
  for (int64_t i = 0; i < block.rows * kBlockPanels * kPanel; ++i) sums[i] = 0;
  const bool stream = block.rows <= kTileRows;
  const int64_t limit = stream ? block.k : kColumnBlock;
  const auto run = stream ? tiles<Columns, true, kTileRows> : tiles<Columns, false, kTileRows>;
  for (int64_t first = 0; first < block.segment_count;) {
    const int64_t end = block.segments[first].begin + limit;
    int64_t last = first + 1;
    while (last < block.segment_count && block.segments[last].begin < end) ++last;
    for (int64_t panel = 0; panel < block.panels; ++panel) {
      run(block, 0, panel, first, last, sums);
    }
    first = last;
  }
  finish(block, sums);
}

}  // namespace

void quantize_row_avx2(const float* x, const Segment* segments, int64_t count, int8_t* q,
                       float* scale, int32_t* sum, int64_t stride) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  for (int64_t s = 0; s < count; ++s) {
    const int64_t begin = segments[s].begin, end = begin + segments[s].steps * 8;
    __m256i bits = _mm256_setzero_si256();
    for (int64_t i = begin; i < end; i += 8) {
      const __m256 v = _mm256_and_ps(_mm256_loadu_ps(x + i), magnitude);
      bits = _mm256_max_epu32(bits, _mm256_castps_si256(v));
    }
    __m128i largest =
        _mm_max_epu32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
    largest = _mm_max_epu32(largest, _mm_shuffle_epi32(largest, 0x4e));
    largest = _mm_max_epu32(largest, _mm_shuffle_epi32(largest, 0xb1));
    const float absmax = _mm_cvtss_f32(_mm_castsi128_ps(largest));
    const __m256 inverse = _mm256_set1_ps(absmax > 0 ? 127.0f / absmax : 0.0f);
    scale[s * stride] = absmax / 127.0f;
    __m256i total = _mm256_setzero_si256();
    for (int64_t i = begin; i < end; i += 8) {
      const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x + i), inverse);
      const __m256 number =
          _mm256_and_ps(scaled, _mm256_cmp_ps(scaled, scaled, _CMP_ORD_Q));  // NaN becomes 0
      const __m256 clamped =
          _mm256_max_ps(_mm256_min_ps(number, _mm256_set1_ps(127.0f)), _mm256_set1_ps(-127.0f));
      const __m256i rounded = _mm256_cvtps_epi32(clamped);
      total = _mm256_add_epi32(total, rounded);
      const __m128i words =
          _mm_packs_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(q + i), _mm_packs_epi16(words, words));
    }
    __m128i left = _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
    left = _mm_add_epi32(left, _mm_shuffle_epi32(left, 0x4e));
    left = _mm_add_epi32(left, _mm_shuffle_epi32(left, 0xb1));
    sum[s * stride] = _mm_cvtsi128_si32(left);
  }
}

void linear_int4_avx2(const LinearBlock& block) {
  block.offset == nullptr ? linear_int<Int4Columns>(block) : linear_int<OffsetInt4Columns>(block);
}
void linear_int8_avx2(const LinearBlock& block) { linear_int<Int8Columns>(block); }

}  // namespace loadmark::ops
