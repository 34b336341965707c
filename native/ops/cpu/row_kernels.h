// The light operators' kernels, one row (or run of values) a call, in raw pointers; contracts are
// in ops.h.
#pragma once

#include <cstdint>

namespace loadmark::ops {

inline constexpr int64_t kPanelLanes =
    16;  // partial sums a reduction keeps, whatever the instruction set

void rmsnorm_row_plain(const float* x, const float* weight, float eps, int64_t dim, float* y);
void add_plain(const float* x, int64_t count, float* residual);
void silu_mul_row_plain(const float* gate, const float* up, int64_t dim, float* y);
// x (heads, head_dim): rotates the pairs (i, i + head_dim/2) by the angle whose cosine and sine are
// given.
void rope_row_plain(float* x, const float* cosine, const float* sine, int64_t heads,
                    int64_t head_dim);
void bfloat16_to_float_plain(const uint16_t* x, int64_t count, float* y);
void float16_to_float_plain(const uint16_t* x, int64_t count, float* y);
void float_to_bfloat16_plain(const float* x, int64_t count, uint16_t* y);
void float_to_float16_plain(const float* x, int64_t count, uint16_t* y);
int32_t argmax_row_plain(const float* x, int64_t count);
float max_plain(const float* x, int64_t count);
// Sum of exp(x - max) in double.
double exp_sum_plain(const float* x, int64_t count, float max);

}  // namespace loadmark::ops
