// The linear kernels with fp32 activations for AVX-512: linear_float_lanes.h on this set's Lanes.
#include "ops/cpu/lanes_avx512.h"
#include "ops/cpu/linear_float_lanes.h"

namespace loadmark::ops {

void linear_float32_avx512(const LinearBlock& block) { linear_float<Float32Weights>(block); }
void linear_bfloat16_avx512(const LinearBlock& block) { linear_float<BFloat16Weights>(block); }
void linear_float16_avx512(const LinearBlock& block) { linear_float<Float16Weights>(block); }
void linear_int8_dequantized_avx512(const LinearBlock& block) {
  linear_dequantized(block, dequantize_int8);
}
void linear_int4_dequantized_avx512(const LinearBlock& block) {
  linear_dequantized(block, dequantize_int4);
}

}  // namespace loadmark::ops
