// The light operators' kernels, one row (or run of values) a call, in raw pointers, and the set
// chosen for an instruction set. What each computes is in ops.h.
#pragma once

#include <cstdint>

#include "ops/ops.h"

namespace loadmark::ops {

// gelu_new's u = kGeluSlope x + kGeluCube x^3.
inline constexpr float kGeluSlope = 0.7978845608028654f;  // sqrt(2 / pi)
inline constexpr float kGeluCube = 0.7978845608028654f * 0.044715f;

#define LOADMARK_DECLARE_ROW_KERNELS(isa)                                                        \
  void rmsnorm_row_##isa(const float* x, const float* weight, float eps, int64_t dim, float* y); \
  void layernorm_row_##isa(const float* x, const float* weight, const float* bias, float eps,    \
                           int64_t dim, float* y);                                               \
  void add_##isa(const float* x, int64_t count, float* residual);                                \
  void silu_mul_row_##isa(const float* gate, const float* up, int64_t dim, float* y);            \
  void gelu_new_##isa(const float* x, int64_t count, float* y);                                  \
  void rope_row_##isa(float* x, const float* cosine, const float* sine, int64_t heads,           \
                      int64_t head_dim, int64_t dims);                                           \
  int32_t argmax_row_##isa(const float* x, int64_t count);                                       \
  float max_##isa(const float* x, int64_t count);                                                \
  double exp_sum_##isa(const float* x, int64_t count, float max);                                \
  void bfloat16_to_float_##isa(const uint16_t* x, int64_t count, float* y);                      \
  void float16_to_float_##isa(const uint16_t* x, int64_t count, float* y);                       \
  void float_to_bfloat16_##isa(const float* x, int64_t count, uint16_t* y);                      \
  void float_to_float16_##isa(const float* x, int64_t count, uint16_t* y);
LOADMARK_DECLARE_ROW_KERNELS(plain)
LOADMARK_DECLARE_ROW_KERNELS(avx2)
LOADMARK_DECLARE_ROW_KERNELS(avx512)
#undef LOADMARK_DECLARE_ROW_KERNELS

struct RowKernels {
  decltype(&rmsnorm_row_plain) rmsnorm_row;
  decltype(&layernorm_row_plain) layernorm_row;
  decltype(&add_plain) add;
  decltype(&silu_mul_row_plain) silu_mul_row;
  decltype(&gelu_new_plain) gelu_new;
  // x (heads, head_dim): rotates the pairs (i, i + dims/2) by the angle whose cosine and sine
  // (dims/2) are given
  decltype(&rope_row_plain) rope_row;
  decltype(&argmax_row_plain) argmax_row;  // NaN never wins; 0 when nothing else does
  decltype(&max_plain) max;
  decltype(&exp_sum_plain) exp_sum;  // of exp(x - max)
  decltype(&bfloat16_to_float_plain) bfloat16_to_float;
  decltype(&float16_to_float_plain) float16_to_float;
  decltype(&float_to_bfloat16_plain) float_to_bfloat16;
  decltype(&float_to_float16_plain) float_to_float16;
};
const RowKernels& row_kernels(Isa isa);

}  // namespace loadmark::ops
