// The attention kernel for AVX2: attention_lanes.h on this set's Lanes.
#include "ops/cpu/lanes_avx2.h"

namespace loadmark::ops {
namespace {

// p * 2^n, n being the last bits of `shifted`; p is normal and stays so.
inline __m256 add_exponent8(__m256 p, __m256 shifted) {
  const __m256i n = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), n));
}
inline Lanes add_exponent(Lanes p, Lanes shifted) {
  return {add_exponent8(p.low, shifted.low), add_exponent8(p.high, shifted.high)};
}

}  // namespace
}  // namespace loadmark::ops

// After the Lanes it is written on.
#include "ops/cpu/attention_lanes.h"

namespace loadmark::ops {

void attention_task_avx2(const AttentionTask& task) { attention_task_lanes(task); }

}  // namespace loadmark::ops
