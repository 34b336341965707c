// y (rows, n) = x w^T for int4 weights on Hopper: bound by wgmma's rate for many rows, by the bytes
// of w for some tens.
//
// A tile is 256 outputs x kTokens rows. One warp copies: x by the tensor copy engine (swizzled,
// zeros past its edges), w as whole blocks by bulk copies, a stage of 128 columns at a time. The
// other warpgroups compute: each turns its strips' nibbles into 16-bit A fragments in registers,
// scaled, while the wgmma of the fragments before runs; w is never written back as 16-bit values. w
// stands on the A side because A may come from registers; so y comes out transposed and is turned
// in the epilogue. Blocks are persistent. Whole waves of tiles come first; the rest is cut evenly
// along k (stream-K, Osama et al. 2023): who computes a tile's last columns adds the others'
// partial sums, in the order of blocks, so a result does not depend on timing. Each block works its
// share backwards, so that partial sums are ready before they are waited for, and waits only for
// blocks of lower number.
//
// What was tried and did not win, on an H100, llama-2-70b's gate_up of 1024 rows: three or four
// computing warpgroups of 64 outputs for 128 rows, 508-550 TFLOP/s where two of 128 gave 573;
// making the next fragments between products instead of between groups of four, the same. Without
// dequantization the kernel ran at 791: instructions beside wgmma cost register-file cycles,
// whoever issues them, so only fewer of them helped (Number<__half>::fused). Blocks with their
// scales inline, 1056 bytes apart, were copied at two thirds of the rate of aligned ones.
#include <cuda.h>

#include <algorithm>

#include "ops/cuda/device/ptx.cuh"
#include "ops/cuda/device/wgmma.cuh"
#include "ops/cuda/int4_linear.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kTileRows = kTileStrips * kStripRows;  // outputs
constexpr size_t kMostShared = 225 * 1024;
constexpr int kBarrierBytes = 1024;
constexpr int kTileBytes = kTileStrips * kBlockNibbleBytes;  // of one k block

// Consumer warpgroups and how many times 64 outputs each of them holds.
template <int kTokens>
struct Shape {
  static constexpr int kConsumers = kTokens <= 64 ? 4 : 2;
  static constexpr int kRowBlocks = kTokens <= 64 ? 1 : 2;
  static constexpr int kThreads = 128 * (kConsumers + 1);
  // Together no more than the block got at its start: registers a thread that the compiler may use
  // (65536 / kThreads, in eights) times kThreads. More would wait for ever.
  static constexpr int kConsumerRegisters = kTokens <= 64 ? 112 : 224;
  static constexpr int kProducerRegisters = kTokens <= 64 ? 32 : 56;
  static constexpr int kStartRegisters = 65536 / kThreads / 8 * 8;
  static_assert(128 * (kConsumers * kConsumerRegisters + kProducerRegisters) <=
                kThreads * kStartRegisters);
};

struct Problem {
  Int4Layout w;
  LinearOutput out;
  int rows, row_tiles, tiles, stages, stage_bytes;
  float* partials;
  int* flags;
};

// The pieces of tiles that a block computes, in its order.
struct Piece {
  int tile, begin, end;  // k blocks
  int owner_from;        // the first block whose partial sums go into this tile; own number: none
};
struct Schedule {
  int waves, wave, k_blocks, block, blocks;
  int64_t units, begin, cursor;
  __device__ Schedule(const Problem& p)
      : wave(0), k_blocks(p.w.k_blocks), block(blockIdx.x), blocks(gridDim.x) {
    waves = p.tiles % blocks == 0 ? p.tiles / blocks : max(0, p.tiles / blocks - 1);
    units = int64_t{p.tiles - waves * blocks} * k_blocks;
    begin = first_unit(block);
    cursor = first_unit(block + 1);
  }
  __device__ int64_t first_unit(int of) const { return units * of / blocks; }
  __device__ bool next(Piece* piece) {
    if (wave < waves) {
      *piece = {wave++ * blocks + block, 0, k_blocks, block};
      return true;
    }
    if (cursor <= begin) return false;
    const int64_t tile = (cursor - 1) / k_blocks, start = tile * k_blocks;
    const int64_t low = max(begin, start);
    *piece = {waves * blocks + static_cast<int>(tile), static_cast<int>(low - start),
              static_cast<int>(cursor - start), block};
    cursor = low;
    if (piece->end == k_blocks && low > start) {
      int from = block - 1;
      while (first_unit(from) > start) --from;
      piece->owner_from = from;
    }
    return true;
  }
};

template <int kTokens>
__device__ void produce(const Problem& p, const CUtensorMap* x_map, uint8_t* stages, uint64_t* full,
                        uint64_t* empty) {
  const int lane = threadIdx.x % 32;
  constexpr int kHalfBytes = kTokens * 128;
  // Lane 0 announces and copies blocks, lane 1 their scales; rows come by one lane a half.
  const int meta_bytes = kTileStrips * p.w.meta_bytes;
  const auto copy_weights = [&](int stage, int tile, int k_block) {
    uint8_t* to = stages + stage * p.stage_bytes + 2 * kHalfBytes;
    const size_t block = p.w.block(tile / p.row_tiles * kTileStrips, k_block);
    if (lane == 0) {
      barrier_arrive_expecting(&full[stage], 2 * kHalfBytes + kTileBytes + meta_bytes);
      copy_bulk(to, p.w.blocks + block * kBlockNibbleBytes, kTileBytes, &full[stage]);
    }
    __syncwarp();
    if (lane == 1) {
      copy_bulk(to + kTileBytes, p.w.meta + block * p.w.meta_bytes,
                static_cast<uint32_t>(meta_bytes), &full[stage]);
    }
  };
  const auto copy_rows = [&](int stage, int tile, int k_block) {
    if (lane >= 2) return;
    copy_tensor_2d(stages + stage * p.stage_bytes + lane * kHalfBytes, x_map,
                   k_block * kBlockColumns + lane * 64, tile % p.row_tiles * kTokens, &full[stage]);
  };

  // Weights of the first stages go out before the kernel in front has ended, rows after it.
  int ahead = 0;
  {
    Schedule schedule(p);
    Piece piece;
    while (ahead < p.stages && schedule.next(&piece)) {
      for (int k = piece.begin; k < piece.end && ahead < p.stages; ++k, ++ahead)
        copy_weights(ahead, piece.tile, k);
    }
  }
  wait_for_prerequisites();
  Schedule schedule(p);
  Piece piece;
  int stage = 0, count = 0;
  uint32_t parity = 1;
  while (schedule.next(&piece)) {
    for (int k = piece.begin; k < piece.end; ++k, ++count) {
      if (count >= ahead) {
        barrier_wait(&empty[stage], parity);
        copy_weights(stage, piece.tile, k);
      }
      copy_rows(stage, piece.tile, k);
      if (++stage == p.stages) {
        stage = 0;
        parity ^= 1;
      }
    }
  }
}

// Words of half a block -> four scaled A fragments. kPlain: one scale a row in a block and no zero
// points beside 8.
template <class T, bool kPlain>
__device__ inline void make_fragments(const uint8_t* block, const uint8_t* meta,
                                      const Int4Layout& w, int half, uint32_t (&a)[4][4]) {
  const int lane = threadIdx.x % 32, g = lane / 4;
  const uint4 words = *reinterpret_cast<const uint4*>(block + half * 512 + lane * 16);
  const uint32_t word[4] = {words.x, words.y, words.z, words.w};
  const auto* scales = reinterpret_cast<const uint16_t*>(meta) + g;
  if constexpr (kPlain && Number<T>::kHasFused) {
    const typename Number<T>::FusedScale scale(scales[0], scales[8]);
#pragma unroll
    for (int s = 0; s < 4; ++s) Number<T>::fused(word[s], scale, a[s]);
    return;
  }
  const uint16_t* zeros = scales + w.segments * kStripRows;
  typename Number<T>::Scale low(scales[0]), high(scales[8]);
  uint32_t zero_low = Number<T>::zero_low(8), zero_high = Number<T>::zero_high(8);
#pragma unroll
  for (int s = 0; s < 4; ++s) {
    if (!kPlain && s % 2 == 0) {
      const int at = (half * 2 + s / 2) * w.segments / 4 * kStripRows;
      low = typename Number<T>::Scale(scales[at]);
      high = typename Number<T>::Scale(scales[at + 8]);
      if (w.has_zeros) {
        zero_low = Number<T>::zero_low(zeros[at]);
        zero_high = Number<T>::zero_high(zeros[at + 8]);
      }
    }
    uint32_t q[4];
    Number<T>::integers(word[s], zero_low, zero_high, q);
    a[s][0] = Number<T>::scaled(q[0], low);
    a[s][1] = Number<T>::scaled(q[1], high);
    a[s][2] = Number<T>::scaled(q[2], low);
    a[s][3] = Number<T>::scaled(q[3], high);
  }
}

template <class T>
__device__ inline void store_pair(const LinearOutput& out, int64_t row, int64_t column,
                                  uint32_t pair) {
  if (column >= out.width) return;
  T* to = static_cast<T*>(out.y) + row * out.width + column;
  if (out.width % 2 == 0) {
    *reinterpret_cast<uint32_t*>(to) = pair;
  } else {
    to[0] = reinterpret_cast<const T*>(&pair)[0];
    if (column + 1 < out.width) to[1] = reinterpret_cast<const T*>(&pair)[1];
  }
}

// Sums of one strip of a warp (16 outputs x kTokens rows).
template <class T, int kTokens>
__device__ void store_strip(const Problem& p, int strip, int first_row,
                            const float (&d)[kTokens / 2]) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const LinearOutput& out = p.out;
#pragma unroll
  for (int j = 0; j < kTokens / 8; ++j) {
    const float* v = d + 4 * j;
    const int row = first_row + 8 * j;
    if (row >= p.rows) break;
    if (out.epilogue == Epilogue::kStore) {
      const uint32_t low = transpose_matrix(Number<T>::pack(v[0], v[1]));
      const uint32_t high = transpose_matrix(Number<T>::pack(v[2], v[3]));
      if (row + g < p.rows) {
        store_pair<T>(out, row + g, int64_t{strip} * kStripRows + 2 * t, low);
        store_pair<T>(out, row + g, int64_t{strip} * kStripRows + 8 + 2 * t, high);
      }
    } else if (out.epilogue == Epilogue::kSiluMul) {
      const uint32_t pair = transpose_matrix(Number<T>::pack(silu(v[0]) * v[2], silu(v[1]) * v[3]));
      if (row + g < p.rows) store_pair<T>(out, row + g, int64_t{strip} * 8 + 2 * t, pair);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int64_t column = int64_t{strip} * kStripRows + g + i / 2 * 8;
        const int at = row + 2 * t + i % 2;
        if (at < p.rows && column < out.width) store_sum<T>(out, at, column, v[i]);
      }
    }
  }
}

template <class T, int kTokens, bool kPlain>
__device__ void consume(const Problem& p, uint8_t* stages, uint64_t* full, uint64_t* empty) {
  using S = Shape<kTokens>;
  constexpr int kSums = kTokens / 2, kRowBlocks = S::kRowBlocks;
  constexpr int kConsumerThreads = 128 * S::kConsumers;
  constexpr int kHalfBytes = kTokens * 128;
  const int group = threadIdx.x / 128, warp = threadIdx.x % 128 / 32, lane = threadIdx.x % 32;
  float sums[kRowBlocks][kSums];
  uint32_t a[2][4][4];
  Schedule schedule(p);
  Piece piece;
  int stage = 0, previous = 0;
  uint32_t parity = 0;
  wait_for_prerequisites();
  while (schedule.next(&piece)) {
    for (int k = piece.begin; k < piece.end; ++k) {
      barrier_wait(&full[stage], parity);
      uint8_t* rows = stages + stage * p.stage_bytes;
      const uint8_t* blocks = rows + 2 * kHalfBytes;
#pragma unroll
      for (int item = 0; item < 2 * kRowBlocks; ++item) {
        const int half = item / kRowBlocks, row_block = item % kRowBlocks;
        const int strip = (group * kRowBlocks + row_block) * 4 + warp;
        wgmma_wait<1>();  // the fragments of two items ago are free
        if (item == 1 && k > piece.begin && lane == 0) barrier_arrive(&empty[previous]);
        make_fragments<T, kPlain>(blocks + strip * kBlockNibbleBytes,
                                  blocks + kTileBytes + strip * p.w.meta_bytes, p.w, half,
                                  a[item % 2]);
        const uint32_t b = swizzled_descriptor(shared_address(rows + half * kHalfBytes));
        wgmma_fence();
#pragma unroll
        for (int s = 0; s < 4; ++s) {
          Wgmma<T, kTokens>::run(sums[row_block], a[item % 2][s], b + s * 2,
                                 k > piece.begin || half > 0 || s > 0);
        }
        wgmma_commit();
      }
      previous = stage;
      if (++stage == p.stages) {
        stage = 0;
        parity ^= 1;
      }
    }
    wgmma_wait<0>();
    if (lane == 0) barrier_arrive(&empty[previous]);

    const int thread = threadIdx.x;
    const auto partial = [&](int block, int i) {
      return p.partials + int64_t{block} * (kTileRows * kTokens) + i * kConsumerThreads + thread;
    };
    if (piece.end < p.w.k_blocks) {
#pragma unroll
      for (int i = 0; i < kRowBlocks * kSums; ++i)
        __stcg(partial(schedule.block, i), sums[i / kSums][i % kSums]);
      __threadfence();
      sync_threads(1, kConsumerThreads);
      if (thread == 0) store_release(&p.flags[schedule.block], 1);
      continue;
    }
    const int others = schedule.block - piece.owner_from;
    if (others > 0) {  // each of their flags has a thread that waits for it
      if (thread < others)
        while (load_acquire(&p.flags[piece.owner_from + thread]) == 0) __nanosleep(20);
      sync_threads(1, kConsumerThreads);
      for (int from = schedule.block - 1; from >= piece.owner_from; --from) {
#pragma unroll
        for (int i = 0; i < kRowBlocks * kSums; ++i)
          sums[i / kSums][i % kSums] += __ldcg(partial(from, i));
      }
      sync_threads(1, kConsumerThreads);
      if (thread < others) p.flags[piece.owner_from + thread] = 0;
    }
    const float unscale =
        p.w.unscale * (kPlain && Number<T>::kHasFused ? Number<T>::kFusedUnscale : 1.0f);
#pragma unroll
    for (int i = 0; i < kRowBlocks * kSums; ++i) sums[i / kSums][i % kSums] *= unscale;
    const int first_strip = piece.tile / p.row_tiles * kTileStrips;
    const int first_row = piece.tile % p.row_tiles * kTokens;
#pragma unroll
    for (int row_block = 0; row_block < kRowBlocks; ++row_block) {
      const int strip = first_strip + (group * kRowBlocks + row_block) * 4 + warp;
      if (strip < p.w.strips) store_strip<T, kTokens>(p, strip, first_row, sums[row_block]);
    }
  }
}

template <class T, int kTokens, bool kPlain>
__global__ void __launch_bounds__(Shape<kTokens>::kThreads, 1)
    int4_linear_many_rows_sm90_kernel(const __grid_constant__ CUtensorMap x_map, Problem p) {
#if __CUDA_ARCH_FEAT_SM90_ALL
  using S = Shape<kTokens>;
  extern __shared__ uint8_t raw[];
  uint8_t* shared = raw + ((1024 - (shared_address(raw) & 1023)) & 1023);
  auto* full = reinterpret_cast<uint64_t*>(shared);
  uint64_t* empty = full + 32;
  uint8_t* stages = shared + kBarrierBytes;
  if (threadIdx.x == 0) {
    for (int i = 0; i < p.stages; ++i) {
      barrier_init(&full[i], 1);
      barrier_init(&empty[i], S::kConsumers * 4);
    }
    fence_barrier_init();
    prefetch_tensor_map(&x_map);
  }
  __syncthreads();
  launch_dependents();
  if (threadIdx.x / 128 == S::kConsumers) {
    shrink_registers<S::kProducerRegisters>();
    if (threadIdx.x % 128 < 32) produce<kTokens>(p, &x_map, stages, full, empty);
  } else {
    grow_registers<S::kConsumerRegisters>();
    consume<T, kTokens, kPlain>(p, stages, full, empty);
  }
#endif
}

using EncodeTiled = CUresult (*)(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*,
                                 const cuuint64_t*, const cuuint64_t*, const cuuint32_t*,
                                 const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle,
                                 CUtensorMapL2promotion, CUtensorMapFloatOOBfill);

EncodeTiled encode_tiled() {
  static const EncodeTiled found = [] {
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult result = {};
    check_cuda(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000,
                                                cudaEnableDefault, &result),
               "cuTensorMapEncodeTiled");
    return reinterpret_cast<EncodeTiled>(entry);
  }();
  return found;
}

// x (rows, k) 16-bit in boxes of (tokens, 64).
CUtensorMap map_rows(const void* x, int64_t rows, int64_t k, int tokens) {
  CUtensorMap map = {};
  const cuuint64_t sizes[] = {static_cast<cuuint64_t>(k), static_cast<cuuint64_t>(rows)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(k) * 2};
  const cuuint32_t box[] = {64, static_cast<cuuint32_t>(tokens)};
  const cuuint32_t steps[] = {1, 1};
  const CUresult status =
      encode_tiled()(&map, CU_TENSOR_MAP_DATA_TYPE_UINT16, 2, const_cast<void*>(x), sizes, strides,
                     box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                     CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS) {
    throw Error(kInternal, "a tensor map of " + std::to_string(rows) + " x " + std::to_string(k) +
                               " values was refused with CUresult " + std::to_string(status));
  }
  return map;
}

template <class T, int kTokens, bool kPlain>
void run(const Gpu& gpu, const Int4Layout& w, const LinearRows& in, int64_t rows,
         const LinearOutput& out) {
  Problem p = {};
  p.w = w;
  p.out = out;
  p.rows = static_cast<int>(rows);
  p.row_tiles = static_cast<int>((rows + kTokens - 1) / kTokens);
  p.tiles = p.row_tiles * ((w.strips + kTileStrips - 1) / kTileStrips);
  p.stage_bytes = (kTokens * 256 + kTileBytes + kTileStrips * w.meta_bytes + 1023) / 1024 * 1024;
  p.stages = static_cast<int>(std::min<size_t>(
      12, (kMostShared - kBarrierBytes - 1024) / static_cast<size_t>(p.stage_bytes)));
  p.partials = gpu.partials();
  p.flags = gpu.flags();
  const size_t bytes = 1024 + kBarrierBytes + static_cast<size_t>(p.stages * p.stage_bytes);
  const auto kernel = int4_linear_many_rows_sm90_kernel<T, kTokens, kPlain>;
  allow_shared(gpu, kernel, bytes, "int4_linear_many_rows_sm90");
  const int64_t units = int64_t{p.tiles} * w.k_blocks;
  const auto grid = static_cast<unsigned>(std::min<int64_t>(gpu.multiprocessors(), units));
  launch(gpu, "int4_linear_many_rows_sm90", kernel, grid, Shape<kTokens>::kThreads, bytes,
         map_rows(in.x, rows, in.k, kTokens), p);
}

template <class T, bool kPlain>
void choose_tokens_a_tile(const Gpu& gpu, const Int4Layout& w, const LinearRows& in, int64_t rows,
                          const LinearOutput& out) {
  if (rows <= 8) return run<T, 8, kPlain>(gpu, w, in, rows, out);
  if (rows <= 16) return run<T, 16, kPlain>(gpu, w, in, rows, out);
  if (rows <= 32) return run<T, 32, kPlain>(gpu, w, in, rows, out);
  if (rows <= 64) return run<T, 64, kPlain>(gpu, w, in, rows, out);
  run<T, 128, kPlain>(gpu, w, in, rows, out);
}

template <class T>
void choose(const Gpu& gpu, const Int4Layout& w, const LinearRows& in, int64_t rows,
            const LinearOutput& out) {
  w.segments == 1 && !w.has_zeros && w.fused
      ? choose_tokens_a_tile<T, true>(gpu, w, in, rows, out)
      : choose_tokens_a_tile<T, false>(gpu, w, in, rows, out);
}

}  // namespace

int64_t many_rows_partial_floats(int multiprocessors) {
  return int64_t{multiprocessors} * kTileRows * 128;
}

void int4_linear_many_rows_sm90(const Gpu& gpu, Activation activation, const Int4Layout& w,
                                const LinearRows& input, int64_t rows, const LinearOutput& out) {
  with_activation(activation, [&]<class T>(T) { choose<T>(gpu, w, input, rows, out); });
}

}  // namespace loadmark::ops::cuda
