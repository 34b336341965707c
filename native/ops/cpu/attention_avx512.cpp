// The attention kernel for AVX-512: attention_lanes.h on this set's Lanes.
#include "ops/cpu/lanes_avx512.h"

namespace loadmark::ops {
namespace {

// p * 2^n, n being the last bits of `shifted`; p is normal and stays so.
inline Lanes add_exponent(Lanes p, Lanes shifted) {
  const __m512i n = _mm512_slli_epi32(_mm512_castps_si512(shifted.v), 23);
  return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p.v), n))};
}

}  // namespace
}  // namespace loadmark::ops

// After the Lanes it is written on.
#include "ops/cpu/attention_lanes.h"

namespace loadmark::ops {

void attention_task_avx512(const AttentionTask& task) { attention_task_lanes(task); }

}  // namespace loadmark::ops
