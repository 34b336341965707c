// Rotary embedding (rotate-half) of q and k in place, and k and v into the paged cache: a warp a
// head, bound by bytes. e4m3 values are scaled per vector so that the largest is 448.
#include "ops/cuda/attention_tile.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kWarps = 4;

// A lane's values are pairs (i, i + head_dim / 2), i = lane + 32 j.
template <class T, int kHeadDim>
__global__ void __launch_bounds__(32 * kWarps)
    rope_kv_write_kernel(PagedKv kv, RowPlaces places, const float2* rotation, T* qkv, int heads) {
  constexpr int kHalf = kHeadDim / 2, kPairs = (kHalf + 31) / 32;
  launch_dependents();
  wait_for_prerequisites();
  const int row = blockIdx.x, lane = threadIdx.x % 32;
  const int kv_heads = static_cast<int>(kv.kv_heads), all = heads + 2 * kv_heads;
  const int head = blockIdx.y * kWarps + threadIdx.x / 32;
  const int position = places.positions[row];
  if (head >= all || position < 0) return;
  T* vector = qkv + (int64_t{row} * all + head) * kHeadDim;
  float low[kPairs] = {}, high[kPairs] = {};
#pragma unroll
  for (int j = 0; j < kPairs; ++j) {
    const int i = lane + 32 * j;
    if (i >= kHalf) continue;
    low[j] = Number<T>::to_float(vector[i]);
    high[j] = Number<T>::to_float(vector[i + kHalf]);
    if (head < heads + kv_heads) {
      const float2 turn = rotation[int64_t{position} * kHalf + i];
      const float a = low[j], b = high[j];
      low[j] = a * turn.x - b * turn.y;
      high[j] = b * turn.x + a * turn.y;
    }
  }
  if (head < heads) {
#pragma unroll
    for (int j = 0; j < kPairs; ++j) {
      const int i = lane + 32 * j;
      if (i >= kHalf) continue;
      vector[i] = Number<T>::from_float(low[j]);
      vector[i + kHalf] = Number<T>::from_float(high[j]);
    }
    return;
  }
  const bool is_k = head < heads + kv_heads;
  const int kv_head = is_k ? head - heads : head - heads - kv_heads;
  const int page_tokens = static_cast<int>(kv.page_tokens);
  const int64_t page = places.pages[places.first_page[row] + position / page_tokens];
  const int64_t at = (page * kv_heads + kv_head) * page_tokens + position % page_tokens;
  if (kv.storage == KvStorage::kActivation) {
    T* to = static_cast<T*>(is_k ? kv.k : kv.v) + at * kHeadDim;
#pragma unroll
    for (int j = 0; j < kPairs; ++j) {
      const int i = lane + 32 * j;
      if (i >= kHalf) continue;
      to[i] = Number<T>::from_float(low[j]);
      to[i + kHalf] = Number<T>::from_float(high[j]);
    }
    return;
  }
  float largest = 0;
#pragma unroll
  for (int j = 0; j < kPairs; ++j) largest = fmaxf(largest, fmaxf(fabsf(low[j]), fabsf(high[j])));
  for (int step = 16; step > 0; step /= 2)
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, step));
  const float scale = largest > 0 ? largest / kLargestFloat8 : 1.0f;
  auto* to = static_cast<__nv_fp8_storage_t*>(is_k ? kv.k : kv.v) + at * kHeadDim;
#pragma unroll
  for (int j = 0; j < kPairs; ++j) {
    const int i = lane + 32 * j;
    if (i >= kHalf) continue;
    to[i] = __nv_cvt_float_to_fp8(low[j] / scale, __NV_SATFINITE, __NV_E4M3);
    to[i + kHalf] = __nv_cvt_float_to_fp8(high[j] / scale, __NV_SATFINITE, __NV_E4M3);
  }
  if (lane == 0) (is_k ? kv.k_scale : kv.v_scale)[at] = scale;
}

template <class T>
void run(const Gpu& gpu, const PagedKv& kv, const RowPlaces& places, const float* rotation,
         void* qkv, int64_t heads) {
  const dim3 grid(static_cast<unsigned>(places.rows), blocks_for(heads + 2 * kv.kv_heads, kWarps));
  const auto go = [&](auto kernel) {
    launch(gpu, "rope_kv_write", kernel, grid, 32 * kWarps, 0, kv, places,
           reinterpret_cast<const float2*>(rotation), static_cast<T*>(qkv),
           static_cast<int>(heads));
  };
  if (kv.head_dim == 128) return go(rope_kv_write_kernel<T, 128>);
  if (kv.head_dim == 64) return go(rope_kv_write_kernel<T, 64>);
  throw Error(kUnsupportedModel,
              "head_dim is " + std::to_string(kv.head_dim) + "; allowed on a GPU: 64, 128");
}

}  // namespace

void rope_kv_write(const Gpu& gpu, Activation activation, const PagedKv& kv,
                   const RowPlaces& places, const float* rotation, void* qkv, int64_t heads) {
  if (activation == Activation::kFloat16) {
    run<__half>(gpu, kv, places, rotation, qkv, heads);
  } else {
    run<__nv_bfloat16>(gpu, kv, places, rotation, qkv, heads);
  }
}

}  // namespace loadmark::ops::cuda
