// y (rows <= 8, n) = x w^T for int4 weights: bound by the bytes of w.
//
// A block of 16 warps owns whole strips of 16 outputs; its warps share out the 128-column blocks of
// a strip, each through a ring of copies of its own that runs on from strip to strip, and their
// sums meet in shared memory. No block waits for another, and the order of additions is fixed. The
// copies are asked for before the kernel in front is waited for (weights depend on nothing), x
// after. With a norm, every block normalises the residual rows for itself: cheaper than a kernel
// between for 1 or 2 rows. Integers meet x in mma.m16n8k16 (w is A, x is B, so 8 rows cost what 1
// does) and the scale is applied in fp32 to a group's sum. Limits: rows * columns of x in shared
// memory.
//
// Two blocks of a multiprocessor are always of two kernels, one at work and the next one waiting
// with its rings full, as long as every kernel of the chain has one block a multiprocessor and no
// three fit (attention_decode.cu).
//
// What was tried and did not win, tokens/s of llama-3-8b at batch 1, each row on one H100: asking
// for 64, 128, 192 or 256 KiB more of every block in the L2 cache before the wait, 456, 444, 435
// and 429 where 470 had been; half a warp adding up an output's 16 parts, with copies addressed by
// block number, 457 where 486 had been, and with nibbles read in place as subnormals besides, zero
// points taken off by sums of x, a quarter fewer instructions, 459. Six stages, with one stage
// fewer in attention, 327 where four had 457: three blocks then fit.
#include <algorithm>

#include "ops/cuda/device/ptx.cuh"
#include "ops/cuda/int4_linear.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kWarps = kFewRowsWarps;
constexpr int kThreads = 32 * kWarps;
constexpr int kStages = kFewRowsStages;

// Halves between rows of x: 16 bytes more than its columns, so that 8 rows fall into different
// banks.
__host__ __device__ inline int row_stride(const Int4Layout& w) { return w.k_blocks * 128 + 8; }

// Place of column pair (k, k + 1) in a row: a lane's 16 values of a 64-column half stand together.
__device__ inline int place_of(int k) {
  const int inside = k % 16;
  return k / 64 * 64 + inside % 8 / 2 * 16 + k % 64 / 16 * 4 + inside / 8 * 2;
}

// The blocks of a warp: warp, warp + 16, ... of each strip, starting one further on each strip so
// that no warp always gets the odd one.
__device__ inline int first_block(int warp, int strips_before, int k_blocks) {
  return k_blocks % kWarps == 0 ? warp : (warp + strips_before * k_blocks) % kWarps;
}

// Where a warp's next copy comes from.
struct Source {
  const Int4Layout& w;
  int first, last, strip, k_block, warp;
  const uint8_t *block, *meta;
  __device__ Source(const Int4Layout& w, int first, int last, int warp)
      : w(w), first(first), last(last), strip(first), warp(warp) {
    k_block = first_block(warp, 0, w.k_blocks);
    settle();
  }
  __device__ void settle() {
    while (strip < last && k_block >= w.k_blocks) {
      ++strip;
      k_block = first_block(warp, strip - first, w.k_blocks);
    }
    const size_t number = w.block(strip, k_block);
    block = w.blocks + number * kBlockNibbleBytes;
    meta = w.meta + number * w.meta_bytes;
  }
  __device__ void advance() {
    k_block += kWarps;
    block += kWarps * kTileStrips * kBlockNibbleBytes;
    meta += kWarps * kTileStrips * w.meta_bytes;
    if (k_block >= w.k_blocks) settle();
  }
};

// Four pairs of columns k .. k + 7 of a row.
__device__ inline void place_eight(uint32_t* to, int k, const uint4& pairs) {
  const int first = place_of(k) / 2;  // pairs of one 16 stand 8 words apart
  to[first] = pairs.x;
  to[first + 8] = pairs.y;
  to[first + 16] = pairs.z;
  to[first + 24] = pairs.w;
}

template <class T>
__device__ void stage_rows(const LinearRows& in, int rows, int stride, int columns, T* x_shared) {
  constexpr int kAhead = 4;  // loads in flight
  for (int row = 0; row < rows; ++row) {
    const auto* x = static_cast<const T*>(in.x) + row * in.k;
    auto* to = reinterpret_cast<uint32_t*>(x_shared + row * stride);
    for (int base = 8 * static_cast<int>(threadIdx.x); base < columns;
         base += 8 * kAhead * kThreads) {
      uint4 eight[kAhead];
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        const int k = base + 8 * i * kThreads;
        eight[i] = k < in.k ? __ldg(reinterpret_cast<const uint4*>(x + k)) : uint4{};
      }
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        const int k = base + 8 * i * kThreads;
        if (k < columns) place_eight(to, k, eight[i]);
      }
    }
  }
}

// The norm's weights of a thread's columns: they depend on no kernel before, so they come early.
constexpr int kNormEights = 2;  // columns up to 8192; the rest is read when it is needed
struct NormWeights {
  float4 values[kNormEights][2];
  __device__ void load(const float* norm, int64_t k) {
#pragma unroll
    for (int i = 0; i < kNormEights; ++i) {
      const int64_t at = 8 * (static_cast<int64_t>(threadIdx.x) + i * kThreads);
      if (at < k) {
        values[i][0] = __ldg(reinterpret_cast<const float4*>(norm + at));
        values[i][1] = __ldg(reinterpret_cast<const float4*>(norm + at + 4));
      }
    }
  }
};

template <class T>
__device__ void stage_normalised(const LinearRows& in, const NormWeights& weights, int rows,
                                 int stride, int columns, float* scratch, T* x_shared) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  for (int row = 0; row < rows; ++row) {
    const float* x = in.residual + row * in.k;
    auto* to = reinterpret_cast<uint32_t*>(x_shared + row * stride);
    float4 kept[kNormEights][2] = {};
    float squares = 0;
    const auto square = [&](const float4& v) {
      squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
    };
#pragma unroll
    for (int i = 0; i < kNormEights; ++i) {
      const int k = 8 * (static_cast<int>(threadIdx.x) + i * kThreads);
      if (k < in.k) {
        kept[i][0] = *reinterpret_cast<const float4*>(x + k);
        kept[i][1] = *reinterpret_cast<const float4*>(x + k + 4);
      }
    }
#pragma unroll
    for (int i = 0; i < kNormEights; ++i) square(kept[i][0]), square(kept[i][1]);
    for (int k = 8 * (static_cast<int>(threadIdx.x) + kNormEights * kThreads); k < in.k;
         k += 8 * kThreads) {
      square(*reinterpret_cast<const float4*>(x + k));
      square(*reinterpret_cast<const float4*>(x + k + 4));
    }
    for (int step = 16; step > 0; step /= 2) squares += __shfl_xor_sync(~0u, squares, step);
    if (lane == 0) scratch[row * kWarps + warp] = squares;
    __syncthreads();
    squares = 0;
    for (int i = 0; i < kWarps; ++i) squares += scratch[row * kWarps + i];
    const float factor = rsqrtf(squares / static_cast<float>(in.k) + in.eps);
    const auto scale = [&](const float4& v, const float4& norm) {
      return uint2{Number<T>::pack(v.x * factor * norm.x, v.y * factor * norm.y),
                   Number<T>::pack(v.z * factor * norm.z, v.w * factor * norm.w)};
    };
#pragma unroll
    for (int i = 0; i < kNormEights; ++i) {
      const int k = 8 * (static_cast<int>(threadIdx.x) + i * kThreads);
      if (k >= columns) continue;
      const uint2 low = scale(kept[i][0], weights.values[i][0]);
      const uint2 high = scale(kept[i][1], weights.values[i][1]);
      place_eight(to, k, k < in.k ? uint4{low.x, low.y, high.x, high.y} : uint4{});
    }
    for (int k = 8 * (static_cast<int>(threadIdx.x) + kNormEights * kThreads); k < columns;
         k += 8 * kThreads) {
      uint2 low = {}, high = {};
      if (k < in.k) {
        low = scale(*reinterpret_cast<const float4*>(x + k),
                    *reinterpret_cast<const float4*>(in.norm + k));
        high = scale(*reinterpret_cast<const float4*>(x + k + 4),
                     *reinterpret_cast<const float4*>(in.norm + k + 4));
      }
      place_eight(to, k, {low.x, low.y, high.x, high.y});
    }
  }
}

// kSegments scales of a row in a block; kZeros: zero points stand beside them, else all are 8.
template <class T, int kSegments, bool kZeros>
__global__ void __launch_bounds__(kThreads, 2)
    int4_linear_few_rows_kernel(Int4Layout w, LinearRows in, int rows, LinearOutput out) {
  extern __shared__ __align__(128) uint8_t shared[];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const int stage_bytes = kBlockNibbleBytes + w.meta_bytes;
  uint8_t* ring = shared + warp * kStages * stage_bytes;
  auto* sums = reinterpret_cast<float*>(shared + kWarps * kStages * stage_bytes);
  auto* x_shared = reinterpret_cast<T*>(sums + 2 * kWarps * rows * kStripRows);
  const int stride = row_stride(w);
  const int first = static_cast<int>(int64_t{w.strips} * blockIdx.x / gridDim.x);
  const int last = static_cast<int>(int64_t{w.strips} * (blockIdx.x + 1) / gridDim.x);
  const int meta_pieces = w.meta_bytes / 16;

  launch_dependents();
  Source ahead(w, first, last, warp);
  const auto copy_next = [&](uint8_t* to) {
    if (ahead.strip < last) {
      copy_async_16(to + lane * 16, ahead.block + lane * 16);
      copy_async_16(to + 512 + lane * 16, ahead.block + 512 + lane * 16);
      if (lane < meta_pieces) copy_async_16(to + 1024 + lane * 16, ahead.meta + lane * 16);
      ahead.advance();
    }
    copy_async_commit();
  };
  for (int stage = 0; stage < kStages; ++stage) copy_next(ring + stage * stage_bytes);
  NormWeights norm;
  if (in.residual != nullptr) norm.load(in.norm, in.k);

  wait_for_prerequisites();
  if (in.residual != nullptr) {
    stage_normalised<T>(in, norm, rows, stride, w.k_blocks * 128, sums, x_shared);
  } else {
    stage_rows<T>(in, rows, stride, w.k_blocks * 128, x_shared);
  }
  __syncthreads();

  constexpr int kSteps = 8 / kSegments;  // of a segment
  int stage = 0;
  for (int strip = first; strip < last; ++strip) {
    float total[4] = {};
    const int start = first_block(warp, strip - first, w.k_blocks);
    const T* x = x_shared + g * stride + t * 16 + start * kBlockColumns;
    for (int k_block = start; k_block < w.k_blocks; k_block += kWarps) {
      copy_async_wait<kStages - 1>();
      __syncwarp();
      uint8_t* block = ring + stage * stage_bytes;
      const auto* scales = reinterpret_cast<const uint16_t*>(block + kBlockNibbleBytes) + g;
      const uint16_t* zeros = scales + kSegments * kStripRows;
      float group[2][4] = {};  // two chains of products, so that one does not wait for itself
      uint32_t zero_low = Number<T>::zero_low(8), zero_high = Number<T>::zero_high(8);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint4 words = *reinterpret_cast<const uint4*>(block + half * 512 + lane * 16);
        uint4 b01 = {}, b23 = {};
        if (g < rows) {
          b01 = *reinterpret_cast<const uint4*>(x + half * 64);
          b23 = *reinterpret_cast<const uint4*>(x + half * 64 + 8);
        }
        const uint32_t word[4] = {words.x, words.y, words.z, words.w};
        const uint32_t b[8] = {b01.x, b01.y, b01.z, b01.w, b23.x, b23.y, b23.z, b23.w};
#pragma unroll
        for (int s = 0; s < 4; ++s) {
          const int step = half * 4 + s, segment = step / kSteps;
          if (kZeros && step % kSteps == 0) {
            zero_low = Number<T>::zero_low(zeros[segment * kStripRows]);
            zero_high = Number<T>::zero_high(zeros[segment * kStripRows + 8]);
          }
          uint32_t a[4];
          Number<T>::integers(word[s], zero_low, zero_high, a);
          Number<T>::mma(group[s % 2], a, b[2 * s], b[2 * s + 1]);
          if (step % kSteps == kSteps - 1) {
            const float low = __half2float(__ushort_as_half(scales[segment * kStripRows]));
            const float high = __half2float(__ushort_as_half(scales[segment * kStripRows + 8]));
            total[0] += low * (group[0][0] + group[1][0]);
            total[1] += low * (group[0][1] + group[1][1]);
            total[2] += high * (group[0][2] + group[1][2]);
            total[3] += high * (group[0][3] + group[1][3]);
#pragma unroll
            for (int i = 0; i < 8; ++i) group[i / 4][i % 4] = 0;
          }
        }
      }
      __syncwarp();
      copy_next(block);
      stage = stage + 1 == kStages ? 0 : stage + 1;
      x += kWarps * kBlockColumns;
    }

    // (warp, row, output) of this strip; two of them in turn, so that one barrier a strip is
    // enough.
    float* mine = sums + ((strip & 1) * kWarps + warp) * rows * kStripRows;
    if (2 * t < rows) {
      mine[2 * t * kStripRows + g] = total[0];
      mine[2 * t * kStripRows + g + 8] = total[2];
    }
    if (2 * t + 1 < rows) {
      mine[(2 * t + 1) * kStripRows + g] = total[1];
      mine[(2 * t + 1) * kStripRows + g + 8] = total[3];
    }
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < rows * kStripRows) {
      const int output = threadIdx.x % kStripRows, row = threadIdx.x / kStripRows;
      const float* all = sums + (strip & 1) * kWarps * rows * kStripRows + row * kStripRows;
      float sum = 0, up = 0;
      for (int i = 0; i < kWarps; ++i) sum += all[i * rows * kStripRows + output];
      sum *= w.unscale;
      if (out.epilogue == Epilogue::kSiluMul) {
        up = __shfl_down_sync(__activemask(), sum, 8);
        const int64_t column = int64_t{strip} * 8 + output;
        if (output < 8 && column < out.width) store_sum<T>(out, row, column, silu(sum) * up);
      } else {
        const int64_t column = int64_t{strip} * kStripRows + output;
        if (column < out.width) store_sum<T>(out, row, column, sum);
      }
    }
  }
  copy_async_wait<0>();
}

template <class T, int kSegments, bool kZeros>
void run(const Gpu& gpu, const Int4Layout& w, const LinearRows& in, int64_t rows,
         const LinearOutput& out) {
  const auto kernel = int4_linear_few_rows_kernel<T, kSegments, kZeros>;
  const size_t bytes = int4_few_rows_shared_bytes(w.shape(), rows);
  allow_shared(gpu, kernel, bytes, "int4_linear_few_rows");
  const auto grid = static_cast<unsigned>(std::min(gpu.multiprocessors(), w.strips));
  launch(gpu, "int4_linear_few_rows", kernel, grid, kThreads, bytes, w, in, static_cast<int>(rows),
         out);
}

template <class T, bool kZeros>
void choose_segments(const Gpu& gpu, const Int4Layout& w, const LinearRows& in, int64_t rows,
                     const LinearOutput& out) {
  if (w.segments == 1) return run<T, 1, kZeros>(gpu, w, in, rows, out);
  if (w.segments == 2) return run<T, 2, kZeros>(gpu, w, in, rows, out);
  run<T, 4, kZeros>(gpu, w, in, rows, out);
}

template <class T>
void choose(const Gpu& gpu, const Int4Layout& w, const LinearRows& in, int64_t rows,
            const LinearOutput& out) {
  w.has_zeros ? choose_segments<T, true>(gpu, w, in, rows, out)
              : choose_segments<T, false>(gpu, w, in, rows, out);
}

}  // namespace

void int4_linear_few_rows(const Gpu& gpu, Activation activation, const Int4Layout& w,
                          const LinearRows& input, int64_t rows, const LinearOutput& out) {
  with_activation(activation, [&]<class T>(T) { choose<T>(gpu, w, input, rows, out); });
}

}  // namespace loadmark::ops::cuda
