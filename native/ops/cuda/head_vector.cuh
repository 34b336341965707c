// A head's vector across a warp: turned by the rotary embedding, and as the cache keeps it. A lane
// holds the pairs (i, i + head_dim / 2) for i = lane + 32 j.
#pragma once

#include <cuda_fp8.h>

#include <type_traits>

#include "ops/cuda/device/number.cuh"

namespace loadmark::ops::cuda {

constexpr float kLargestFloat8 = 448;  // of e4m3

// Rotary embedding (rotate-half) of one pair by (cos, sin). The roundings are named: left to the
// compiler, kernels would differ in which of the products is fused.
__device__ inline void turn_pair(float& low, float& high, float2 turn) {
  const float before = low;
  low = fmaf(low, turn.x, -(high * turn.y));
  high = fmaf(high, turn.x, before * turn.y);
}

template <class T, int kHeadDim>
struct HeadVector {
  static constexpr int kHalf = kHeadDim / 2, kPairs = kHalf / 32;
  float low[kPairs], high[kPairs];

  __device__ explicit HeadVector(const T* from) {
#pragma unroll
    for (int j = 0; j < kPairs; ++j) {
      const int i = threadIdx.x % 32 + 32 * j;
      low[j] = Number<T>::to_float(from[i]);
      high[j] = Number<T>::to_float(from[i + kHalf]);
    }
  }
  // turns (head_dim / 2) of (cos, sin).
  __device__ void turn(const float2* turns) {
#pragma unroll
    for (int j = 0; j < kPairs; ++j) turn_pair(low[j], high[j], turns[threadIdx.x % 32 + 32 * j]);
  }
};

// The same as 16-bit values, or as e4m3 with a scale that makes the largest 448.
template <class T, int kHeadDim, bool kFloat8>
struct KeptVector {
  using From = HeadVector<T, kHeadDim>;
  using Value = std::conditional_t<kFloat8, uint8_t, T>;
  static constexpr int kHalf = From::kHalf, kPairs = From::kPairs;
  Value low[kPairs], high[kPairs];
  float scale;  // e4m3 only

  KeptVector() = default;
  __device__ explicit KeptVector(const From& from) {
    if constexpr (kFloat8) {
      float largest = 0;
#pragma unroll
      for (int j = 0; j < kPairs; ++j)
        largest = fmaxf(largest, fmaxf(fabsf(from.low[j]), fabsf(from.high[j])));
      for (int step = 16; step > 0; step /= 2)
        largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, step));
      scale = largest > 0 ? largest / kLargestFloat8 : 1.0f;
    }
#pragma unroll
    for (int j = 0; j < kPairs; ++j) {
      low[j] = kept(from.low[j]);
      high[j] = kept(from.high[j]);
    }
  }
  __device__ Value kept(float value) const {
    if constexpr (kFloat8) {
      return __nv_cvt_float_to_fp8(value / scale, __NV_SATFINITE, __NV_E4M3);
    } else {
      return Number<T>::from_float(value);
    }
  }
  // `place`: byte offset of a value.
  template <class Place>
  __device__ void store(void* to, const Place& place) const {
    auto* bytes = static_cast<uint8_t*>(to);
#pragma unroll
    for (int j = 0; j < kPairs; ++j) {
      const int i = threadIdx.x % 32 + 32 * j;
      *reinterpret_cast<Value*>(bytes + place(i)) = low[j];
      *reinterpret_cast<Value*>(bytes + place(i + kHalf)) = high[j];
    }
  }
  // As vector `at` of a cache, with its scale.
  __device__ void store(void* cache, float* scales, int64_t at) const {
    store(static_cast<Value*>(cache) + at * kHeadDim,
          [](int i) { return i * static_cast<int>(sizeof(Value)); });
    if (kFloat8 && threadIdx.x % 32 == 0) scales[at] = scale;
  }
};

}  // namespace loadmark::ops::cuda
