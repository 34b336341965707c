// y (rows, n) = x w^T for int4 weights on any GPU from sm_80 on, for more rows than the streaming
// kernel takes: bound by mma.sync's rate.
//
// A tile is 128 outputs x 64 rows. Each of 8 warps owns one strip of outputs and reads its blocks
// straight from global memory into registers, one block ahead; x comes through shared memory, 128
// columns at a time, two stages. Integers are scaled to 16 bits before the product, so a group
// needs no sums of its own.
#include "ops/cuda/device/ptx.cuh"
#include "ops/cuda/int4_linear.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
constexpr int kTokens = 64;
constexpr int kRowBytes = 256;  // 128 columns

// 16-byte piece `piece` of row `row`, swizzled so that ldmatrix's 8 rows fall into different banks.
__device__ inline int piece_at(int row, int piece) {
  return row * kRowBytes + (piece ^ (row & 7)) * 16;
}

struct Fragment {
  uint4 words[2];
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    int4_linear_many_rows_mma_kernel(Int4Layout w, LinearRows in, int rows, LinearOutput out) {
  extern __shared__ __align__(128) uint8_t shared[];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const int strip = blockIdx.x * kWarps + warp, first_row = blockIdx.y * kTokens;
  const bool real = strip < w.strips;
  const size_t first_block = w.block(real ? strip : 0, 0);
  const auto load_words = [&](int k_block) {
    const uint8_t* block =
        w.blocks + (first_block + size_t(k_block) * kTileStrips) * kBlockNibbleBytes + lane * 16;
    return Fragment{{__ldg(reinterpret_cast<const uint4*>(block)),
                     __ldg(reinterpret_cast<const uint4*>(block + 512))}};
  };
  const auto copy_rows = [&](int k_block) {
    if (k_block < w.k_blocks) {
      uint8_t* to = shared + (k_block & 1) * kTokens * kRowBytes;
      for (int i = threadIdx.x; i < kTokens * 16; i += kThreads) {
        const int row = i / 16, piece = i % 16, column = k_block * kBlockColumns + piece * 8;
        const int64_t left = first_row + row < rows ? in.k - column : 0;
        const int bytes = left >= 8 ? 16 : left > 0 ? static_cast<int>(left) * 2 : 0;
        const T* x = static_cast<const T*>(in.x);
        copy_async_16(to + piece_at(row, piece),
                      bytes > 0 ? x + (first_row + row) * in.k + column : x, bytes);
      }
    }
    copy_async_commit();
  };

  launch_dependents();
  Fragment next = load_words(0);
  wait_for_prerequisites();
  copy_rows(0);
  float sums[kTokens / 8][4] = {};
  for (int k_block = 0; k_block < w.k_blocks; ++k_block) {
    copy_rows(k_block + 1);
    const Fragment words = next;
    if (k_block + 1 < w.k_blocks) next = load_words(k_block + 1);
    const auto* scales =
        reinterpret_cast<const uint16_t*>(w.meta + (first_block + size_t(k_block) * kTileStrips) *
                                                       w.meta_bytes) +
        g;
    const uint16_t* zeros = scales + w.segments * kStripRows;
    copy_async_wait<1>();
    __syncthreads();
    const uint8_t* x = shared + (k_block & 1) * kTokens * kRowBytes;
#pragma unroll
    for (int step = 0; step < 8; ++step) {
      const int segment = step * w.segments / 8;
      const typename Number<T>::Scale low(scales[segment * kStripRows]);
      const typename Number<T>::Scale high(scales[segment * kStripRows + 8]);
      uint32_t zero_g = 8, zero_g8 = 8;
      if (w.has_zeros) {
        zero_g = zeros[segment * kStripRows];
        zero_g8 = zeros[segment * kStripRows + 8];
      }
      const uint4 half = words.words[step / 4];
      const uint32_t word = step % 4 == 0   ? half.x
                            : step % 4 == 1 ? half.y
                            : step % 4 == 2 ? half.z
                                            : half.w;
      uint32_t a[4];
      Number<T>::integers(word, Number<T>::zero_low(zero_g), Number<T>::zero_high(zero_g8), a);
      a[0] = Number<T>::scaled(a[0], low);
      a[1] = Number<T>::scaled(a[1], high);
      a[2] = Number<T>::scaled(a[2], low);
      a[3] = Number<T>::scaled(a[3], high);
#pragma unroll
      for (int j = 0; j < kTokens / 16; ++j) {
        uint32_t b[4];
        const int row = j * 16 + lane / 16 * 8 + lane % 8;
        load_matrix_x4(x + piece_at(row, step * 2 + lane / 8 % 2), b);
        Number<T>::mma(sums[2 * j], a, b[0], b[1]);
        Number<T>::mma(sums[2 * j + 1], a, b[2], b[3]);
      }
    }
    __syncthreads();
  }
  if (!real) return;
#pragma unroll
  for (int i = 0; i < kTokens / 2; ++i) sums[i / 4][i % 4] *= w.unscale;
#pragma unroll
  for (int j = 0; j < kTokens / 8; ++j) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row = first_row + 8 * j + 2 * t + i;
      if (row >= rows) continue;
      if (out.epilogue == Epilogue::kSiluMul) {
        const int64_t column = int64_t{strip} * 8 + g;
        if (column < out.width) store_sum<T>(out, row, column, silu(sums[j][i]) * sums[j][i + 2]);
      } else {
        const int64_t column = int64_t{strip} * kStripRows + g;
        if (column < out.width) store_sum<T>(out, row, column, sums[j][i]);
        if (column + 8 < out.width) store_sum<T>(out, row, column + 8, sums[j][i + 2]);
      }
    }
  }
}

template <class T>
void run(const Gpu& gpu, const Int4Layout& w, const LinearRows& in, int64_t rows,
         const LinearOutput& out) {
  const dim3 grid(blocks_for(w.strips, kWarps), blocks_for(rows, kTokens));
  launch(gpu, "int4_linear_many_rows_mma", int4_linear_many_rows_mma_kernel<T>, grid, kThreads,
         2 * kTokens * kRowBytes, w, in, static_cast<int>(rows), out);
}

}  // namespace

void int4_linear_many_rows_mma(const Gpu& gpu, Activation activation, const Int4Layout& w,
                               const LinearRows& input, int64_t rows, const LinearOutput& out) {
  with_activation(activation, [&]<class T>(T) { run<T>(gpu, w, input, rows, out); });
}

}  // namespace loadmark::ops::cuda
