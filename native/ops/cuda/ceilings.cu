// What the device can do at best: a plain read, and cuBLAS's product.
#include "ops/cuda/blas.cuh"
#include "ops/cuda/packed.cuh"

namespace loadmark::ops::cuda {
namespace {

__global__ void __launch_bounds__(512)
    read_bytes_kernel(const uint4* words, int64_t count, uint4* never) {
  uint4 all = {};
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  for (; i + 3 * step < count; i += 4 * step) {
    uint4 v[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) v[j] = __ldcs(words + i + j * step);
#pragma unroll
    for (int j = 0; j < 4; ++j) all.x ^= v[j].x ^ v[j].y ^ v[j].z ^ v[j].w;
  }
  for (; i < count; i += step) {
    const uint4 v = __ldcs(words + i);
    all.x ^= v.x ^ v.y ^ v.z ^ v.w;
  }
  if (all.x == 0x12345678u && never != nullptr) *never = all;  // keeps the loads alive
}

}  // namespace

void read_bytes(const Gpu& gpu, const void* memory, int64_t bytes) {
  read_bytes_kernel<<<static_cast<unsigned>(gpu.multiprocessors() * 4), 512, 0, gpu.stream()>>>(
      static_cast<const uint4*>(memory), bytes / 16,
      static_cast<uint4*>(const_cast<void*>(memory)));
  check_cuda(cudaGetLastError(), "read_bytes");
}

void blas_product(const Gpu& gpu, Activation activation, const LinearWeight& w, const void* x,
                  int64_t rows, void* y) {
  blas_linear(gpu, activation, w.packed->data.as<void>(), w.n, w.k, x, rows, Epilogue::kStore, y);
}

const void* weight_data(const LinearWeight& w) { return w.packed->data.as<void>(); }

}  // namespace loadmark::ops::cuda
