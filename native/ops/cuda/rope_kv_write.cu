// Rotary embedding (rotate-half) of q in place, and of k on its way into the paged cache, v beside
// it: a warp a head, bound by bytes.
#include "ops/cuda/device/ptx.cuh"
#include "ops/cuda/head_vector.cuh"
#include "ops/cuda/launch.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kWarps = 4;

template <class T, int kHeadDim>
__global__ void __launch_bounds__(32 * kWarps)
    rope_kv_write_kernel(PagedKv kv, RowPlaces places, const float2* turns, int stride, T* qkv,
                         int heads) {
  launch_dependents();
  wait_for_prerequisites();
  const int row = blockIdx.x;
  const int kv_heads = static_cast<int>(kv.kv_heads), all = heads + 2 * kv_heads;
  const int head = blockIdx.y * kWarps + threadIdx.x / 32;
  const int position = places.positions[row];
  if (head >= all || position < 0) return;
  T* rows = qkv + int64_t{row} * all * kHeadDim;
  HeadVector<T, kHeadDim> vector(rows + head * kHeadDim);
  const bool is_k = head < heads + kv_heads;
  if (is_k) vector.turn(turns + int64_t{position} * stride);
  const KeptVector<T, kHeadDim, false> rounded(vector);
  if (head < heads) return rounded.store(rows, nullptr, head);
  const int kv_head = is_k ? head - heads : head - heads - kv_heads;
  const int page_tokens = static_cast<int>(kv.page_tokens);
  const int64_t page = places.pages[places.first_page[row] + position / page_tokens];
  const int64_t at = (page * kv_heads + kv_head) * page_tokens + position % page_tokens;
  void* cache = is_k ? kv.k : kv.v;
  if (kv.storage == KvStorage::kActivation) return rounded.store(cache, nullptr, at);
  KeptVector<T, kHeadDim, true>(vector).store(cache, is_k ? kv.k_scale : kv.v_scale, at);
}

template <class T>
void run(const Gpu& gpu, const PagedKv& kv, const RowPlaces& places, const Rotation& rotation,
         void* qkv, int64_t heads) {
  const dim3 grid(static_cast<unsigned>(places.rows), blocks_for(heads + 2 * kv.kv_heads, kWarps));
  const auto go = [&](auto kernel) {
    launch(gpu, "rope_kv_write", kernel, grid, 32 * kWarps, 0, kv, places,
           reinterpret_cast<const float2*>(rotation.turns), static_cast<int>(rotation.stride),
           static_cast<T*>(qkv), static_cast<int>(heads));
  };
  if (kv.head_dim == 128) return go(rope_kv_write_kernel<T, 128>);
  if (kv.head_dim == 64) return go(rope_kv_write_kernel<T, 64>);
  if (kv.head_dim == 256) return go(rope_kv_write_kernel<T, 256>);
  throw Error(kUnsupportedModel,
              "head_dim is " + std::to_string(kv.head_dim) + "; allowed on a GPU: 64, 128, 256");
}

}  // namespace

void rope_kv_write(const Gpu& gpu, Activation activation, const PagedKv& kv,
                   const RowPlaces& places, const Rotation& rotation, void* qkv, int64_t heads) {
  with_activation(activation, [&]<class T>(T) { run<T>(gpu, kv, places, rotation, qkv, heads); });
}

}  // namespace loadmark::ops::cuda
