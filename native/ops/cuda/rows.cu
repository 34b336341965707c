// y = x / sqrt(mean(x^2) + eps) * weight, and the two other maps over rows: a block a row, bound by
// bytes.
#include "ops/cuda/device/number.cuh"
#include "ops/cuda/device/ptx.cuh"
#include "ops/cuda/launch.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kThreads = 256;

// dim % 4 == 0. What a thread has squared it keeps, as far as kKept quads of a row go.
constexpr int kKept = 8;

template <class T>
__global__ void __launch_bounds__(kThreads)
    rmsnorm_kernel(const float* x, const int32_t* row, const float* weight, float eps, int64_t dim,
                   T* y) {
  __shared__ float parts[kThreads / 32];
  launch_dependents();
  wait_for_prerequisites();
  const int64_t from_row = row == nullptr ? int64_t{blockIdx.x} : int64_t{row[blockIdx.x]};
  const auto* from = reinterpret_cast<const float4*>(x + from_row * dim);
  const auto* weights = reinterpret_cast<const float4*>(weight);
  auto* to = reinterpret_cast<uint2*>(y + blockIdx.x * dim);
  const int quads = static_cast<int>(dim / 4);
  float4 kept[kKept] = {};
#pragma unroll
  for (int j = 0; j < kKept; ++j) {
    const int i = threadIdx.x + j * kThreads;
    if (i < quads) kept[j] = from[i];
  }
  float squares = 0;
  const auto square = [&](const float4& v) {
    squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
  };
#pragma unroll
  for (int j = 0; j < kKept; ++j) square(kept[j]);
  for (int i = threadIdx.x + kKept * kThreads; i < quads; i += kThreads) square(from[i]);
  for (int step = 16; step > 0; step /= 2) squares += __shfl_xor_sync(~0u, squares, step);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = squares;
  __syncthreads();
  squares = 0;
  for (const float part : parts) squares += part;
  const float factor = rsqrtf(squares / static_cast<float>(dim) + eps);
  const auto store = [&](int i, const float4& v) {
    const float4 w = weights[i];
    to[i] = {Number<T>::pack(v.x * factor * w.x, v.y * factor * w.y),
             Number<T>::pack(v.z * factor * w.z, v.w * factor * w.w)};
  };
#pragma unroll
  for (int j = 0; j < kKept; ++j) {
    const int i = threadIdx.x + j * kThreads;
    if (i < quads) store(i, kept[j]);
  }
  for (int i = threadIdx.x + kKept * kThreads; i < quads; i += kThreads) store(i, from[i]);
}

template <class T>
__global__ void silu_mul_kernel(const T* gate_up, int64_t dim, T* y) {
  launch_dependents();
  wait_for_prerequisites();
  const int64_t column = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (column >= dim) return;
  const T* row = gate_up + blockIdx.y * 2 * dim;
  const float gate = Number<T>::to_float(row[column]), up = Number<T>::to_float(row[dim + column]);
  y[blockIdx.y * dim + column] = Number<T>::from_float(silu(gate) * up);
}

template <class T>
__device__ inline float widen(T value) {
  if constexpr (std::is_same_v<T, float>) {
    return value;
  } else {
    return Number<T>::to_float(value);
  }
}

template <class T>
__global__ void embedding_kernel(const T* table, const int32_t* tokens, const int32_t* previous,
                                 int64_t dim, float* h) {
  launch_dependents();
  wait_for_prerequisites();
  int64_t token = tokens[blockIdx.x];
  if (token < 0)
    token = max(previous[-1 - token], 0);  // a row whose logits were no numbers is void
  for (int64_t i = threadIdx.x; i < dim; i += blockDim.x)
    h[blockIdx.x * dim + i] = widen(table[token * dim + i]);
}

}  // namespace

void rmsnorm(const Gpu& gpu, Activation activation, const float* x, const int32_t* row,
             const float* weight, float eps, int64_t rows, int64_t dim, void* y) {
  const auto grid = static_cast<unsigned>(rows);
  with_activation(activation, [&]<class T>(T) {
    launch(gpu, "rmsnorm", rmsnorm_kernel<T>, grid, kThreads, 0, x, row, weight, eps, dim,
           static_cast<T*>(y));
  });
}

void silu_mul(const Gpu& gpu, Activation activation, const void* gate_up, int64_t rows, int64_t dim,
              void* y) {
  const dim3 grid(blocks_for(dim, kThreads), static_cast<unsigned>(rows));
  with_activation(activation, [&]<class T>(T) {
    launch(gpu, "silu_mul", silu_mul_kernel<T>, grid, kThreads, 0, static_cast<const T*>(gate_up),
           dim, static_cast<T*>(y));
  });
}

void embedding(const Gpu& gpu, const void* table, WeightType type, const int32_t* tokens,
               const int32_t* previous, int64_t rows, int64_t dim, float* h) {
  const auto go = [&]<class T>(T) {
    launch(gpu, "embedding", embedding_kernel<T>, static_cast<unsigned>(rows), kThreads, 0,
           static_cast<const T*>(table), tokens, previous, dim, h);
  };
  if (type == WeightType::kFloat32) return go(float());
  type == WeightType::kFloat16 ? go(__half()) : go(__nv_bfloat16());
}

}  // namespace loadmark::ops::cuda
