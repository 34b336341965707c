// The linear kernels with fp32 activations for AVX-512: linear_float_lanes.h on this set's Lanes,
// and int4 weights of one row dequantized in registers on their way from memory.
#include "ops/cpu/lanes_avx512.h"
#include "ops/cpu/linear_float_lanes.h"

namespace loadmark::ops {
namespace {

constexpr int64_t kAhead = 4096;  // bytes (linear_int_avx512vnni.cpp says why)

// scale * (q - zero) of one group, from q in bits 12-15 or 16-19 of a mantissa whose unit is 1. The
// fp16 scale has 11 bits, so scale * (2^11 + zero) and the difference are exact: the bits are those
// of dequantize_int4.
struct RegisterGroup {
  __m512 scale, offset12, offset16;
};

RegisterGroup register_group(const LinearBlock& block, int64_t panel, int64_t group) {
  const int64_t at = (panel * block.groups + group) * kPanel;
  const Lanes scale = Lanes::load_float16(block.group_scale + at);
  const Lanes zero = block.zero == nullptr ? Lanes::all(8.0f) : Lanes::from_u8(block.zero + at);
  return {scale.v, (scale * (zero + Lanes::all(2048.0f))).v,
          (scale * (zero + Lanes::all(128.0f))).v};
}

template <int Bit>
__m512 dequantized(__m512i words, const RegisterGroup& group) {
  constexpr int kUnit = (127 + 23 - Bit) << 23;  // 2^(23 - Bit): a step of bit `Bit` is 1
  const __m512i value = _mm512_ternarylogic_epi32(words, _mm512_set1_epi32(15 << Bit),
                                                  _mm512_set1_epi32(kUnit), 0xea);  // a & b | c
  return _mm512_fmsub_ps(_mm512_castsi512_ps(value), group.scale,
                         Bit == 12 ? group.offset12 : group.offset16);
}

// The columns stay one chain of multiply-adds a panel; two panels hide half of its latency, which
// is the bound. 4096x4096 on two cores: 734 us through the cache, 343 us so (predicted 280; best of
// many).
template <int64_t Panels>
void int4_row(const LinearBlock& block, float* sums) {
  __m512 sum[Panels];
  for (int64_t p = 0; p < Panels; ++p) sum[p] = _mm512_setzero_ps();
  for (int64_t s = 0; s < block.segment_count; ++s) {
    const Segment segment = block.segments[s];
    RegisterGroup group[Panels];
    for (int64_t p = 0; p < Panels; ++p) group[p] = register_group(block, p, segment.group);
    const float* x = block.x + segment.begin;
    const uint8_t* w = block.w + segment.begin * (kPanel / 2);
    for (int64_t step = 0; step < segment.steps; ++step, x += 8, w += 64) {
      __m512 value[Panels][8];
      for (int64_t p = 0; p < Panels; ++p) {
        __builtin_prefetch(w + p * block.panel_bytes + kAhead);
        const __m512i words = _mm512_load_si512(w + p * block.panel_bytes);
        value[p][0] = dequantized<12>(_mm512_slli_epi32(words, 12), group[p]);
        value[p][1] = dequantized<16>(_mm512_slli_epi32(words, 8), group[p]);
        value[p][2] = dequantized<16>(words, group[p]);
        value[p][3] = dequantized<16>(_mm512_srli_epi32(words, 8), group[p]);
        value[p][4] = dequantized<16>(_mm512_slli_epi32(words, 12), group[p]);
        value[p][5] = dequantized<12>(words, group[p]);
        value[p][6] = dequantized<12>(_mm512_srli_epi32(words, 8), group[p]);
        value[p][7] = dequantized<16>(_mm512_srli_epi32(words, 12), group[p]);
      }
      for (int64_t column = 0; column < 8; ++column) {
        for (int64_t p = 0; p < Panels; ++p)
          sum[p] = _mm512_fmadd_ps(_mm512_set1_ps(x[column]), value[p][column], sum[p]);
      }
    }
  }
  for (int64_t p = 0; p < Panels; ++p) _mm512_store_ps(sums + p * kPanel, sum[p]);
}

}  // namespace

void linear_float32_avx512(const LinearBlock& block) { linear_float<Float32Weights>(block); }
void linear_bfloat16_avx512(const LinearBlock& block) { linear_float<BFloat16Weights>(block); }
void linear_float16_avx512(const LinearBlock& block) { linear_float<Float16Weights>(block); }
void linear_int8_dequantized_avx512(const LinearBlock& block) {
  linear_dequantized(block, dequantize_int8);
}
void linear_int4_dequantized_avx512(const LinearBlock& block) {
  if (block.rows > 1 || block.offset != nullptr) return linear_dequantized(block, dequantize_int4);
  alignas(64) float sums[kBlockPanels * kPanel];
  block.panels == 2 ? int4_row<2>(block, sums) : int4_row<1>(block, sums);
  store_sums(block, sums);
}

}  // namespace loadmark::ops
