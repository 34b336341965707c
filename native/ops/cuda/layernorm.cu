// y = (x - mean) / sqrt(variance + eps) * weight + bias, gelu_new, and biases: what architectures
// without RMSNorm and gates want between their linears. A block a row or a thread a value; bound by
// bytes.
#include "ops/cuda/device/number.cuh"
#include "ops/cuda/device/ptx.cuh"
#include "ops/cuda/launch.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kThreads = 256;

// Over the block; parts (kThreads / 32) may be used again after the next __syncthreads.
__device__ inline float block_sum(float value, float* parts) {
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(~0u, value, step);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
  for (int i = 0; i < kThreads / 32; ++i) sum += parts[i];
  return sum;
}

// The row is read three times, the last two from cache: the variance is of what the mean leaves.
template <class T>
__global__ void __launch_bounds__(kThreads)
    layernorm_kernel(const float* x, const int32_t* row, const float* weight, const float* bias,
                     float eps, int dim, T* y) {
  __shared__ float sums[kThreads / 32], squares[kThreads / 32];
  launch_dependents();
  wait_for_prerequisites();
  const int64_t from_row = row == nullptr ? int64_t{blockIdx.x} : int64_t{row[blockIdx.x]};
  const float* from = x + from_row * dim;
  T* to = y + int64_t{blockIdx.x} * dim;
  float sum = 0, square = 0;
  for (int i = threadIdx.x; i < dim; i += kThreads) sum += from[i];
  const float mean = block_sum(sum, sums) / static_cast<float>(dim);
  for (int i = threadIdx.x; i < dim; i += kThreads) square += (from[i] - mean) * (from[i] - mean);
  const float factor = rsqrtf(block_sum(square, squares) / static_cast<float>(dim) + eps);
  for (int i = threadIdx.x; i < dim; i += kThreads)
    to[i] = Number<T>::from_float((from[i] - mean) * factor * weight[i] + bias[i]);
}

template <class T>
__global__ void gelu_new_kernel(const T* x, const float* bias, int64_t dim, T* y) {
  launch_dependents();
  wait_for_prerequisites();
  const int64_t column = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (column >= dim) return;
  const int64_t at = blockIdx.y * dim + column;
  const float value = Number<T>::to_float(x[at]) + (bias == nullptr ? 0.0f : bias[column]);
  constexpr float kSlope = 0.7978845608028654f, kCube = kSlope * 0.044715f;  // sqrt(2 / pi)
  const float u = kSlope * value + kCube * (value * value * value);
  y[at] = Number<T>::from_float(value / (1 + expf(-2 * u)));
}

template <class T>
__global__ void add_bias_kernel(const float* bias, int64_t n, T* y) {
  launch_dependents();
  wait_for_prerequisites();
  const int64_t column = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (column >= n) return;
  T& value = y[blockIdx.y * n + column];
  if constexpr (std::is_same_v<T, float>) {
    value += bias[column];
  } else {
    value = Number<T>::from_float(Number<T>::to_float(value) + bias[column]);
  }
}

template <class T>
void run_add_bias(const Gpu& gpu, const float* bias, int64_t rows, int64_t n, T* y) {
  const dim3 grid(blocks_for(n, kThreads), static_cast<unsigned>(rows));
  launch(gpu, "add_bias", add_bias_kernel<T>, grid, kThreads, 0, bias, n, y);
}

}  // namespace

void layernorm(const Gpu& gpu, Activation activation, const float* x, const int32_t* row,
               const float* weight, const float* bias, float eps, int64_t rows, int64_t dim,
               void* y) {
  with_activation(activation, [&]<class T>(T) {
    launch(gpu, "layernorm", layernorm_kernel<T>, static_cast<unsigned>(rows), kThreads, 0, x, row,
           weight, bias, eps, static_cast<int>(dim), static_cast<T*>(y));
  });
}

void gelu_new(const Gpu& gpu, Activation activation, const void* x, const float* bias, int64_t rows,
              int64_t dim, void* y) {
  const dim3 grid(blocks_for(dim, kThreads), static_cast<unsigned>(rows));
  with_activation(activation, [&]<class T>(T) {
    launch(gpu, "gelu_new", gelu_new_kernel<T>, grid, kThreads, 0, static_cast<const T*>(x), bias,
           dim, static_cast<T*>(y));
  });
}

void add_bias(const Gpu& gpu, Activation activation, const float* bias, int64_t rows, int64_t n,
              void* y) {
  with_activation(activation,
                  [&]<class T>(T) { run_add_bias(gpu, bias, rows, n, static_cast<T*>(y)); });
}

void add_bias(const Gpu& gpu, const float* bias, int64_t rows, int64_t n, float* y) {
  run_add_bias(gpu, bias, rows, n, y);
}

}  // namespace loadmark::ops::cuda
