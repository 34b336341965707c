// attention on Lanes (lanes_avx2.h or lanes_avx512.h, included before): neighbouring rows of one
// sequence, one kv head, its group of heads.
//
//   score[p] = scale * (q . k[p]);  weight[p] = exp(score[p] - max);  out = sum(weight[p] v[p]) /
//   sum(weight)
// A lane of a score is a position (kv_place.h), so a score is one chain of multiply-adds over the
// dimensions in order; a lane of the output is a dimension, one chain over the positions in order;
// the weights' own sum runs in 16 partial sums by position modulo 16. None of this depends on how
// many queries a register tile holds. Bound: multiply-adds for prompts, the reading of K and V for
// decoding.
#pragma once

#include <utility>

#include "ops/cpu/attention_kernels.h"

namespace loadmark::ops {
namespace {

constexpr int64_t kWidth = 16;  // lanes
static_assert(kKeyBlock == kWidth);

template <KvType Type>
struct Cache {
  using Value = uint16_t;
  static Lanes load(const Value* p) {
    return Type == KvType::kFloat16 ? Lanes::load_float16(p) : Lanes::load_bfloat16(p);
  }
};
template <>
struct Cache<KvType::kFloat32> {
  using Value = float;
  static Lanes load(const float* p) { return Lanes::load(p); }
};
template <KvType Type>
using ValueOf = typename Cache<Type>::Value;

// `count` values from p, zeros after.
template <KvType Type>
Lanes load_some_of(const ValueOf<Type>* p, int64_t count) {
  ValueOf<Type> values[kWidth] = {};
  for (int64_t i = 0; i < count; ++i) values[i] = p[i];
  return Cache<Type>::load(values);
}

// Blocks lie anywhere, so what comes next is asked for ahead: in front of the keys of block i stand
// the keys kAhead blocks on, then the first values; in front of the values, values, then the keys
// that the next task begins with. A block of K and of V has the same offset and size.
// 2 and 8 blocks ahead were slower for 64 sequences; asking for a whole block at once, much slower.
constexpr int64_t kAhead = 4;
static_assert(kAhead <= kNextBlocks);

template <KvType Type>
const char* block_at(const void* cache, const KvBlock& block) {
  return reinterpret_cast<const char*>(static_cast<const ValueOf<Type>*>(cache) + block.offset);
}
template <KvType Type>
const char* ahead_of_keys(const AttentionTask& task, int64_t i) {
  if (i < task.block_count) return block_at<Type>(task.k, task.blocks[i]);
  i = i - task.block_count < task.block_count ? i - task.block_count : 0;
  return block_at<Type>(task.v, task.blocks[i]);
}
template <KvType Type>
const char* ahead_of_values(const AttentionTask& task, int64_t i) {
  if (i < task.block_count) return block_at<Type>(task.v, task.blocks[i]);
  if (i < task.block_count + task.next_count) return block_at<Type>(task.k, task.blocks[i]);
  return nullptr;
}

// Constant indices throughout: GCC 12 keeps an array of accumulators in registers only when no loop
// runs over it.
template <int Count>
using Indices = std::make_integer_sequence<int, Count>;

// Scores of Queries queries at Blocks blocks of 16 positions.
template <KvType Type, int Queries, int Blocks>
struct ScoreTile {
  const float* query[Queries];
  const ValueOf<Type>* keys[Blocks];
  float* scores[Queries];     // of position 0
  int64_t position[Blocks];   // of a block's first
  const char* ahead[Blocks];  // to prefetch

  template <bool Ahead, int... B, int... Q, int... I>
  void run(int64_t head_dim, float scale, std::integer_sequence<int, B...>,
           std::integer_sequence<int, Q...>, std::integer_sequence<int, I...>) const {
    Lanes sum[] = {((void)I, Lanes::zero())...};
    const float* q[] = {query[Q]...};
    const ValueOf<Type>* k[] = {keys[B]...};
    const char* next[] = {ahead[B]...};
    constexpr int64_t kStep = kWidth * sizeof(ValueOf<Type>);  // bytes of a dimension
    const auto add_dimension = [&](int64_t d) {
      const Lanes key[] = {Cache<Type>::load(k[B] + d * kWidth)...};
      ((sum[I] = fma(Lanes::all(q[I / Blocks][d]), key[I % Blocks], sum[I])), ...);
    };
    for (int64_t d = 0; d < head_dim; d += 2) {
      if constexpr (Ahead) {
        (__builtin_prefetch(next[B] + d * kStep), ...);
        if constexpr (kStep == 64) (__builtin_prefetch(next[B] + d * kStep + 64), ...);
      }
      add_dimension(d);
      add_dimension(d + 1);
    }
    const Lanes factor = Lanes::all(scale);
    ((sum[I] * factor).store(scores[I / Blocks] + position[I % Blocks]), ...);
  }
  template <bool Ahead>
  void run(int64_t head_dim, float scale) const {
    run<Ahead>(head_dim, scale, Indices<Blocks>{}, Indices<Queries>{}, Indices<Queries * Blocks>{});
  }
};

// The queries from `query` on, at blocks [b, b + count); count <= Blocks, what is missing is done
// twice.
template <KvType Type, int Queries, int Blocks>
void scores_of_queries(const AttentionTask& task, int64_t query, const ValueOf<Type>* const* keys,
                       const int64_t* positions, const char* const* ahead) {
  ScoreTile<Type, Queries, Blocks> tile;
  for (int j = 0; j < Blocks; ++j) {
    tile.keys[j] = keys[j];
    tile.position[j] = positions[j];
    tile.ahead[j] = ahead != nullptr ? ahead[j] : nullptr;
  }
  for (; query + Queries <= task.queries(); query += Queries) {
    for (int j = 0; j < Queries; ++j) {
      tile.query[j] = task.query(query + j);
      tile.scores[j] = task.scores + (query + j) * task.score_stride;
    }
    if (ahead != nullptr) {
      tile.template run<true>(task.head_dim, task.scale);
    } else {
      tile.template run<false>(task.head_dim, task.scale);
    }
    ahead = nullptr;
  }
  if constexpr (Queries > 1) {
    if (query < task.queries())
      scores_of_queries<Type, Queries / 2, Blocks>(task, query, keys, positions, ahead);
  }
}

// A block narrower than 16, as a whole one of fp32.
template <KvType Type>
void scores_of_narrow_block(const AttentionTask& task, const KvBlock& block) {
  const auto* keys = static_cast<const ValueOf<Type>*>(task.k) + block.offset;
  for (int64_t d = 0; d < task.head_dim; ++d)
    load_some_of<Type>(keys + d * block.width, block.width).store(task.block + d * kWidth);
  const float* widened = task.block;
  scores_of_queries<KvType::kFloat32, Lanes::kTileHeads, 1>(task, 0, &widened, &block.position,
                                                            nullptr);
}

template <KvType Type, int Queries, int Blocks>
void scores_of_blocks(const AttentionTask& task) {
  const auto* k = static_cast<const ValueOf<Type>*>(task.k);
  for (int64_t b = 0; b < task.block_count;) {
    if (task.blocks[b].width < kWidth) {
      scores_of_narrow_block<Type>(task, task.blocks[b++]);
      continue;
    }
    const ValueOf<Type>* keys[Blocks];
    int64_t positions[Blocks];
    int count = 0;
    for (; count < Blocks && b < task.block_count && task.blocks[b].width == kWidth; ++count, ++b) {
      keys[count] = k + task.blocks[b].offset;
      positions[count] = task.blocks[b].position;
    }
    for (int j = count; j < Blocks; ++j) {  // what is missing is done twice
      keys[j] = keys[count - 1];
      positions[j] = positions[count - 1];
    }
    const char* ahead[Blocks];
    for (int j = 0; j < Blocks; ++j) ahead[j] = ahead_of_keys<Type>(task, b + j);
    if (Blocks > 1 && count == 1) {
      scores_of_queries<Type, Queries, 1>(task, 0, keys, positions, ahead);
    } else if (Blocks > 2 && count == 2) {
      scores_of_queries<Type, Queries, (Blocks > 1 ? 2 : 1)>(task, 0, keys, positions, ahead);
    } else {
      scores_of_queries<Type, Queries, Blocks>(task, 0, keys, positions, ahead);
    }
  }
}

// exp(x) for x <= 0, by far the most of softmax's work: relative error below 3e-7, exp(-86) for
// everything below (next to the largest weight, 1, that is nothing), NaN for NaN.
// exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds, and leaves n
// in the last bits, from where it goes into the exponent. The polynomial is the one of degree 6
// with the least largest relative error (1.9e-9), fitted by iteratively reweighted least squares;
// evaluated by pairs, a shorter chain than Horner's.
inline Lanes exp_of_negative(Lanes x) {
  const Lanes magic = Lanes::all(0x1.8p23f);
  x = max(Lanes::all(-86.0f), x);  // bound first: NaN stays
  const Lanes shifted = fma(x, Lanes::all(1.44269504f), magic);
  const Lanes r = nfma(shifted - magic, Lanes::all(0.693147182f), x);
  const Lanes r2 = r * r;
  const Lanes p0 = r + Lanes::all(1.0f);
  const Lanes p2 = fma(Lanes::all(0.16666419804f), r, Lanes::all(0.49999991059f));
  const Lanes p4 = fma(Lanes::all(0.00837482419f), r, Lanes::all(0.04166822508f));
  const Lanes high = fma(fma(Lanes::all(0.00138368353f), r2, p4), r2, p2);
  return add_exponent(fma(high, r2, p0), shifted);
}

// Scores of positions first..positions - 1 in place -> weights in place; returns their sum. Lanes
// before and after them become next to nothing.
inline float softmax_weights(float* scores, int64_t first, int64_t positions) {
  const float minus_infinity = -__builtin_inff();
  const int64_t begin = first / kWidth * kWidth, whole = positions / kWidth * kWidth;
  Lanes largest = Lanes::all(minus_infinity);
  for (int64_t p = begin; p < first; ++p) scores[p] = minus_infinity;
  for (int64_t p = begin; p < whole; p += kWidth) largest = max(largest, Lanes::load(scores + p));
  if (whole < positions) {
    const Lanes last = Lanes::load_some(scores + whole, positions - whole, minus_infinity);
    last.store(scores + whole);
    largest = max(largest, last);
  }
  const Lanes shift = Lanes::all(max_of(largest));
  Lanes sum = Lanes::zero();
  for (int64_t p = begin; p < positions; p += kWidth) {
    const Lanes weight = exp_of_negative(Lanes::load(scores + p) - shift);
    weight.store(scores + p);
    sum = sum + weight;
  }
  return sum_of(sum);
}

// out = sum over positions of weight * v, for Queries queries and Chunks * 16 dimensions from
// `dim`. Each query begins and ends no earlier than the one before.
template <KvType Type, int Queries, int Chunks>
struct ValueTile {
  const float* weights[Queries];
  int64_t firsts[Queries], counts[Queries];  // its positions
  float* out[Queries];
  float factor[Queries];  // one over the sum of weights

  template <int... C, int... Q, int... I>
  void run(const AttentionTask& task, int64_t dim, bool ahead, std::integer_sequence<int, C...>,
           std::integer_sequence<int, Q...>, std::integer_sequence<int, I...>) const {
    const auto* v = static_cast<const ValueOf<Type>*>(task.v) + dim;
    const int64_t begin = firsts[0], shared_begin = firsts[Queries - 1];
    const int64_t shared = counts[0], all = counts[Queries - 1];
    const int64_t row_bytes = task.head_dim * static_cast<int64_t>(sizeof(ValueOf<Type>));
    const float* w[] = {weights[Q]...};
    Lanes sum[] = {((void)I, Lanes::zero())...};
    for (int64_t b = 0; b < task.block_count; ++b) {
      const KvBlock& block = task.blocks[b];
      const char* next = ahead ? ahead_of_values<Type>(task, b + kAhead) : nullptr;
      int64_t p = block.position < begin ? begin : block.position;
      const auto* row = v + block.offset + (p - block.position) * task.head_dim;
      const int64_t end = block.position + block.width;
      // Exactly the positions each query attends to: not even 0 * v may be added for another.
      const auto add_to_some = [&](int64_t stop) __attribute__((always_inline)) {
        for (; p < stop; ++p, row += task.head_dim) {
          const Lanes value[] = {Cache<Type>::load(row + C * kWidth)...};
          ((p >= firsts[I / Chunks] && p < counts[I / Chunks]
                ? void(sum[I] = fma(Lanes::all(w[I / Chunks][p]), value[I % Chunks], sum[I]))
                : void()),
           ...);
        }
      };
      if (p < shared_begin) add_to_some(end < shared_begin ? end : shared_begin);
      for (const int64_t stop = end < shared ? end : shared; p < stop; ++p, row += task.head_dim) {
        if (next != nullptr) {
          for (int64_t i = 0; i < row_bytes; i += 64) __builtin_prefetch(next + i);
          next += row_bytes;
        }
        const Lanes value[] = {Cache<Type>::load(row + C * kWidth)...};
        ((sum[I] = fma(Lanes::all(w[I / Chunks][p]), value[I % Chunks], sum[I])), ...);
      }
      add_to_some(end < all ? end : all);
    }
    ((sum[I] * Lanes::all(factor[I / Chunks])).store(out[I / Chunks] + dim + I % Chunks * kWidth),
     ...);
  }
  void run(const AttentionTask& task, int64_t dim, bool ahead) const {
    run(task, dim, ahead, Indices<Chunks>{}, Indices<Queries>{}, Indices<Queries * Chunks>{});
  }

  // The last 8 dimensions of a head_dim that is 8 modulo 16.
  void run_tail(const AttentionTask& task, int64_t dim) const {
    const auto* v = static_cast<const ValueOf<Type>*>(task.v) + dim;
    const int64_t left = task.head_dim - dim;
    for (int j = 0; j < Queries; ++j) {
      Lanes sum = Lanes::zero();
      for (int64_t b = 0; b < task.block_count; ++b) {
        const KvBlock& block = task.blocks[b];
        int64_t p = block.position < firsts[j] ? firsts[j] : block.position;
        const auto* row = v + block.offset + (p - block.position) * task.head_dim;
        for (; p < block.position + block.width && p < counts[j]; ++p, row += task.head_dim) {
          sum = fma(Lanes::all(weights[j][p]), load_some_of<Type>(row, left), sum);
        }
      }
      (sum * Lanes::all(factor[j])).store_some(out[j] + dim, left);
    }
  }
};

// Dimensions from `dim` on, in tiles of Chunks * 16 and then of half as many.
template <KvType Type, int Queries, int Chunks>
void values_of_dimensions(const AttentionTask& task, const ValueTile<Type, Queries, 1>& queries,
                          int64_t dim, bool ahead) {
  ValueTile<Type, Queries, Chunks> tile;
  for (int j = 0; j < Queries; ++j) {
    tile.weights[j] = queries.weights[j];
    tile.firsts[j] = queries.firsts[j];
    tile.counts[j] = queries.counts[j];
    tile.out[j] = queries.out[j];
    tile.factor[j] = queries.factor[j];
  }
  for (; dim + Chunks * kWidth <= task.head_dim; dim += Chunks * kWidth) {
    tile.run(task, dim, ahead && dim == 0);
  }
  if (dim == task.head_dim) return;
  if constexpr (Chunks > 1) {
    values_of_dimensions<Type, Queries, Chunks / 2>(task, queries, dim, ahead);
  } else {
    tile.run_tail(task, dim);
  }
}

// The queries from `query` on.
template <KvType Type, int Queries, int Chunks>
void values_of_queries(const AttentionTask& task, int64_t query) {
  for (; query + Queries <= task.queries(); query += Queries) {
    ValueTile<Type, Queries, 1> tile;
    for (int j = 0; j < Queries; ++j) {
      tile.weights[j] = task.scores + (query + j) * task.score_stride;
      tile.firsts[j] = task.first(query + j);
      tile.counts[j] = task.count(query + j);
      tile.factor[j] = task.factors[query + j];
      tile.out[j] = task.result(query + j);
    }
    values_of_dimensions<Type, Queries, Chunks>(task, tile, 0, query == 0);
  }
  if constexpr (Queries > 1) {
    if (query < task.queries())
      values_of_queries<Type, Queries / 2, Queries == 8 ? 2 * Chunks : Chunks>(task, query);
  }
}

// Register tiles of scores: as many accumulators as the weighted sums have, at least 4 queries'
// worth of work in flight for few queries.
template <KvType Type>
void attention_of(const AttentionTask& task) {
  constexpr int kTile = Lanes::kTileHeads * Lanes::kTileChunks;
  if (task.queries() == 1) {
    scores_of_blocks<Type, 1, 4>(task);
  } else if (task.queries() <= 3 || kTile < 16) {
    scores_of_blocks < Type, 2, kTile<16 ? 2 : 4>(task);
  } else if (task.queries() <= 7) {
    scores_of_blocks<Type, 4, 4>(task);
  } else {
    scores_of_blocks<Type, 8, 2>(task);
  }
  // For sums of values, 8 queries x 2 chunks beat 4 x 4 (fewer conversions) and 6 x 4.
  // All softmaxes before the first sum of values: each is a long chain, best run beside another.
  for (int64_t i = 0; i < task.queries(); ++i) {
    task.factors[i] =
        1.0f / softmax_weights(task.scores + i * task.score_stride, task.first(i), task.count(i));
  }
  if (kTile == 16 && task.queries() >= 8) {
    values_of_queries<Type, 8, 2>(task, 0);
  } else {
    values_of_queries<Type, Lanes::kTileHeads, Lanes::kTileChunks>(task, 0);
  }
}

inline void attention_task_lanes(const AttentionTask& task) {
  if (task.type == KvType::kFloat32) return attention_of<KvType::kFloat32>(task);
  if (task.type == KvType::kFloat16) return attention_of<KvType::kFloat16>(task);
  return attention_of<KvType::kBFloat16>(task);
}

}  // namespace
}  // namespace loadmark::ops
