// Rows of prompts against their paged keys and values, causal, tokens of a chunk against a past of
// any length: bound by mma.sync's rate.
//
// A block takes a tile of consecutive rows of one sequence and one kv head: its 64 query rows are
// (token, query head of that kv head), 16 a warp. Keys and values come 64 tokens at a time, two
// stages ahead; e4m3 ones are widened in shared memory.
#include <algorithm>
#include <cmath>

#include "ops/cuda/attention_tile.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = 32 * kWarps;
constexpr int kQueryRows = 16 * kWarps;
constexpr int kStageTokens = 64;

struct Problem {
  PagedKv kv;
  RowPlaces places;
  const AttentionTile* tiles;
  const void* qkv;
  void* out;
  int heads, group, window;
  float scale;
};

template <int kHeadDim, bool kFloat8>
__host__ __device__ constexpr int stage_bytes() {
  return 2 * kStageTokens * kHeadDim * (kFloat8 ? 1 : 2) + (kFloat8 ? 2 * kStageTokens * 4 : 0);
}
template <int kHeadDim, bool kFloat8>
__host__ __device__ constexpr int block_bytes() {
  return 2 * stage_bytes<kHeadDim, kFloat8>() + (kFloat8 ? 2 * kStageTokens * kHeadDim * 2 : 0);
}

template <class T, int kHeadDim, bool kFloat8>
__global__ void __launch_bounds__(kThreads) attention_prefill_kernel(Problem p) {
  extern __shared__ __align__(128) uint8_t shared[];
  constexpr int kRowBytes = kHeadDim * (kFloat8 ? 1 : 2), kPieces = kRowBytes / 16;
  constexpr int kMatrixBytes = kStageTokens * kRowBytes;
  constexpr int kStage = stage_bytes<kHeadDim, kFloat8>();
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const int kv_head = blockIdx.y, kv_heads = static_cast<int>(p.kv.kv_heads);
  launch_dependents();
  wait_for_prerequisites();
  const AttentionTile tile = p.tiles[blockIdx.x];
  const int first_position = p.places.positions[tile.first_row];
  const int tokens = first_position + tile.rows;  // that any row sees
  const int32_t* pages = p.places.pages + p.places.first_page[tile.first_row];
  const int page_tokens = static_cast<int>(p.kv.page_tokens);

  const auto copy_stage = [&](int stage) {
    if (stage * kStageTokens < tokens) {
      uint8_t* to = shared + (stage & 1) * kStage;
      for (int i = threadIdx.x; i < kStageTokens * kPieces; i += kThreads) {
        const int inside = i / kPieces, piece = i % kPieces;
        const int token = min(stage * kStageTokens + inside, tokens - 1);
        const int64_t at =
            (int64_t{pages[token / page_tokens]} * kv_heads + kv_head) * page_tokens +
            token % page_tokens;
        const int place = kFloat8 ? i * 16 : piece_at<kHeadDim>(inside, piece);
        copy_async_16(to + place,
                      static_cast<const uint8_t*>(p.kv.k) + at * kRowBytes + piece * 16);
        copy_async_16(to + kMatrixBytes + place,
                      static_cast<const uint8_t*>(p.kv.v) + at * kRowBytes + piece * 16);
        if (kFloat8 && piece == 0) {
          auto* scales = reinterpret_cast<float*>(to + 2 * kMatrixBytes);
          scales[inside] = p.kv.k_scale[at];
          scales[kStageTokens + inside] = p.kv.v_scale[at];
        }
      }
    }
    copy_async_commit();
  };
  // The first token that any row sees.
  const int first_stage = max(first_position + 1 - p.window, 0) / kStageTokens;
  copy_stage(first_stage);

  // Query row r is token r / group of the tile, query head r % group.
  QueryRows<T, kHeadDim> rows;
  const int stride = (p.heads + 2 * kv_heads) * kHeadDim;
  const auto place_of = [&](int r, int* token, int* head) {
    *token = r / p.group;
    *head = kv_head * p.group + r % p.group;
    return *token < tile.rows && r < kQueryRows / p.group * p.group;
  };
  int token[2], head[2], limit[2];
  const T* q[2];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const bool real = place_of(warp * 16 + g + 8 * i, &token[i], &head[i]);
    q[i] = real ? static_cast<const T*>(p.qkv) + int64_t{tile.first_row + token[i]} * stride +
                      head[i] * kHeadDim
                : nullptr;
    limit[i] = real ? first_position + token[i] + 1 : 0;
  }
  rows.load(q[0], q[1]);
  const int warp_tokens = min(tokens, first_position + (warp * 16 + 15) / p.group + 1);
  const int warp_first = max(first_position + warp * 16 / p.group + 1 - p.window, 0);
  uint8_t* wide = shared + 2 * kStage;
  for (int stage = first_stage; stage * kStageTokens < tokens; ++stage) {
    copy_stage(stage + 1);
    copy_async_wait<1>();
    __syncthreads();
    const uint8_t* k = shared + (stage & 1) * kStage;
    const auto* scales = reinterpret_cast<const float*>(k + 2 * kMatrixBytes);
    if constexpr (kFloat8) {
      for (int i = threadIdx.x; i < 2 * kStageTokens * kPieces; i += kThreads) {
        const int matrix = i / (kStageTokens * kPieces), piece = i % (kStageTokens * kPieces);
        uint4 values[2];
        widen_piece<T>(k + i * 16, values);
        uint8_t* to = wide + matrix * kStageTokens * kHeadDim * 2;
        const int inside = piece / kPieces, first = piece % kPieces * 2;
        *reinterpret_cast<uint4*>(to + piece_at<kHeadDim>(inside, first)) = values[0];
        *reinterpret_cast<uint4*>(to + piece_at<kHeadDim>(inside, first + 1)) = values[1];
      }
      __syncthreads();
      k = wide;
    }
    constexpr int kWideMatrix = kStageTokens * kHeadDim * 2;
#pragma unroll 1
    for (int inside = 0; inside < kStageTokens; inside += kTileTokens) {
      const int first = stage * kStageTokens + inside;
      if (first >= warp_tokens) break;
      if (first + kTileTokens <= warp_first) continue;
      rows.template attend<kFloat8>(
          k + inside * kHeadDim * 2, k + kWideMatrix + inside * kHeadDim * 2, scales + inside,
          scales + kStageTokens + inside, first, limit, p.window, p.scale);
    }
    __syncthreads();
  }
  copy_async_wait<0>();
  rows.template finish<kFloat8>();
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    if (q[i] == nullptr) continue;
    T* out = static_cast<T*>(p.out) +
             (int64_t{tile.first_row + token[i]} * p.heads + head[i]) * kHeadDim;
    const float whole = 1 / rows.total[i];
#pragma unroll
    for (int j = 0; j < kHeadDim / 8; ++j) {
      *reinterpret_cast<uint32_t*>(out + 8 * j + 2 * t) =
          Number<T>::pack(rows.out[j][2 * i] * whole, rows.out[j][2 * i + 1] * whole);
    }
  }
}

template <class T, int kHeadDim, bool kFloat8>
void run(const Gpu& gpu, const Problem& p, int64_t tiles) {
  const auto kernel = attention_prefill_kernel<T, kHeadDim, kFloat8>;
  constexpr size_t kBytes = block_bytes<kHeadDim, kFloat8>();
  allow_shared(gpu, kernel, kBytes, "attention_prefill");
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(p.kv.kv_heads));
  launch(gpu, "attention_prefill", kernel, grid, kThreads, kBytes, p);
}

template <class T, int kHeadDim>
void choose_storage(const Gpu& gpu, const Problem& p, int64_t tiles) {
  p.kv.storage == KvStorage::kFloat8 ? run<T, kHeadDim, true>(gpu, p, tiles)
                                     : run<T, kHeadDim, false>(gpu, p, tiles);
}

template <class T>
void choose(const Gpu& gpu, const Problem& p, int64_t tiles) {
  p.kv.head_dim == 128 ? choose_storage<T, 128>(gpu, p, tiles)
                       : choose_storage<T, 64>(gpu, p, tiles);
}

}  // namespace

int64_t attention_tile_tokens(int64_t heads, int64_t kv_heads) {
  return kQueryRows / (heads / kv_heads);
}

void attention_prefill(const Gpu& gpu, Activation activation, const PagedKv& kv,
                       const RowPlaces& places, const AttentionTile* tiles, int64_t tile_count,
                       const void* qkv, int64_t heads, int64_t window, void* out) {
  if (tile_count == 0) return;
  Problem p = {};
  p.kv = kv;
  p.places = places;
  p.tiles = tiles;
  p.qkv = qkv;
  p.out = out;
  p.heads = static_cast<int>(heads);
  p.group = static_cast<int>(heads / kv.kv_heads);
  p.window = window_or_none(window);
  p.scale = 1.4426950408889634f / std::sqrt(static_cast<float>(kv.head_dim));
  with_activation(activation, [&]<class T>(T) { choose<T>(gpu, p, tile_count); });
}

}  // namespace loadmark::ops::cuda
