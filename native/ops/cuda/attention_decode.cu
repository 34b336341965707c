// One query row a sequence against its paged keys and values: bound by their bytes.
//
// A block serves one row and one kv head at a time: the up to 16 query heads that share it are the
// 16 rows of the mma, so they share every load. Its warps take tiles of 16 tokens in turn, each
// through a ring of copies of its own. q is turned in registers; the row's own k and v are turned,
// written to the cache and put into the last tile by the warp that computes it, so nobody reads
// back what was just written. Where there are too few blocks for the device, the context is split
// over several, and the last of them to end adds their parts up, in order. e4m3 tiles are widened
// to 16 bits in shared memory, their scales go to the scores and the weights.
//
// What was in the cache before this step is asked for before the kernel in front is waited for.
//
// For few rows there is a block for every multiprocessor, with work or without, as large as a block
// of the linears around it, of which two fit. With any other grid some multiprocessors had room for
// two blocks of the next linear, those then took twice as long, and the chain kept that placement:
// from llama-3-8b's gate_up to the wait of the next, 33 us where an even placement takes 26 (H100).
#include <algorithm>
#include <cmath>

#include "ops/cuda/attention_tile.cuh"

namespace loadmark::ops::cuda {
namespace {

// Warps of a block, tiles of a warp's ring. Few rows: all tiles of a short context are on their way
// at once. Many rows: two blocks a multiprocessor.
template <bool kFewRows>
struct Ring {
  static constexpr int kWarps = kFewRows ? 8 : 4;
  static constexpr int kStages = kFewRows ? 2 : 3;
  // Up to this many a context is one block's: twice the rings cost less than adding parts up.
  static constexpr int kUnsplitTiles = kFewRows ? 2 * kWarps * kStages : kWarps;
};
constexpr int64_t kMostFewRows = 8;  // as many as the linears' few_rows kernels take
bool few_rows(int64_t rows) { return rows <= kMostFewRows; }
constexpr int kMostGroup = 16;  // query heads of a kv head
constexpr int kMostSplits = 16;

struct Problem {
  PagedKv kv;
  RowPlaces places;
  const float2* turns;  // (cos, sin) of a position, turn_stride from one to the next
  const void* qkv;
  void* out;
  float* parts;   // (rows, kv_heads, splits, group, head_dim + 2): sums, largest, total
  int* arrivals;  // (rows, kv_heads), where contexts are split
  int heads, group, splits, items;  // items: rows * kv_heads * splits
  int turn_stride, window;
  float scale;
};

template <int kHeadDim, bool kFloat8>
__host__ __device__ constexpr int stage_bytes() {
  return kTileTokens * kHeadDim * (kFloat8 ? 1 : 2) * 2 + (kFloat8 ? 2 * kTileTokens * 4 : 0);
}
template <int kHeadDim, bool kFloat8, int kStages>
__host__ __device__ constexpr int warp_bytes() {
  return kStages * stage_bytes<kHeadDim, kFloat8>() +
         (kFloat8 ? 2 * kTileTokens * kHeadDim * 2 : 0);
}

template <class T, int kHeadDim, bool kFloat8, bool kFewRows>
__global__ void __launch_bounds__(32 * Ring<kFewRows>::kWarps, kFewRows ? 2 : 1)
    attention_decode_kernel(Problem p) {
  extern __shared__ __align__(128) uint8_t shared[];
  using R = Ring<kFewRows>;
  constexpr int kWarps = R::kWarps, kStages = R::kStages;
  constexpr int kValueBytes = kFloat8 ? 1 : 2;
  constexpr int kRowBytes = kHeadDim * kValueBytes, kPieces = kRowBytes / 16;
  constexpr int kMatrixBytes = kTileTokens * kRowBytes;
  constexpr int kStageBytes = stage_bytes<kHeadDim, kFloat8>();
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  uint8_t* ring = shared + warp * warp_bytes<kHeadDim, kFloat8, kStages>();
  uint8_t* wide = ring + kStages * kStageBytes;
  auto* turns = reinterpret_cast<float2*>(  // (head_dim / 2) of (cos, sin) of the row's position
      shared + kWarps * warp_bytes<kHeadDim, kFloat8, kStages>() + warp * kHeadDim * 4);
  const int page_tokens = static_cast<int>(p.kv.page_tokens);
  const int kv_heads = static_cast<int>(p.kv.kv_heads);
  const int stride_row = p.heads + 2 * kv_heads;

  // What the block is at: a row, a kv head and tiles [begin, end) of the row's context.
  int kv_head, row, split, splits, position = -1, begin = 0, end = 0, ahead = 0;
  const int32_t* pages = nullptr;
  KeptVector<T, kHeadDim, kFloat8> own_k, own_v;
  bool own_ready = false;
  uint8_t* own_tile = nullptr;  // the stage that waits for the row's own k and v
  const auto cache_row = [&](int token) {
    return (int64_t{pages[token / page_tokens]} * kv_heads + kv_head) * page_tokens +
           token % page_tokens;
  };
  const auto put_own = [&](uint8_t* to) {
    const int inside = position % kTileTokens;
    const auto place = [&](int i) {
      return kFloat8 ? inside * kRowBytes + i
                     : piece_at<kHeadDim>(inside, i / 8) + i % 8 * kValueBytes;
    };
    own_k.store(to, place);
    own_v.store(to + kMatrixBytes, place);
    if (kFloat8 && lane % kTileTokens >= inside) {
      reinterpret_cast<float*>(to + 2 * kMatrixBytes)[lane] =
          lane < kTileTokens ? own_k.scale : own_v.scale;
    }
  };
  const auto copy_next = [&](uint8_t* to) {
    if (ahead < end) {
      const int token = ahead * kTileTokens;
      const int64_t at = cache_row(token);
      const auto* k = static_cast<const uint8_t*>(p.kv.k) + at * kRowBytes;
      const auto* v = static_cast<const uint8_t*>(p.kv.v) + at * kRowBytes;
#pragma unroll
      for (int i = lane; i < kTileTokens * kPieces; i += 32) {
        const int place = kFloat8 ? i * 16 : piece_at<kHeadDim>(i / kPieces, i % kPieces);
        // Past the end there may be anything, and a weight of 0 does not make up for a NaN.
        const int own = position - token - i / kPieces;  // 0: the row's own
        if (own == 0) continue;
        const int bytes = own > 0 ? 16 : 0;
        copy_async_16(to + place, k + i * 16, bytes);
        copy_async_16(to + kMatrixBytes + place, v + i * 16, bytes);
      }
      if (kFloat8 && token + lane % kTileTokens < position) {
        const float* scale = lane < kTileTokens ? p.kv.k_scale : p.kv.v_scale;
        copy_async_4(reinterpret_cast<float*>(to + 2 * kMatrixBytes) + lane,
                     scale + at + lane % kTileTokens);
      }
      if (token + kTileTokens > position) {  // the last tile
        own_tile = to;
        if (own_ready) put_own(to);
      }
      ahead += kWarps;
    }
    copy_async_commit();
  };
  const auto start = [&](int item) {
    kv_head = item % kv_heads;
    row = item / kv_heads % static_cast<int>(p.places.rows);
    split = item / kv_heads / static_cast<int>(p.places.rows);
    position = p.places.positions[row];
    pages = p.places.pages + p.places.first_page[row];
    const int first = max(position + 1 - p.window, 0) / kTileTokens;
    const int tiles = position < 0 ? 0 : position / kTileTokens + 1 - first;
    splits = min(p.splits, max(1, (tiles + R::kUnsplitTiles - 1) / R::kUnsplitTiles));
    begin = split < splits ? first + tiles * split / splits : 0;
    end = split < splits ? first + tiles * (split + 1) / splits : 0;
    own_ready = false;
    own_tile = nullptr;
    ahead = begin + warp;
    if (begin < end && lane < kHeadDim / 4) {
      copy_async_16(turns + lane * 2, p.turns + int64_t{position} * p.turn_stride + lane * 2);
    }
    for (int stage = 0; stage < kStages; ++stage) copy_next(ring + stage * kStageBytes);
  };

  __shared__ float factors[kMostSplits][kMostGroup], peaks[kMostGroup], totals[kMostGroup];
  __shared__ int before;
  const auto attend = [&] {
    // The last tile's warp makes the row's own k and v.
    const T* qkv = static_cast<const T*>(p.qkv) + int64_t{row} * stride_row * kHeadDim;
    QueryRows<T, kHeadDim> rows;
    const T* q = qkv + kv_head * p.group * kHeadDim;
    rows.load(g < p.group ? q + g * kHeadDim : nullptr,
              g + 8 < p.group ? q + (g + 8) * kHeadDim : nullptr);
    copy_async_wait<kStages - 1>();  // the turns, with the first tile
    __syncwarp();
    const int last_tile = position / kTileTokens;
    if (end == last_tile + 1 && (last_tile - begin) % kWarps == warp) {
      HeadVector<T, kHeadDim> k(qkv + (p.heads + kv_head) * kHeadDim);
      const HeadVector<T, kHeadDim> v(qkv + (p.heads + kv_heads + kv_head) * kHeadDim);
      k.turn(turns);
      own_k = KeptVector<T, kHeadDim, kFloat8>(k);
      own_v = KeptVector<T, kHeadDim, kFloat8>(v);
      own_ready = true;
      if (own_tile != nullptr) put_own(own_tile);
      const int64_t at = cache_row(position);
      own_k.store(p.kv.k, p.kv.k_scale, at);
      own_v.store(p.kv.v, p.kv.v_scale, at);
    }

    rows.turn(turns);
    const int limit[2] = {position + 1, position + 1};
    int stage = 0;
    for (int tile = begin + warp; tile < end; tile += kWarps) {
      copy_async_wait<kStages - 1>();
      __syncwarp();
      uint8_t* k = ring + stage * kStageBytes;
      if constexpr (kFloat8) {
#pragma unroll
        for (int i = lane; i < 2 * kTileTokens * kPieces; i += 32) {
          const int matrix = i / (kTileTokens * kPieces), piece = i % (kTileTokens * kPieces);
          uint4 values[2];
          widen_piece<T>(k + i * 16, values);
          uint8_t* to = wide + matrix * kTileTokens * kHeadDim * 2;
          const int token = piece / kPieces, first = piece % kPieces * 2;
          *reinterpret_cast<uint4*>(to + piece_at<kHeadDim>(token, first)) = values[0];
          *reinterpret_cast<uint4*>(to + piece_at<kHeadDim>(token, first + 1)) = values[1];
        }
        __syncwarp();
        const auto* scales = reinterpret_cast<const float*>(k + 2 * kMatrixBytes);
        rows.template attend<true>(wide, wide + kTileTokens * kHeadDim * 2, scales,
                                   scales + kTileTokens, tile * kTileTokens, limit, p.window,
                                   p.scale);
      } else {
        rows.template attend<false>(k, k + kMatrixBytes, nullptr, nullptr, tile * kTileTokens,
                                    limit, p.window, p.scale);
      }
      __syncwarp();
      copy_next(k);
      stage = stage + 1 == kStages ? 0 : stage + 1;
    }
    rows.template finish<kFloat8>();

    // The warps' parts, then the splits', each as (sums, largest, total) of a query head.
    constexpr int kPart = kHeadDim + 2;
    __syncthreads();
    auto* parts = reinterpret_cast<float*>(shared);  // (warps, group, kPart)
    const auto write_part = [&](int r, int head) {
      if (head >= p.group) return;
      float* part = parts + (warp * p.group + head) * kPart;
#pragma unroll
      for (int j = 0; j < kHeadDim / 8; ++j) {
        part[8 * j + 2 * t] = rows.out[j][2 * r];
        part[8 * j + 2 * t + 1] = rows.out[j][2 * r + 1];
      }
      if (t == 0) {
        part[kHeadDim] = rows.largest[r];
        part[kHeadDim + 1] = rows.total[r];
      }
    };
    write_part(0, g);
    write_part(1, g + 8);
    __syncthreads();
    // factors[i][head]: what part i's sums count in the whole, once per head; totals[head] their
    // weight.
    const auto weigh = [&](const float* from, int count, int64_t stride) {
      const int i = lane % kMostSplits;
      for (int head = threadIdx.x / kMostSplits; head < (p.group + 1) / 2 * 2;
           head += 32 * kWarps / kMostSplits) {
        const bool in = head < p.group && i < count;
        const float* part = from + i * stride + head * kPart + kHeadDim;
        const float largest = in ? part[0] : -INFINITY, weight = in ? part[1] : 0.0f;
        float peak = largest;
        for (int step = 8; step > 0; step /= 2)
          peak = fmaxf(peak, __shfl_xor_sync(~0u, peak, step));
        const float factor = exp2f(largest - (peak == -INFINITY ? 0.0f : peak));
        float total = weight * factor;
        for (int step = 8; step > 0; step /= 2) total += __shfl_xor_sync(~0u, total, step);
        if (in) factors[i][head] = factor;
        if (in && i == 0) {
          peaks[head] = peak;
          totals[head] = total;
        }
      }
      __syncthreads();
    };
    const auto add_up = [&](const float* from, int count, int64_t stride, int head, int column) {
      float sum = 0;
#pragma unroll 4
      for (int i = 0; i < count; ++i)
        sum += from[i * stride + head * kPart + column] * factors[i][head];
      return sum;
    };
    const int values = p.group * kHeadDim;
    T* out = static_cast<T*>(p.out) + (int64_t{row} * p.heads + kv_head * p.group) * kHeadDim;
    const int64_t place = int64_t{row} * kv_heads + kv_head;
    const int64_t stride = p.group * kPart;
    float* mine = p.parts + (place * p.splits + split) * stride;
    weigh(parts, kWarps, stride);
    for (int i = threadIdx.x; i < values; i += 32 * kWarps) {
      const int head = i / kHeadDim, column = i % kHeadDim;
      const float sum = add_up(parts, kWarps, stride, head, column);
      if (splits == 1) {
        out[i] = Number<T>::from_float(sum / totals[head]);
      } else {
        __stcg(mine + head * kPart + column, sum);
        if (column < 2)
          __stcg(mine + head * kPart + kHeadDim + column, column == 0 ? peaks[head] : totals[head]);
      }
    }
    if (splits == 1) return;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
      before = atomicAdd(&p.arrivals[place], 1);
      if (before == splits - 1) p.arrivals[place] = 0;
    }
    __syncthreads();
    if (before != splits - 1) return;
    __threadfence();
    const float* all = p.parts + place * p.splits * stride;
    weigh(all, splits, stride);
    for (int i = threadIdx.x; i < values; i += 32 * kWarps) {
      const int head = i / kHeadDim;
      out[i] =
          Number<T>::from_float(add_up(all, splits, stride, head, i % kHeadDim) / totals[head]);
    }
  };

  launch_dependents();
  int item = blockIdx.x;
  if (item < p.items) start(item);
  wait_for_prerequisites();
  for (; item < p.items; item += gridDim.x) {
    if (item != static_cast<int>(blockIdx.x)) {
      __syncthreads();  // the rings have held the parts of the item before
      start(item);
    }
    if (begin < end) attend();
    copy_async_wait<0>();
  }
}

template <class T, int kHeadDim, bool kFloat8, bool kFewRows>
void run(const Gpu& gpu, const Problem& p) {
  using R = Ring<kFewRows>;
  const auto kernel = attention_decode_kernel<T, kHeadDim, kFloat8, kFewRows>;
  const size_t parts = static_cast<size_t>(R::kWarps * p.group * (kHeadDim + 2)) * sizeof(float);
  const size_t bytes = std::max<size_t>(
      R::kWarps * (warp_bytes<kHeadDim, kFloat8, R::kStages>() + kHeadDim * 4), parts);
  allow_shared(gpu, kernel, bytes, "attention_decode");
  const auto grid = static_cast<unsigned>(kFewRows ? gpu.multiprocessors() : p.items);
  launch(gpu, "attention_decode", kernel, grid, 32 * R::kWarps, bytes, p);
}

template <class T, int kHeadDim, bool kFloat8>
void choose_rows(const Gpu& gpu, const Problem& p) {
  few_rows(p.places.rows) ? run<T, kHeadDim, kFloat8, true>(gpu, p)
                          : run<T, kHeadDim, kFloat8, false>(gpu, p);
}

template <class T, int kHeadDim>
void choose_storage(const Gpu& gpu, const Problem& p) {
  p.kv.storage == KvStorage::kFloat8 ? choose_rows<T, kHeadDim, true>(gpu, p)
                                     : choose_rows<T, kHeadDim, false>(gpu, p);
}

template <class T>
void choose(const Gpu& gpu, const Problem& p) {
  p.kv.head_dim == 128 ? choose_storage<T, 128>(gpu, p) : choose_storage<T, 64>(gpu, p);
}

// Contexts are split only where rows * kv_heads is at most the multiprocessors: their counters keep
// one place, whatever the number of rows, because they must stay zero between launches.
int64_t arrival_count(const Gpu& gpu) { return (gpu.multiprocessors() + 63) / 64 * 64; }

int64_t part_floats(int64_t rows, int64_t heads, int64_t splits, int64_t head_dim) {
  return rows * heads * splits * (head_dim + 2);
}

}  // namespace

int64_t decode_splits(const Gpu& gpu, int64_t rows, int64_t kv_heads) {
  const int64_t blocks = gpu.multiprocessors() * (few_rows(rows) ? 1 : 2);
  const int64_t wanted = blocks / (rows * kv_heads);
  return std::clamp<int64_t>(wanted, 1, kMostSplits);
}

int64_t decode_scratch_bytes(const Gpu& gpu, int64_t max_rows, int64_t heads, int64_t kv_heads,
                             int64_t head_dim) {
  int64_t most = 0;
  for (int64_t rows = 1; rows <= max_rows; ++rows) {
    const int64_t splits = decode_splits(gpu, rows, kv_heads);
    if (splits > 1) most = std::max(most, part_floats(rows, heads, splits, head_dim));
  }
  return (arrival_count(gpu) + most) * 4;
}

void attention_decode(const Gpu& gpu, Activation activation, const PagedKv& kv,
                      const RowPlaces& places, const Rotation& rotation, const void* qkv,
                      int64_t heads, int64_t window, void* scratch, void* out) {
  Problem p = {};
  p.kv = kv;
  p.places = places;
  p.turns = reinterpret_cast<const float2*>(rotation.turns);
  p.turn_stride = static_cast<int>(rotation.stride);
  p.window = window_or_none(window);
  p.qkv = qkv;
  p.out = out;
  p.heads = static_cast<int>(heads);
  p.group = static_cast<int>(heads / kv.kv_heads);
  if (p.group > kMostGroup) {
    throw Error(kUnsupportedModel, std::to_string(p.group) +
                                       " query heads share a kv head; allowed "
                                       "on a GPU: up to " +
                                       std::to_string(kMostGroup));
  }
  p.splits = static_cast<int>(decode_splits(gpu, places.rows, kv.kv_heads));
  p.items = static_cast<int>(places.rows * kv.kv_heads * p.splits);
  p.scale = 1.4426950408889634f / std::sqrt(static_cast<float>(kv.head_dim));
  p.arrivals = static_cast<int*>(scratch);  // zeros before and after
  p.parts = static_cast<float*>(scratch) + arrival_count(gpu);
  with_activation(activation, [&]<class T>(T) { choose<T>(gpu, p); });
}

}  // namespace loadmark::ops::cuda
