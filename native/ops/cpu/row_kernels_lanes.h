// The light operators on Lanes (lanes_avx2.h or lanes_avx512.h, included before this): one body for
// both sets.
#pragma once

#include "ops/cpu/exp_lanes.h"
#include "ops/cpu/row_kernels.h"

namespace loadmark::ops {
namespace {

constexpr int64_t kLanes = 16;

inline float largest_lanes(const float* x, int64_t count) {
  Lanes largest = Lanes::all(-__builtin_inff());
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    largest = max(Lanes::load(x + i), largest);  // a NaN leaves `largest`
  if (i < count) largest = max(Lanes::load_some(x + i, count - i, -__builtin_inff()), largest);
  return max_of(largest);
}

inline void rmsnorm_row_lanes(const float* x, const float* weight, float eps, int64_t dim,
                              float* y) {
  Lanes squares = Lanes::zero();
  int64_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    const Lanes v = Lanes::load(x + i);
    squares = fma(v, v, squares);
  }
  if (i < dim) {
    const Lanes v = Lanes::load_some(x + i, dim - i, 0.0f);
    squares = fma(v, v, squares);
  }
  const float mean = sum_of(squares) / static_cast<float>(dim);
  const Lanes scale = Lanes::all(1.0f / __builtin_sqrtf(mean + eps));
  for (i = 0; i + kLanes <= dim; i += kLanes)
    (Lanes::load(x + i) * scale * Lanes::load(weight + i)).store(y + i);
  if (i < dim) {
    const int64_t left = dim - i;
    (Lanes::load_some(x + i, left, 0.0f) * scale * Lanes::load_some(weight + i, left, 0.0f))
        .store_some(y + i, left);
  }
}

// A lane that a row does not fill counts as the mean, which adds nothing.
inline void layernorm_row_lanes(const float* x, const float* weight, const float* bias, float eps,
                                int64_t dim, float* y) {
  const int64_t whole = dim / kLanes * kLanes, left = dim - whole;
  Lanes sum = Lanes::zero(), squares = Lanes::zero();
  for (int64_t i = 0; i < whole; i += kLanes) sum = sum + Lanes::load(x + i);
  if (left > 0) sum = sum + Lanes::load_some(x + whole, left, 0.0f);
  const float mean = sum_of(sum) / static_cast<float>(dim);
  const Lanes center = Lanes::all(mean);
  for (int64_t i = 0; i < whole; i += kLanes) {
    const Lanes v = Lanes::load(x + i) - center;
    squares = fma(v, v, squares);
  }
  if (left > 0) {
    const Lanes v = Lanes::load_some(x + whole, left, mean) - center;
    squares = fma(v, v, squares);
  }
  const float variance = sum_of(squares) / static_cast<float>(dim);
  const Lanes scale = Lanes::all(1.0f / __builtin_sqrtf(variance + eps));
  for (int64_t i = 0; i < whole; i += kLanes) {
    const Lanes normed = (Lanes::load(x + i) - center) * scale;
    fma(normed, Lanes::load(weight + i), Lanes::load(bias + i)).store(y + i);
  }
  if (left > 0) {
    const Lanes normed = (Lanes::load_some(x + whole, left, 0.0f) - center) * scale;
    fma(normed, Lanes::load_some(weight + whole, left, 0.0f),
        Lanes::load_some(bias + whole, left, 0.0f))
        .store_some(y + whole, left);
  }
}

inline void add_lanes(const float* x, int64_t count, float* residual) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    (Lanes::load(residual + i) + Lanes::load(x + i)).store(residual + i);
  for (; i < count; ++i) residual[i] += x[i];
}

inline Lanes silu_mul_of(Lanes gate, Lanes up) {
  return gate / (Lanes::all(1.0f) + exp(Lanes::zero() - gate)) * up;
}

inline void silu_mul_row_lanes(const float* gate, const float* up, int64_t dim, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= dim; i += kLanes)
    silu_mul_of(Lanes::load(gate + i), Lanes::load(up + i)).store(y + i);
  if (i < dim) {
    const int64_t left = dim - i;
    silu_mul_of(Lanes::load_some(gate + i, left, 0.0f), Lanes::load_some(up + i, left, 0.0f))
        .store_some(y + i, left);
  }
}

inline Lanes gelu_new_of(Lanes x) {
  const Lanes u = fma(x * x * x, Lanes::all(-2 * kGeluCube), x * Lanes::all(-2 * kGeluSlope));
  return x / (Lanes::all(1.0f) + exp(u));
}

inline void gelu_new_lanes(const float* x, int64_t count, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) gelu_new_of(Lanes::load(x + i)).store(y + i);
  if (i < count) gelu_new_of(Lanes::load_some(x + i, count - i, 0.0f)).store_some(y + i, count - i);
}

inline void rope_row_lanes(float* x, const float* cosine, const float* sine, int64_t heads,
                           int64_t head_dim, int64_t dims) {
  const int64_t half = dims / 2;
  for (int64_t head = 0; head < heads; ++head) {
    float* first = x + head * head_dim;
    float* second = first + half;
    for (int64_t i = 0; i < half; i += kLanes) {
      const int64_t left = half - i < kLanes ? half - i : kLanes;
      const Lanes a = Lanes::load_some(first + i, left, 0.0f),
                  b = Lanes::load_some(second + i, left, 0.0f);
      const Lanes c = Lanes::load_some(cosine + i, left, 0.0f),
                  s = Lanes::load_some(sine + i, left, 0.0f);
      (a * c - b * s).store_some(first + i, left);
      (b * c + a * s).store_some(second + i, left);
    }
  }
}

inline int32_t argmax_row_lanes(const float* x, int64_t count) {
  const Lanes largest = Lanes::all(largest_lanes(x, count));
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const uint32_t equal = equal_bits(Lanes::load(x + i), largest);
    if (equal != 0) return static_cast<int32_t>(i + __builtin_ctz(equal));
  }
  if (i == count) return 0;
  const uint32_t equal =
      equal_bits(Lanes::load_some(x + i, count - i, __builtin_nanf("")), largest);
  return equal != 0 ? static_cast<int32_t>(i + __builtin_ctz(equal)) : 0;
}

// Each exp is fp32, their sum double.
inline double exp_sum_lanes(const float* x, int64_t count, float largest) {
  const Lanes shift = Lanes::all(largest);
  double sum = 0;
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) sum += sum_in_double(exp(Lanes::load(x + i) - shift));
  if (i < count)
    sum += sum_in_double(exp(Lanes::load_some(x + i, count - i, -__builtin_inff()) - shift));
  return sum;
}

}  // namespace
}  // namespace loadmark::ops
