// What both attention kernels do with a tile of keys and values: 16 query rows a warp against 16
// tokens at a time, online softmax in base 2 (FlashAttention-2, Dao 2023), mma.m16n8k16 with fp32
// sums.
#pragma once

#include <cuda_fp8.h>

#include "ops/cuda/device/number.cuh"
#include "ops/cuda/device/ptx.cuh"
#include "ops/cuda/head_vector.cuh"
#include "ops/cuda/launch.cuh"

namespace loadmark::ops::cuda {

constexpr int kTileTokens = 16;
constexpr int kNoWindow = 0x7fffffff;  // more than any position
inline int window_or_none(int64_t window) {
  return window > 0 && window < kNoWindow ? static_cast<int>(window) : kNoWindow;
}

// Byte offset of 16-byte piece `piece` of a token's vector of kHeadDim 16-bit values; swizzled so
// that ldmatrix's 8 rows fall into different banks.
template <int kHeadDim>
__device__ inline int piece_at(int token, int piece) {
  return token * kHeadDim * 2 + (piece ^ (token & 7)) * 16;
}

// A warp's 16 query rows: fragments, sums and the softmax's running state.
template <class T, int kHeadDim>
struct QueryRows {
  static constexpr int kSteps = kHeadDim / 16, kColumns = kHeadDim / 8;
  uint32_t q[kSteps][4];
  float out[kColumns][4];
  float largest[2], total[2];  // rows g and g + 8

  __device__ QueryRows() {
#pragma unroll
    for (int j = 0; j < kColumns; ++j)
#pragma unroll
      for (int i = 0; i < 4; ++i) out[j][i] = 0;
    largest[0] = largest[1] = -INFINITY;
    total[0] = total[1] = 0;
  }
  // Row pointers of rows g and g + 8; null: zeros.
  __device__ void load(const T* low, const T* high) {
    const int t = threadIdx.x % 4;
#pragma unroll
    for (int s = 0; s < kSteps; ++s) {
      const auto word = [&](const T* row, int at) {
        return row == nullptr ? 0u : *reinterpret_cast<const uint32_t*>(row + 16 * s + at + 2 * t);
      };
      q[s][0] = word(low, 0);
      q[s][1] = word(high, 0);
      q[s][2] = word(low, 8);
      q[s][3] = word(high, 8);
    }
  }
  // Rotary embedding of one position for all rows: values i and i + head_dim / 2 are a lane's
  // fragments s and s + kSteps / 2.
  __device__ void turn(const float2* turns) {
    const int t = threadIdx.x % 4;
#pragma unroll
    for (int s = 0; s < kSteps / 2; ++s) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = 16 * s + i / 2 * 8 + 2 * t;
        const float4 turn = *reinterpret_cast<const float4*>(turns + at);  // of at and at + 1
        float2 a = Number<T>::to_float2(q[s][i]), b = Number<T>::to_float2(q[s + kSteps / 2][i]);
        turn_pair(a.x, b.x, {turn.x, turn.y});
        turn_pair(a.y, b.y, {turn.z, turn.w});
        q[s][i] = Number<T>::pack(a.x, a.y);
        q[s + kSteps / 2][i] = Number<T>::pack(b.x, b.y);
      }
    }
  }
  // Tokens first .. first + 15 of k and v (swizzled rows); row g sees the last `window` tokens
  // below limit[0], row g + 8 those below limit[1]. scale: 1 / sqrt(head_dim) * log2(e). k_scale,
  // v_scale: of each token.
  template <bool kScaled>
  __device__ void attend(const uint8_t* k, const uint8_t* v, const float* k_scale,
                         const float* v_scale, int first, const int (&limit)[2], uint32_t window,
                         float scale) {
    const int lane = threadIdx.x % 32, t = lane % 4;
    float score[2][4] = {};
#pragma unroll
    for (int s = 0; s < kSteps; ++s) {
      uint32_t b[4];
      load_matrix_x4(k + piece_at<kHeadDim>(lane / 16 * 8 + lane % 8, 2 * s + lane / 8 % 2), b);
      Number<T>::mma(score[0], q[s], b[0], b[1]);
      Number<T>::mma(score[1], q[s], b[2], b[3]);
    }
    float peak[2] = {largest[0], largest[1]};
#pragma unroll
    for (int j = 0; j < 2; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int token = 8 * j + 2 * t + i % 2;
        float value = score[j][i] * scale;
        if (kScaled) value *= k_scale[token];
        // From the last one back; what is not yet in sight wraps around, past any window.
        const auto back = static_cast<uint32_t>(limit[i / 2] - 1 - first - token);
        score[j][i] = back < window ? value : -INFINITY;
        peak[i / 2] = fmaxf(peak[i / 2], score[j][i]);
      }
    }
    float factor[2], base[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      peak[r] = fmaxf(peak[r], __shfl_xor_sync(~0u, peak[r], 1));
      peak[r] = fmaxf(peak[r], __shfl_xor_sync(~0u, peak[r], 2));
      base[r] = peak[r] == -INFINITY ? 0.0f : peak[r];  // a row that has seen nothing yet
      factor[r] = exp2f(largest[r] - base[r]);
      largest[r] = peak[r];
      total[r] *= factor[r];
    }
#pragma unroll
    for (int j = 0; j < 2; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        score[j][i] = exp2f(score[j][i] - base[i / 2]);
        total[i / 2] += score[j][i];
        // A token out of sight has a weight of 0 but maybe no scale.
        if (kScaled && score[j][i] > 0) score[j][i] *= kLift * v_scale[8 * j + 2 * t + i % 2];
      }
    }
    const uint32_t p[4] = {
        Number<T>::pack(score[0][0], score[0][1]), Number<T>::pack(score[0][2], score[0][3]),
        Number<T>::pack(score[1][0], score[1][1]), Number<T>::pack(score[1][2], score[1][3])};
#pragma unroll
    for (int j = 0; j < kColumns; j += 2) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        out[j][i] *= factor[i / 2];
        out[j + 1][i] *= factor[i / 2];
      }
      uint32_t b[4];
      load_matrix_x4_transposed(v + piece_at<kHeadDim>(lane % 16, j + lane / 16), b);
      Number<T>::mma(out[j], p, b[0], b[1]);
      Number<T>::mma(out[j + 1], p, b[2], b[3]);
    }
  }
  // A vector's scale is its largest value / 448: lifted, small weights of small vectors stay normal
  // numbers in 16 bits.
  static constexpr float kLift = 256;
  // The row's sum over all four lanes that share it.
  template <bool kScaled>
  __device__ void finish() {
    if (kScaled) {
#pragma unroll
      for (int j = 0; j < kColumns; ++j)
#pragma unroll
        for (float& sum : out[j]) sum *= 1 / kLift;
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      total[r] += __shfl_xor_sync(~0u, total[r], 1);
      total[r] += __shfl_xor_sync(~0u, total[r], 2);
    }
  }
};

// 16 e4m3 values -> 16 16-bit ones.
template <class T>
__device__ inline void widen_piece(const uint8_t* from, uint4 (&to)[2]) {
  const uint4 bytes = *reinterpret_cast<const uint4*>(from);
  const uint32_t words[4] = {bytes.x, bytes.y, bytes.z, bytes.w};
  uint32_t out[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const __half2_raw pair = __nv_cvt_fp8x2_to_halfraw2(
        static_cast<__nv_fp8x2_storage_t>(words[i / 2] >> (16 * (i % 2))), __NV_E4M3);
    out[i] = Number<T>::from_half2(pair.x | uint32_t{pair.y} << 16);
  }
  to[0] = {out[0], out[1], out[2], out[3]};
  to[1] = {out[4], out[5], out[6], out[7]};
}

}  // namespace loadmark::ops::cuda
