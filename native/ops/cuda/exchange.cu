// The exchanges between ranks. Three orders hold them together:
// - Words: 8 bytes that are written and read as one hold 4 bytes of data and the turn, so whoever
//   sees the turn has the data and nothing needs an order. Inboxes are two, by turns. One is
//   written again in turn n + 2, by a rank that had this rank's words of turn n + 1, which this
//   rank sent in a kernel behind the one that read turn n.
// - Chunks: a block says "ready" (release) behind the kernels that wrote its data, and its peers
//   read after they have seen that (acquire); each says "done" (release) behind its reads, and the
//   owner zeroes after it has seen all (acquire). A barrier of the block carries both on to its
//   other threads.
// - Before anything else every thread waits for the kernels in front of it in its stream, by which
//   turns, partials and inboxes of the calls before are as those left them.
// Additions are in rank order on every rank, so sums have the same bits everywhere.
#include <algorithm>
#include <type_traits>

#include "ops/cuda/device/ptx.cuh"
#include "ops/cuda/exchange.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kThreads = 256;  // of kernels that exchange nothing

// Counts a wait's failed looks, and ends it where the other rank does not come. A trap, since what
// would be computed without the other's data is worse; the number tells the host who was missing.
class Patience {
 public:
  __device__ void look(const Peers& peers, int from, ExchangeCall call) {
    constexpr uint64_t kMost = uint64_t{kExchangePatience} * 1000000000u;
    if (++looks_ % 256 != 0) return;
    const uint64_t now = nanoseconds();
    if (since_ == 0) since_ = now;
    if (now - since_ <= kMost || now < since_) return;
    store_system(peers.fault,
                 1 + static_cast<uint32_t>(from) + kFaultCall * static_cast<uint32_t>(call));
    __threadfence_system();
    __trap();
  }

 private:
  uint32_t looks_ = 0;
  uint64_t since_ = 0;
};

__device__ void begin(const Peers& peers) {
  if (peers.early) launch_dependents();
  wait_for_prerequisites();
}

// ---- quads of a message whose last one may be cut off ----

__device__ float4 load_quad(const float* values, int64_t quad, int64_t count) {
  if (4 * quad + 4 <= count) return __ldcg(reinterpret_cast<const float4*>(values) + quad);
  float4 v = {};
  const int64_t left = count - 4 * quad;
  if (left > 0) v.x = __ldcg(values + 4 * quad);
  if (left > 1) v.y = __ldcg(values + 4 * quad + 1);
  if (left > 2) v.z = __ldcg(values + 4 * quad + 2);
  return v;
}
__device__ void store_quad(float* values, int64_t quad, int64_t count, const float4& v) {
  if (4 * quad + 4 <= count) {
    reinterpret_cast<float4*>(values)[quad] = v;
    return;
  }
  const int64_t left = count - 4 * quad;
  if (left > 0) values[4 * quad] = v.x;
  if (left > 1) values[4 * quad + 1] = v.y;
  if (left > 2) values[4 * quad + 2] = v.z;
}
__device__ float4 plus(const float4& a, const float4& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w};
}

// ---- words ----

__device__ uint64_t word(uint32_t data, uint32_t turn) { return uint64_t{turn} << 32 | data; }
__device__ uint32_t data_of(uint64_t word) { return static_cast<uint32_t>(word); }
__device__ float float_of(uint64_t word) { return __uint_as_float(data_of(word)); }
// The words of turn `turn` of every other rank, kPairs pairs of each, when all are there; they come
// in at where(rank, pair). An older turn's number would return after 2^32 turns.
template <int kRanks, int kPairs, class Where>
__device__ void receive(const Peers& peers, uint32_t turn, ExchangeCall call, const Where& where,
                        ulonglong2 (&words)[kRanks][kPairs]) {
  Patience patience;
  for (;;) {
#pragma unroll
    for (int i = 0; i < kRanks * kPairs; ++i) {
      const int rank = i / kPairs, pair = i % kPairs;
      if (rank != peers.rank) words[rank][pair] = load_system(where(rank, pair));
    }
    int absent = -1;
#pragma unroll
    for (int i = 0; i < kRanks * kPairs; ++i) {
      const ulonglong2 pair = words[i / kPairs][i % kPairs];
      const bool here = pair.x >> 32 == turn && pair.y >> 32 == turn;
      if (i / kPairs != peers.rank && !here) absent = i / kPairs;
    }
    if (absent < 0) return;
    patience.look(peers, absent, call);
  }
}

// The first `blocks` blocks exchange, a thread kQuads quads; more of them only hold their place
// (add_by_words).
template <int kRanks, int kQuads>
__global__ void __launch_bounds__(kWordThreads)
    words_kernel(const __grid_constant__ Peers peers, int blocks, int64_t count, float* sum) {
  begin(peers);
  const int block = static_cast<int>(blockIdx.x);
  if (block >= blocks) return;
  uint32_t* const turns = peers.exchange[peers.rank]->word_turn;
  const uint32_t turn = __ldcg(turns + block) + 1;
  // A rank's words in an inbox: (kWordBlocks, kWordQuads, 2, kWordThreads)
  const auto slot = [&](int from, int item, int half) {
    const int64_t inbox = int64_t{turn % 2} * kRanks + from;
    const int64_t row = ((inbox * kWordBlocks + block) * kWordQuads + item) * int64_t{2} + half;
    return row * kWordThreads + threadIdx.x;
  };
  const auto quad_of = [&](int item) {
    return (int64_t{item} * blocks + block) * kWordThreads + threadIdx.x;
  };
  const int64_t quads = (count + 3) / 4;
  auto* const partial = reinterpret_cast<float4*>(peers.partial[peers.rank]);
  float4 mine[kQuads] = {}, before[kQuads] = {};
#pragma unroll
  for (int item = 0; item < kQuads; ++item) {
    if (quad_of(item) < quads) mine[item] = __ldcg(partial + quad_of(item));
  }
#pragma unroll
  for (int item = 0; item < kQuads; ++item) {
    if (quad_of(item) >= quads) continue;
    const float4 v = mine[item];
    const ulonglong2 front = {word(__float_as_uint(v.x), turn), word(__float_as_uint(v.y), turn)};
    const ulonglong2 back = {word(__float_as_uint(v.z), turn), word(__float_as_uint(v.w), turn)};
#pragma unroll
    for (int to = 0; to < kRanks; ++to) {
      if (to == peers.rank) continue;
      store_system(peers.words[to] + slot(peers.rank, item, 0), front);
      store_system(peers.words[to] + slot(peers.rank, item, 1), back);
    }
    partial[quad_of(item)] = {};  // only this rank reads it
    before[item] = load_quad(sum, quad_of(item), count);
  }
  const ulonglong2* const inbox = peers.words[peers.rank];
#pragma unroll
  for (int item = 0; item < kQuads; ++item) {
    if (quad_of(item) >= quads) continue;
    ulonglong2 words[kRanks][2] = {};
    receive(
        peers, turn, ExchangeCall::kAdd,
        [&](int from, int half) { return inbox + slot(from, item, half); }, words);
    float4 total = {};
#pragma unroll
    for (int from = 0; from < kRanks; ++from) {
      const auto [front, back] = words[from];
      const float4 v = from == peers.rank ? mine[item]
                                          : float4{float_of(front.x), float_of(front.y),
                                                   float_of(back.x), float_of(back.y)};
      total = from == 0 ? v : plus(total, v);
    }
    store_quad(sum, quad_of(item), count, plus(before[item], total));
  }
  __syncthreads();  // all have read the turn
  if (threadIdx.x == 0) turns[block] = turn;
}

// ---- chunks ----

__device__ void wait_for(const uint32_t* flag, uint32_t turn, const Peers& peers, int rank,
                         ExchangeCall call) {
  Patience patience;
  while (static_cast<int32_t>(load_acquire_system(flag) - turn) < 0)
    patience.look(peers, rank, call);
}

// What thread `rank` of a block does for its peer of that number.
template <int kRanks>
__device__ bool speaks_to_peer(const Peers& peers) {
  return threadIdx.x < kRanks && static_cast<int>(threadIdx.x) != peers.rank;
}

// A block's dealings with its peers: its turn is over when every peer has read all of its tiles.
template <int kRanks>
class Turn {
 public:
  __device__ Turn(const Peers& peers, ExchangeCall call)
      : peers_(peers), own_(*peers.exchange[peers.rank]), call_(call), peer_(threadIdx.x) {
    ready_ = __ldcg(own_.ready_turn + blockIdx.x) + 1;
    done_ = __ldcg(own_.done_turn + blockIdx.x);
  }
  // The peers' data may be read after this, and `parts[rank]` says where, of this rank's at `part`.
  __device__ void meet(const void* part, const void** parts) {
    if (speaks_to_peer<kRanks>(peers_)) {
      Exchange* const peer = peers_.exchange[peer_];
      store_system(&peer->address[blockIdx.x][peers_.rank], reinterpret_cast<uint64_t>(part));
      store_release_system(&peer->ready[blockIdx.x][peers_.rank], ready_);
      wait_for(&own_.ready[blockIdx.x][peer_], ready_, peers_, peer_, call_);
      parts[peer_] = reinterpret_cast<const void*>(load_system(&own_.address[blockIdx.x][peer_]));
    }
    if (peer_ == peers_.rank) parts[peer_] = part;
    __syncthreads();
  }
  // The whole block has read tile `tile`.
  __device__ void tell_read(int tile) {
    __syncthreads();
    if (speaks_to_peer<kRanks>(peers_)) {
      store_release_system(&peers_.exchange[peer_]->done[blockIdx.x][peers_.rank],
                           done_ + static_cast<uint32_t>(tile) + 1);
    }
  }
  // Every peer has read tile `tile` of this rank's.
  __device__ void wait_until_read(int tile) {
    if (speaks_to_peer<kRanks>(peers_)) {
      wait_for(&own_.done[blockIdx.x][peer_], done_ + static_cast<uint32_t>(tile) + 1, peers_,
               peer_, call_);
    }
    __syncthreads();
  }
  __device__ void end(int tiles) {
    if (threadIdx.x != 0) return;
    own_.ready_turn[blockIdx.x] = ready_;
    own_.done_turn[blockIdx.x] = done_ + static_cast<uint32_t>(tiles);
  }

 private:
  const Peers& peers_;
  Exchange& own_;
  ExchangeCall call_;
  int peer_;
  uint32_t ready_, done_;
};

template <int kRanks>
__global__ void __launch_bounds__(kChunkThreads)
    chunks_kernel(const __grid_constant__ Peers peers, ChunkShape shape, int64_t count,
                  float* sum) {
  // Loads in flight are what fills a link: 64 blocks of 512 threads keep 2 MB on their way.
  constexpr int kTogether = kRanks <= 3 ? 4 : kRanks <= 5 ? 2 : 1;
  __shared__ const void* parts[kRanks];
  begin(peers);
  Turn<kRanks> turn(peers, ExchangeCall::kAdd);
  float* const partial = peers.partial[peers.rank];
  turn.meet(partial, parts);
  const int64_t quads = (count + 3) / 4;
  const int64_t first = blockIdx.x * shape.block_quads;
  const int64_t last = min(quads, first + shape.block_quads);
  const auto tile_begin = [&](int tile) { return min(last, first + tile * shape.tile_quads); };
  const auto zero_tile = [&](int tile) {
    turn.wait_until_read(tile);
    for (int64_t quad = tile_begin(tile) + threadIdx.x; quad < tile_begin(tile + 1);
         quad += kChunkThreads)
      reinterpret_cast<float4*>(partial)[quad] = {};
  };
  for (int tile = 0; tile < shape.tiles; ++tile) {
    const int64_t end = tile_begin(tile + 1);
    for (int64_t from_quad = tile_begin(tile) + threadIdx.x; from_quad < end;
         from_quad += kTogether * kChunkThreads) {
      float4 values[kRanks][kTogether] = {}, before[kTogether] = {};
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        const int64_t quad = from_quad + i * kChunkThreads;
        if (quad >= end) continue;
#pragma unroll
        for (int rank = 0; rank < kRanks; ++rank)
          values[rank][i] = load_system(static_cast<const float4*>(parts[rank]) + quad);
        before[i] = load_quad(sum, quad, count);
      }
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        const int64_t quad = from_quad + i * kChunkThreads;
        if (quad >= end) continue;
        float4 total = values[0][i];
#pragma unroll
        for (int rank = 1; rank < kRanks; ++rank) total = plus(total, values[rank][i]);
        store_quad(sum, quad, count, plus(before[i], total));
      }
    }
    turn.tell_read(tile);
    if (tile > 0) zero_tile(tile - 1);
  }
  zero_tile(shape.tiles - 1);
  turn.end(shape.tiles);
}

template <int kRanks, class Item>
__global__ void __launch_bounds__(kChunkThreads)
    gather_kernel(const __grid_constant__ Peers peers, const Item* part, int64_t rows,
                  int64_t columns, Item* whole) {
  __shared__ const void* parts[kRanks];
  begin(peers);
  Turn<kRanks> turn(peers, ExchangeCall::kGather);
  turn.meet(part, parts);
  const int64_t items = rows * columns, stride = int64_t{gridDim.x} * kChunkThreads;
  for (int64_t i = int64_t{blockIdx.x} * kChunkThreads + threadIdx.x; i < items; i += stride) {
    const int64_t row = i / columns, column = i - row * columns;
    Item values[kRanks];
#pragma unroll
    for (int rank = 0; rank < kRanks; ++rank)
      values[rank] = load_system(static_cast<const Item*>(parts[rank]) + i);
#pragma unroll
    for (int rank = 0; rank < kRanks; ++rank)
      whole[(row * kRanks + rank) * columns + column] = values[rank];
  }
  turn.tell_read(0);
  turn.wait_until_read(0);  // what comes behind may overwrite `part`
  turn.end(1);
}

// ---- the best of every rank's ----

struct Choice {
  float value = -INFINITY;
  int32_t token = INT32_MAX;
  bool void_row = false;
  __device__ void meet(float other, int32_t index) {
    void_row = void_row || index < 0;
    if (isnan(other)) return;
    if (other > value || (other == value && index < token)) value = other, token = index;
  }
  __device__ int32_t result() const { return void_row || !isfinite(value) ? -1 : token; }
};

template <int kRanks>
__global__ void __launch_bounds__(kChoiceThreads)
    choose_kernel(const __grid_constant__ Peers peers, const float* best, const int32_t* index,
                  int64_t rows, int32_t* tokens) {
  begin(peers);
  uint32_t* const turns = peers.exchange[peers.rank]->choice_turn;
  const uint32_t turn = __ldcg(turns + blockIdx.x) + 1;
  const int64_t row = int64_t{blockIdx.x} * kChoiceThreads + threadIdx.x;
  const auto slot = [&](int from) {
    return (int64_t{turn % 2} * kRanks + from) * kChoiceRows + row;
  };
  if (row < rows) {
    const float value = __ldcg(best + row);
    const int32_t token = __ldcg(index + row);
    const ulonglong2 words = {word(__float_as_uint(value), turn),
                              word(static_cast<uint32_t>(token), turn)};
#pragma unroll
    for (int to = 0; to < kRanks; ++to)
      if (to != peers.rank) store_system(peers.choices[to] + slot(peers.rank), words);
    ulonglong2 others[kRanks][1] = {};
    receive(
        peers, turn, ExchangeCall::kChoose,
        [&](int from, int) { return peers.choices[peers.rank] + slot(from); }, others);
    Choice choice;
    choice.meet(value, token);
#pragma unroll
    for (int from = 0; from < kRanks; ++from) {
      const ulonglong2 other = others[from][0];
      if (from != peers.rank)
        choice.meet(float_of(other.x), static_cast<int32_t>(data_of(other.y)));
    }
    tokens[row] = choice.result();
  }
  __syncthreads();  // all have read the turn
  if (threadIdx.x == 0) turns[blockIdx.x] = turn;
}

__global__ void choose_gathered_kernel(int ranks, const float* best, const int32_t* index,
                                       int64_t rows, int32_t* tokens) {
  launch_dependents();
  wait_for_prerequisites();
  const int64_t row = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (row >= rows) return;
  Choice choice;
  for (int rank = 0; rank < ranks; ++rank)
    choice.meet(best[rank * rows + row], index[rank * rows + row]);
  tokens[row] = choice.result();
}

__global__ void __launch_bounds__(kThreads)
    add_whole_kernel(float* partial, int64_t count, float* sum) {
  launch_dependents();
  wait_for_prerequisites();
  const int64_t quads = (count + 3) / 4, stride = int64_t{gridDim.x} * kThreads;
  for (int64_t quad = int64_t{blockIdx.x} * kThreads + threadIdx.x; quad < quads; quad += stride) {
    auto* const from = reinterpret_cast<float4*>(partial) + quad;
    store_quad(sum, quad, count, plus(load_quad(sum, quad, count), __ldcg(from)));
    *from = {};
  }
}

template <class Body>
void with_ranks(int ranks, const Body& body) {
  switch (ranks) {
    case 1:
      return body(std::integral_constant<int, 1>());
    case 2:
      return body(std::integral_constant<int, 2>());
    case 3:
      return body(std::integral_constant<int, 3>());
    case 4:
      return body(std::integral_constant<int, 4>());
    case 5:
      return body(std::integral_constant<int, 5>());
    case 6:
      return body(std::integral_constant<int, 6>());
    case 7:
      return body(std::integral_constant<int, 7>());
    default:
      return body(std::integral_constant<int, kMostRanks>());
  }
}

}  // namespace

void prepare_exchange(const Gpu& gpu, int ranks) {
  const auto load = [&](auto kernel) { gpu.prefer_shared(reinterpret_cast<const void*>(kernel)); };
  with_ranks(ranks, [&]<int kRanks>(std::integral_constant<int, kRanks>) {
    load(words_kernel<kRanks, 1>);
    load(words_kernel<kRanks, kWordQuads>);
    load(chunks_kernel<kRanks>);
    load(choose_kernel<kRanks>);
    load(gather_kernel<kRanks, float>);
    load(gather_kernel<kRanks, float4>);
  });
  load(choose_gathered_kernel);
  load(add_whole_kernel);
}

void add_by_words(const Gpu& gpu, const Peers& peers, int ranks, int64_t count, float* sum) {
  const WordShape shape = word_shape(count);
  // Beside few_rows linears: a block on every multiprocessor, with work or without, so large that
  // beside a linear's block there is room for one. attention_decode says why. With blocks only
  // where there was work, or blocks so small that the device put several side by side, up to 40
  // multiprocessors had two blocks of the next linear: llama-2-70b at batch 1 on two H100s made 96
  // and 104 tokens/s where it makes 129.
  const bool holds = peers.early && shape.quads == 1 && gpu.architecture() >= 90;
  const int grid = holds ? std::max(shape.blocks, gpu.multiprocessors()) : shape.blocks;
  const size_t room = holds ? gpu.most_shared() * 9 / 20 : 0;
  with_ranks(ranks, [&]<int kRanks>(std::integral_constant<int, kRanks>) {
    const auto go = [&](auto kernel) {
      allow_shared(gpu, kernel, room, "add_across_words");
      launch(gpu, "add_across_words", kernel, static_cast<unsigned>(grid), kWordThreads, room,
             peers, shape.blocks, count, sum);
    };
    shape.quads == 1 ? go(words_kernel<kRanks, 1>) : go(words_kernel<kRanks, kWordQuads>);
  });
}

void add_by_chunks(const Gpu& gpu, const Peers& peers, int ranks, const ChunkShape& shape,
                   int64_t count, float* sum) {
  with_ranks(ranks, [&]<int kRanks>(std::integral_constant<int, kRanks>) {
    launch(gpu, "add_across_chunks", chunks_kernel<kRanks>, static_cast<unsigned>(shape.blocks),
           kChunkThreads, 0, peers, shape, count, sum);
  });
}

void add_whole(const Gpu& gpu, float* partial, int64_t count, float* sum) {
  const unsigned blocks = std::min(blocks_for((count + 3) / 4, kThreads),
                                   8u * static_cast<unsigned>(gpu.multiprocessors()));
  launch(gpu, "add_whole", add_whole_kernel, blocks, kThreads, 0, partial, count, sum);
}

void choose_by_words(const Gpu& gpu, const Peers& peers, int ranks, const float* best,
                     const int32_t* index, int64_t rows, int32_t* tokens) {
  with_ranks(ranks, [&]<int kRanks>(std::integral_constant<int, kRanks>) {
    launch(gpu, "choose_across", choose_kernel<kRanks>, blocks_for(rows, kChoiceThreads),
           kChoiceThreads, 0, peers, best, index, rows, tokens);
  });
}

void choose_gathered(const Gpu& gpu, int ranks, const float* best, const int32_t* index,
                     int64_t rows, int32_t* tokens) {
  launch(gpu, "choose_gathered", choose_gathered_kernel, blocks_for(rows, kThreads), kThreads, 0,
         ranks, best, index, rows, tokens);
}

void gather_by_chunks(const Gpu& gpu, const Peers& peers, int ranks, int blocks, const float* part,
                      int64_t rows, int64_t part_columns, float* whole) {
  with_ranks(ranks, [&]<int kRanks>(std::integral_constant<int, kRanks>) {
    const auto go = [&]<class Item>(const Item* from, Item* to) {
      launch(gpu, "gather_columns", gather_kernel<kRanks, Item>, static_cast<unsigned>(blocks),
             kChunkThreads, 0, peers, from, rows,
             part_columns / static_cast<int64_t>(sizeof(Item) / sizeof(float)), to);
    };
    if (part_columns % 4 == 0) {
      go(reinterpret_cast<const float4*>(part), reinterpret_cast<float4*>(whole));
    } else {
      go(part, whole);
    }
  });
}

}  // namespace loadmark::ops::cuda
