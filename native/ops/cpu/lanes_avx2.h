// Sixteen fp32 lanes in two 256-bit registers: the AVX2 twin of lanes_avx512.h, same names, same
// arithmetic. Only for *_avx2.cpp files; everything is local to the file that includes it.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace loadmark::ops {
namespace {

alignas(32) constexpr int32_t kMaskWords[24] = {-1, -1, -1, -1, -1, -1, -1, -1};

struct Lanes {
  static constexpr int64_t kTileRows = 4, kTilePanels = 1;
  static constexpr int64_t kTileHeads = 2, kTileChunks = 2;

  __m256 low, high;

  static Lanes zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Lanes all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static Lanes load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static Lanes load_some(const float* p, int64_t count, float fill) {
    return {load_some8(p, count, fill), load_some8(p + 8, count - 8, fill)};
  }
  static Lanes load_bfloat16(const uint16_t* p) {
    return {load_bfloat16_8(p), load_bfloat16_8(p + 8)};
  }
  static Lanes load_float16(const uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
  }
  void store(float* p) const {
    _mm256_storeu_ps(p, low);
    _mm256_storeu_ps(p + 8, high);
  }
  void store_some(float* p, int64_t count) const {
    _mm256_maskstore_ps(p, mask8(count), low);
    _mm256_maskstore_ps(p + 8, mask8(count - 8), high);
  }
  void store_float16(uint16_t* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm256_cvtps_ph(low, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8),
                     _mm256_cvtps_ph(high, _MM_FROUND_TO_NEAREST_INT));
  }
  void store_bfloat16(uint16_t* p) const {
    const __m256i packed = _mm256_packus_epi32(bfloat16_words(low), bfloat16_words(high));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xd8));
  }
  static Lanes from_u8(const uint8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)),
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)))};
  }
  static Lanes bits_of_lanes(const uint8_t* p, int shift, int bits) {
    return {bits8(p, shift, bits), bits8(p + 32, shift, bits)};
  }

 private:
  static __m256i mask8(int64_t count) {
    const int64_t inside = count < 0 ? 0 : count > 8 ? 8 : count;
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMaskWords + 8 - inside));
  }
  static __m256 load_some8(const float* p, int64_t count, float fill) {
    const __m256i mask = mask8(count);
    return _mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, mask),
                            _mm256_castsi256_ps(mask));
  }
  static __m256 load_bfloat16_8(const uint16_t* p) {
    const __m256i wide =
        _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
  }
  static __m256i bfloat16_words(__m256 x) {
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded =
        _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
  }
  static __m256 bits8(const uint8_t* p, int shift, int bits) {
    const __m256i raw = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i words = _mm256_srl_epi32(raw, _mm_cvtsi32_si128(shift));
    return _mm256_cvtepi32_ps(_mm256_and_si256(words, _mm256_set1_epi32((1 << bits) - 1)));
  }
};

inline Lanes operator+(Lanes a, Lanes b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
inline Lanes operator-(Lanes a, Lanes b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
inline Lanes operator*(Lanes a, Lanes b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
inline Lanes operator/(Lanes a, Lanes b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
inline Lanes fma(Lanes a, Lanes b, Lanes c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline Lanes nfma(Lanes a, Lanes b, Lanes c) {
  return {_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high)};
}
inline Lanes max(Lanes a, Lanes b) {
  return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
inline Lanes min(Lanes a, Lanes b) {
  return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
inline Lanes round(Lanes a) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(a.low, kNearest), _mm256_round_ps(a.high, kNearest)};
}
inline __m256 power_of_two8(__m256 n) {
  return _mm256_castsi256_ps(
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
inline Lanes power_of_two(Lanes n) { return {power_of_two8(n.low), power_of_two8(n.high)}; }
inline uint32_t equal_bits(Lanes a, Lanes b) {
  const int low = _mm256_movemask_ps(_mm256_cmp_ps(a.low, b.low, _CMP_EQ_OQ));
  const int high = _mm256_movemask_ps(_mm256_cmp_ps(a.high, b.high, _CMP_EQ_OQ));
  return static_cast<uint32_t>(low | high << 8);
}

inline float sum_of(Lanes a) {
  const __m256 by8 = _mm256_add_ps(a.low, a.high);
  const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}
inline float max_of(Lanes a) {
  const __m256 by8 = _mm256_max_ps(a.low, a.high);
  const __m128 by4 = _mm_max_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_max_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_max_ss(by2, _mm_movehdup_ps(by2)));
}
inline double sum_in_double(Lanes a) {
  const __m256d first = _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(a.low)),
                                      _mm256_cvtps_pd(_mm256_castps256_ps128(a.high)));
  const __m256d second = _mm256_add_pd(_mm256_cvtps_pd(_mm256_extractf128_ps(a.low, 1)),
                                       _mm256_cvtps_pd(_mm256_extractf128_ps(a.high, 1)));
  const __m256d by4 = _mm256_add_pd(first, second);
  const __m128d by2 = _mm_add_pd(_mm256_castpd256_pd128(by4), _mm256_extractf128_pd(by4, 1));
  return _mm_cvtsd_f64(_mm_add_sd(by2, _mm_unpackhi_pd(by2, by2)));
}

// Lane i of the result = the sum of a[i], pairing 4, 2, then 1 apart.
inline __m256 sums_of8(const __m256 (&a)[8]) {
  constexpr int kOrder[8] = {0, 2, 1, 3, 4, 6, 5, 7};
  __m256 t[8];
  for (int i = 0; i < 8; ++i) t[kOrder[i]] = a[i];
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm256_add_ps(_mm256_permute2f128_ps(t[i], t[i + 4], 0x20),
                         _mm256_permute2f128_ps(t[i], t[i + 4], 0x31));
  }
  for (int i = 0; i < 2; ++i) {
    t[i] = _mm256_add_ps(_mm256_shuffle_ps(t[i], t[i + 2], 0x44),
                         _mm256_shuffle_ps(t[i], t[i + 2], 0xee));
  }
  return _mm256_add_ps(_mm256_shuffle_ps(t[0], t[1], 0x88), _mm256_shuffle_ps(t[0], t[1], 0xdd));
}
inline Lanes sums_of(Lanes (&a)[16]) {
  __m256 first[8], second[8];
  for (int i = 0; i < 8; ++i) {
    first[i] = _mm256_add_ps(a[i].low, a[i].high);
    second[i] = _mm256_add_ps(a[i + 8].low, a[i + 8].high);
  }
  return {sums_of8(first), sums_of8(second)};
}

}  // namespace
}  // namespace loadmark::ops
