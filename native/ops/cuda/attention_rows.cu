// Any row against its paged keys and values, for heads of 256 that attention_decode and
// attention_prefill have no registers for: a block a row and query head, its warps take tokens in
// turn, a lane 8 of the dimensions. Written to be right for the one architecture that has such
// heads, not tuned: every row of a prompt reads its past again, from the second-level cache.
#include <cuda_fp8.h>

#include <cmath>

#include "ops/cuda/attention_tile.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kWarps = 8, kHeadDim = 256, kEach = kHeadDim / 32;

struct Problem {
  PagedKv kv;
  RowPlaces places;
  const void* qkv;
  void* out;
  int heads, window;
  float scale;
};

// A lane's 8 values of vector `at` of a cache.
template <class T, bool kFloat8>
__device__ inline void load_values(const void* cache, const float* scales, int64_t at,
                                   float (&to)[kEach]) {
  const int lane = threadIdx.x % 32;
  if constexpr (kFloat8) {
    const uint2 bytes = *reinterpret_cast<const uint2*>(static_cast<const uint8_t*>(cache) +
                                                        at * kHeadDim + lane * 8);
    const uint32_t words[2] = {bytes.x, bytes.y};
    const float scale = scales[at];
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const auto bits = static_cast<__nv_fp8_storage_t>(words[i / 4] >> (8 * (i % 4)));
      to[i] = __half2float(__half(__nv_cvt_fp8_to_halfraw(bits, __NV_E4M3))) * scale;
    }
  } else {
    const uint4 values =
        *reinterpret_cast<const uint4*>(static_cast<const T*>(cache) + at * kHeadDim + lane * 8);
    const uint32_t words[4] = {values.x, values.y, values.z, values.w};
#pragma unroll
    for (int i = 0; i < kEach; i += 2) {
      const float2 pair = Number<T>::to_float2(words[i / 2]);
      to[i] = pair.x;
      to[i + 1] = pair.y;
    }
  }
}

template <class T, bool kFloat8>
__global__ void __launch_bounds__(32 * kWarps) attention_rows_kernel(Problem p) {
  __shared__ float parts[kWarps][kHeadDim], peaks[kWarps], totals[kWarps];
  launch_dependents();
  wait_for_prerequisites();
  const int row = blockIdx.x, head = blockIdx.y, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int position = p.places.positions[row];
  if (position < 0) return;
  const int kv_heads = static_cast<int>(p.kv.kv_heads);
  const int kv_head = head / (p.heads / kv_heads);
  const int page_tokens = static_cast<int>(p.kv.page_tokens);
  const int32_t* pages = p.places.pages + p.places.first_page[row];
  float q[kEach], sums[kEach] = {}, largest = -INFINITY, total = 0;
  load_values<T, false>(p.qkv, nullptr, int64_t{row} * (p.heads + 2 * kv_heads) + head, q);
  for (int token = max(position + 1 - p.window, 0) + warp; token <= position; token += kWarps) {
    const int64_t at = (int64_t{pages[token / page_tokens]} * kv_heads + kv_head) * page_tokens +
                       token % page_tokens;
    float k[kEach], v[kEach], score = 0;
    load_values<T, kFloat8>(p.kv.k, p.kv.k_scale, at, k);
    load_values<T, kFloat8>(p.kv.v, p.kv.v_scale, at, v);
#pragma unroll
    for (int i = 0; i < kEach; ++i) score += q[i] * k[i];
    for (int step = 16; step > 0; step /= 2) score += __shfl_xor_sync(~0u, score, step);
    score *= p.scale;
    const float peak = fmaxf(largest, score);
    const float factor = exp2f(largest - peak), weight = exp2f(score - peak);
    largest = peak;
    total = total * factor + weight;
#pragma unroll
    for (int i = 0; i < kEach; ++i) sums[i] = sums[i] * factor + weight * v[i];
  }
  // The warps' parts, added up in order; a warp without a token counts nothing.
#pragma unroll
  for (int i = 0; i < kEach; ++i) parts[warp][lane * kEach + i] = sums[i];
  if (lane == 0) peaks[warp] = largest, totals[warp] = total;
  __syncthreads();
  float peak = peaks[0], sum = 0, whole = 0;
  for (int i = 1; i < kWarps; ++i) peak = fmaxf(peak, peaks[i]);
  for (int i = 0; i < kWarps; ++i) {
    const float factor = exp2f(peaks[i] - peak);
    sum += parts[i][threadIdx.x] * factor;
    whole += totals[i] * factor;
  }
  T* out = static_cast<T*>(p.out) + (int64_t{row} * p.heads + head) * kHeadDim;
  out[threadIdx.x] = Number<T>::from_float(sum / whole);
}
static_assert(32 * kWarps == kHeadDim, "a thread a dimension at the end");

}  // namespace

bool needs_attention_rows(int64_t head_dim) { return head_dim == kHeadDim; }

void attention_rows(const Gpu& gpu, Activation activation, const PagedKv& kv,
                    const RowPlaces& places, const void* qkv, int64_t heads, int64_t window,
                    void* out) {
  Problem p = {};
  p.kv = kv;
  p.places = places;
  p.qkv = qkv;
  p.out = out;
  p.heads = static_cast<int>(heads);
  p.window = window_or_none(window);
  p.scale = 1.4426950408889634f / std::sqrt(static_cast<float>(kv.head_dim));
  const dim3 grid(static_cast<unsigned>(places.rows), static_cast<unsigned>(heads));
  const auto go = [&](auto kernel) {
    launch(gpu, "attention_rows", kernel, grid, 32 * kWarps, 0, p);
  };
  with_activation(activation, [&]<class T>(T) {
    kv.storage == KvStorage::kFloat8 ? go(attention_rows_kernel<T, true>)
                                     : go(attention_rows_kernel<T, false>);
  });
}

}  // namespace loadmark::ops::cuda
