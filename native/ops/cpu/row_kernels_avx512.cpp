// The light operators' kernels for AVX-512: row_kernels_lanes.h on this set's Lanes.
#include "ops/cpu/lanes_avx512.h"
#include "ops/cpu/row_kernels_lanes.h"

namespace loadmark::ops {

void rmsnorm_row_avx512(const float* x, const float* weight, float eps, int64_t dim, float* y) {
  rmsnorm_row_lanes(x, weight, eps, dim, y);
}

void layernorm_row_avx512(const float* x, const float* weight, const float* bias, float eps,
                          int64_t dim, float* y) {
  layernorm_row_lanes(x, weight, bias, eps, dim, y);
}

void add_avx512(const float* x, int64_t count, float* residual) { add_lanes(x, count, residual); }

void silu_mul_row_avx512(const float* gate, const float* up, int64_t dim, float* y) {
  silu_mul_row_lanes(gate, up, dim, y);
}

void gelu_new_avx512(const float* x, int64_t count, float* y) { gelu_new_lanes(x, count, y); }

void rope_row_avx512(float* x, const float* cosine, const float* sine, int64_t heads,
                     int64_t head_dim, int64_t dims) {
  rope_row_lanes(x, cosine, sine, heads, head_dim, dims);
}

int32_t argmax_row_avx512(const float* x, int64_t count) { return argmax_row_lanes(x, count); }

float max_avx512(const float* x, int64_t count) { return largest_lanes(x, count); }

double exp_sum_avx512(const float* x, int64_t count, float max) {
  return exp_sum_lanes(x, count, max);
}

void bfloat16_to_float_avx512(const uint16_t* x, int64_t count, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) Lanes::load_bfloat16(x + i).store(y + i);
  if (i < count) bfloat16_to_float_plain(x + i, count - i, y + i);
}

void float16_to_float_avx512(const uint16_t* x, int64_t count, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) Lanes::load_float16(x + i).store(y + i);
  if (i < count) float16_to_float_plain(x + i, count - i, y + i);
}

void float_to_bfloat16_avx512(const float* x, int64_t count, uint16_t* y) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) Lanes::load(x + i).store_bfloat16(y + i);
  if (i < count) float_to_bfloat16_plain(x + i, count - i, y + i);
}

void float_to_float16_avx512(const float* x, int64_t count, uint16_t* y) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) Lanes::load(x + i).store_float16(y + i);
  if (i < count) float_to_float16_plain(x + i, count - i, y + i);
}

}  // namespace loadmark::ops
