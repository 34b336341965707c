// y = x w^T over plain rows of weights.
//
// Few rows: bound by the bytes of w. A warp takes four outputs at a time, 8 values a lane of each,
// and x, normalised first where asked, waits in shared memory as 16-bit values. Many rows: where
// there is no cuBLAS, and for int8. A tile is 64 outputs x 64 rows of mma.sync, both operands
// through shared memory, one stage of 64 columns ahead in registers; int8 becomes 16-bit on its
// way, exactly, and its scale waits for the sum.
#include <algorithm>

#include "ops/cuda/dense_linear.cuh"
#include "ops/cuda/device/ptx.cuh"

namespace loadmark::ops::cuda {
namespace {

// ---- few rows
// ------------------------------------------------------------------------------------
constexpr int kStreamWarps = 8;
constexpr int kStreamThreads = 32 * kStreamWarps;
constexpr int kOutputs = 4;  // of a warp at a time

template <class T>
__device__ void stage_input(const LinearRows& in, int rows, T* x_shared) {
  __shared__ float squares[kStreamWarps];
  for (int row = 0; row < rows; ++row) {
    T* to = x_shared + row * in.k;
    if (in.residual == nullptr) {
      const T* x = static_cast<const T*>(in.x) + row * in.k;
      for (int k = 8 * static_cast<int>(threadIdx.x); k < in.k; k += 8 * kStreamThreads)
        *reinterpret_cast<uint4*>(to + k) = *reinterpret_cast<const uint4*>(x + k);
      continue;
    }
    const float* x = in.residual + row * in.k;
    float sum = 0;
    for (int k = threadIdx.x; k < in.k; k += kStreamThreads) sum += x[k] * x[k];
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
    __syncthreads();
    if (threadIdx.x % 32 == 0) squares[threadIdx.x / 32] = sum;
    __syncthreads();
    sum = 0;
    for (int i = 0; i < kStreamWarps; ++i) sum += squares[i];
    const float factor = rsqrtf(sum / static_cast<float>(in.k) + in.eps);
    for (int k = threadIdx.x; k < in.k; k += kStreamThreads)
      to[k] = Number<T>::from_float(x[k] * factor * in.norm[k]);
  }
}

template <class T, int kRows>
__global__ void __launch_bounds__(kStreamThreads)
    dense_linear_few_rows_kernel(const T* w, int64_t n, LinearRows in, LinearOutput out) {
  extern __shared__ __align__(16) uint8_t shared[];
  T* x_shared = reinterpret_cast<T*>(shared);
  launch_dependents();
  wait_for_prerequisites();
  stage_input<T>(in, kRows, x_shared);
  __syncthreads();
  const int lane = threadIdx.x % 32;
  const int64_t step = int64_t{gridDim.x} * kStreamWarps * kOutputs;
  for (int64_t first = (int64_t{blockIdx.x} * kStreamWarps + threadIdx.x / 32) * kOutputs;
       first < n; first += step) {
    float sums[kRows][kOutputs] = {};
    const T* rows[kOutputs];
#pragma unroll
    for (int o = 0; o < kOutputs; ++o) rows[o] = w + min(first + o, n - 1) * in.k;
#pragma unroll 2
    for (int k = 8 * lane; k < in.k; k += 256) {
      uint4 words[kOutputs];
#pragma unroll
      for (int o = 0; o < kOutputs; ++o)
        words[o] = __ldcs(reinterpret_cast<const uint4*>(rows[o] + k));
#pragma unroll
      for (int row = 0; row < kRows; ++row) {
        const uint4 x = *reinterpret_cast<const uint4*>(x_shared + row * in.k + k);
        const uint32_t xs[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
        for (int o = 0; o < kOutputs; ++o) {
          const uint32_t ws[4] = {words[o].x, words[o].y, words[o].z, words[o].w};
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            const float2 a = Number<T>::to_float2(ws[i]), b = Number<T>::to_float2(xs[i]);
            sums[row][o] = fmaf(a.x, b.x, fmaf(a.y, b.y, sums[row][o]));
          }
        }
      }
    }
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
#pragma unroll
      for (int o = 0; o < kOutputs; ++o) {
        float sum = sums[row][o];
        for (int s = 16; s > 0; s /= 2) sum += __shfl_xor_sync(~0u, sum, s);
        if (lane == 0 && first + o < n) store_sum<T>(out, row, first + o, sum);
      }
    }
  }
}

template <class T>
void run_few(const Gpu& gpu, const void* w, int64_t n, const LinearRows& in, int64_t rows,
             const LinearOutput& out) {
  const auto kernel = rows == 1   ? dense_linear_few_rows_kernel<T, 1>
                      : rows == 2 ? dense_linear_few_rows_kernel<T, 2>
                      : rows == 3 ? dense_linear_few_rows_kernel<T, 3>
                                  : dense_linear_few_rows_kernel<T, 4>;
  const size_t bytes = static_cast<size_t>(rows * in.k) * 2;
  allow_shared(gpu, kernel, bytes, "dense_linear_few_rows");
  const int64_t needed = (n + kStreamWarps * kOutputs - 1) / (kStreamWarps * kOutputs);
  const auto grid = static_cast<unsigned>(std::min<int64_t>(needed, gpu.multiprocessors() * 4));
  launch(gpu, "dense_linear_few_rows", kernel, grid, kStreamThreads, bytes,
         static_cast<const T*>(w), n, in, out);
}

// ---- many rows
// -----------------------------------------------------------------------------------
constexpr int kTile = 64;  // outputs, rows and columns of a stage
constexpr int kThreads = 128;

__device__ inline int piece_at(int row, int piece) { return row * 128 + (piece ^ (row & 7)) * 16; }

// 8 values of a row from `column` on as 16-bit values, zeros past the edges.
template <class T>
__device__ inline uint4 load_eight(const T* rows, int64_t row, int64_t row_count, int64_t column,
                                   int64_t k) {
  if (row >= row_count || column >= k) return {};
  return *reinterpret_cast<const uint4*>(rows + row * k + column);
}
template <class T>
__device__ inline uint4 load_eight(const int8_t* rows, int64_t row, int64_t row_count,
                                   int64_t column, int64_t k) {
  if (row >= row_count || column >= k) return {};
  const uint2 bytes = *reinterpret_cast<const uint2*>(rows + row * k + column);
  const auto pair = [](uint32_t word, int first) {
    return Number<T>::pack(static_cast<float>(static_cast<int8_t>(word >> (8 * first))),
                           static_cast<float>(static_cast<int8_t>(word >> (8 * first + 8))));
  };
  return {pair(bytes.x, 0), pair(bytes.x, 2), pair(bytes.y, 0), pair(bytes.y, 2)};
}

template <class T, class Weight>
__global__ void __launch_bounds__(kThreads)
    dense_linear_many_rows_kernel(const Weight* w, const float* scale, int64_t n, LinearRows in,
                                  int rows, LinearOutput out) {
  __shared__ __align__(128) uint8_t w_shared[kTile * 128], x_shared[kTile * 128];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const int64_t first_output = int64_t{blockIdx.x} * kTile;
  const int first_row = blockIdx.y * kTile;
  constexpr int kPieces = kTile * 8 / kThreads;
  uint4 w_next[kPieces], x_next[kPieces];
  const T* x = static_cast<const T*>(in.x);
  const auto load = [&](int64_t column) {
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const int at = i * kThreads + static_cast<int>(threadIdx.x), row = at / 8, piece = at % 8;
      w_next[i] = load_eight<T>(w, first_output + row, n, column + piece * 8, in.k);
      x_next[i] = load_eight<T>(x, first_row + row, rows, column + piece * 8, in.k);
    }
  };
  launch_dependents();
  wait_for_prerequisites();
  load(0);
  float sums[kTile / 8][4] = {};
  for (int64_t column = 0; column < in.k; column += kTile) {
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const int at = i * kThreads + static_cast<int>(threadIdx.x);
      *reinterpret_cast<uint4*>(w_shared + piece_at(at / 8, at % 8)) = w_next[i];
      *reinterpret_cast<uint4*>(x_shared + piece_at(at / 8, at % 8)) = x_next[i];
    }
    __syncthreads();
    if (column + kTile < in.k) load(column + kTile);
#pragma unroll
    for (int step = 0; step < kTile / 16; ++step) {
      uint32_t a[4];
      load_matrix_x4(w_shared + piece_at(warp * 16 + lane % 16, step * 2 + lane / 16), a);
#pragma unroll
      for (int j = 0; j < kTile / 16; ++j) {
        uint32_t b[4];
        load_matrix_x4(
            x_shared + piece_at(j * 16 + lane / 16 * 8 + lane % 8, step * 2 + lane / 8 % 2), b);
        Number<T>::mma(sums[2 * j], a, b[0], b[1]);
        Number<T>::mma(sums[2 * j + 1], a, b[2], b[3]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int j = 0; j < kTile / 8; ++j) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = first_row + 8 * j + 2 * t + i % 2;
      const int64_t output = first_output + warp * 16 + g + i / 2 * 8;
      if (row >= rows || output >= n) continue;
      store_sum<T>(out, row, output, scale == nullptr ? sums[j][i] : sums[j][i] * scale[output]);
    }
  }
}

template <class T>
void run_many(const Gpu& gpu, const void* w, const float* scale, int64_t n, const LinearRows& in,
              int64_t rows, const LinearOutput& out) {
  const dim3 grid(blocks_for(n, kTile), blocks_for(rows, kTile));
  if (scale == nullptr) {
    launch(gpu, "dense_linear_many_rows", dense_linear_many_rows_kernel<T, T>, grid, kThreads, 0,
           static_cast<const T*>(w), scale, n, in, static_cast<int>(rows), out);
  } else {
    launch(gpu, "dense_linear_many_rows", dense_linear_many_rows_kernel<T, int8_t>, grid, kThreads,
           0, static_cast<const int8_t*>(w), scale, n, in, static_cast<int>(rows), out);
  }
}

}  // namespace

void dense_linear_few_rows(const Gpu& gpu, Activation activation, const void* w, int64_t n,
                           const LinearRows& input, int64_t rows, const LinearOutput& out) {
  with_activation(activation, [&]<class T>(T) { run_few<T>(gpu, w, n, input, rows, out); });
}

void dense_linear_many_rows(const Gpu& gpu, Activation activation, const void* w,
                            const float* scale, int64_t n, const LinearRows& input, int64_t rows,
                            const LinearOutput& out) {
  with_activation(activation, [&]<class T>(T) { run_many<T>(gpu, w, scale, n, input, rows, out); });
}

}  // namespace loadmark::ops::cuda
