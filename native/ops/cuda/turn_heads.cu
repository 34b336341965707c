// Bias, norm and partial or interleaved rotary embedding of heads, in place, for the architectures
// that ask for more than rope_kv_write's turn: a warp a head, through shared memory, bound by
// bytes.
#include "ops/cuda/device/ptx.cuh"
#include "ops/cuda/head_vector.cuh"
#include "ops/cuda/launch.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kWarps = 4, kMostHeadDim = 256;

template <class T>
__global__ void __launch_bounds__(32 * kWarps)
    turn_heads_kernel(HeadTurn turn, const int32_t* positions, int heads, int kv_heads,
                      int head_dim, T* qkv) {
  __shared__ float shared[kWarps][kMostHeadDim];
  launch_dependents();
  wait_for_prerequisites();
  const int all = heads + 2 * kv_heads, row = blockIdx.x, lane = threadIdx.x % 32;
  const int head = blockIdx.y * kWarps + threadIdx.x / 32;
  const int position = positions[row];
  if (head >= all || position < 0) return;
  const bool is_v = head >= heads + kv_heads;
  if (is_v && turn.bias == nullptr) return;
  T* values = qkv + (int64_t{row} * all + head) * head_dim;
  float* x = shared[threadIdx.x / 32];
  float squares = 0;
  for (int i = lane; i < head_dim; i += 32) {
    float value = Number<T>::to_float(values[i]);
    if (turn.bias != nullptr) value += turn.bias[head * head_dim + i];
    squares += value * value;
    x[i] = value;
  }
  if (!is_v && turn.q_norm != nullptr) {
    for (int step = 16; step > 0; step /= 2) squares += __shfl_xor_sync(~0u, squares, step);
    const float factor = rsqrtf(squares / static_cast<float>(head_dim) + turn.eps);
    const float* weight = head < heads ? turn.q_norm : turn.k_norm;
    for (int i = lane; i < head_dim; i += 32) x[i] *= factor * weight[i];
  }
  __syncwarp();
  if (!is_v) {
    const int pairs = static_cast<int>(turn.dims) / 2;
    const auto* turns = reinterpret_cast<const float2*>(turn.rotation) + int64_t{position} * pairs;
    for (int i = lane; i < pairs; i += 32) {
      turn_pair(x[turn.interleaved ? 2 * i : i], x[turn.interleaved ? 2 * i + 1 : i + pairs],
                turns[i]);
    }
    __syncwarp();
  }
  for (int i = lane; i < head_dim; i += 32) values[i] = Number<T>::from_float(x[i]);
}

}  // namespace

void turn_heads(const Gpu& gpu, Activation activation, const HeadTurn& turn,
                const int32_t* positions, int64_t rows, int64_t heads, int64_t kv_heads,
                int64_t head_dim, void* qkv) {
  if (head_dim > kMostHeadDim) {
    throw Error(kUnsupportedModel, "head_dim is " + std::to_string(head_dim) +
                                       "; allowed on a GPU: up to " + std::to_string(kMostHeadDim));
  }
  const dim3 grid(static_cast<unsigned>(rows), blocks_for(heads + 2 * kv_heads, kWarps));
  with_activation(activation, [&]<class T>(T) {
    launch(gpu, "turn_heads", turn_heads_kernel<T>, grid, 32 * kWarps, 0, turn, positions,
           static_cast<int>(heads), static_cast<int>(kv_heads), static_cast<int>(head_dim),
           static_cast<T*>(qkv));
  });
}

}  // namespace loadmark::ops::cuda
