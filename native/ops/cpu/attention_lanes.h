// attention on Lanes (lanes_avx2.h or lanes_avx512.h, included before): one row, one kv head, its
// group of heads.
//
//   score[p] = scale * (q . k[p]);  weight[p] = exp(score[p] - max);  out = sum(weight[p] v[p]) /
//   sum(weight)
// Scores: 16 positions at a time, one register of partial sums each, folded together into one
// register of scores. Sums over positions run in ascending order (the weights' own sum in 16
// partial sums by position modulo 16), so they depend on nothing but the sequence. Bound: the
// reading of K and V, once a group of heads for long sequences.
#pragma once

#include "ops/cpu/attention_kernels.h"
#include "ops/cpu/exp_lanes.h"

namespace loadmark::ops {
namespace {

constexpr int64_t kWidth = 16;  // lanes
constexpr int64_t kAhead = 16;  // positions between a prefetch and its use

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

// `count` values from p, zeros after: for a head_dim that is 8 modulo 16.
template <KvType Type>
Lanes load_some_of(const typename Cache<Type>::Value* p, int64_t count) {
  typename Cache<Type>::Value values[kWidth] = {};
  for (int64_t i = 0; i < count; ++i) values[i] = p[i];
  return Cache<Type>::load(values);
}

// Rows of a page lie kv_heads * head_dim apart, a stride the hardware prefetchers lose at every
// page: ask for them ahead.
template <KvType Type>
void prefetch_row(const void* cache, int64_t offset, int64_t head_dim) {
  const auto* row = reinterpret_cast<const char*>(
      static_cast<const typename Cache<Type>::Value*>(cache) + offset);
  const int64_t bytes = head_dim * static_cast<int64_t>(sizeof(typename Cache<Type>::Value));
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(row + i);
}

// The keys of positions [first, first + 16) as fp32, once for all heads: out (head_dim / 16, 16
// positions, 16 dimensions), zeros past head_dim. In this order the inner loop of `scores_of` reads
// one address after the other.
template <KvType Type>
void widen_keys(const AttentionTask& task, int64_t first, float* out) {
  const auto* k = static_cast<const typename Cache<Type>::Value*>(task.k);
  for (int64_t j = 0; j < kAttentionBlock; ++j) {
    const auto* key = k + task.offsets[first + j];
    float* to = out + j * kWidth;
    int64_t i = 0;
    for (; i + kWidth <= task.head_dim; i += kWidth)
      Cache<Type>::load(key + i).store(to + i * kAttentionBlock);
    if (i < task.head_dim)
      load_some_of<Type>(key + i, task.head_dim - i).store(to + i * kAttentionBlock);
  }
}

// Constant indices, so that GCC 12 keeps an array of accumulators in registers: in loops over it
// the accumulators were stored again at every step, which halved the speed.
template <int... J>
struct Indices {};
using Sixteen = Indices<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>;

template <int... J>
Lanes scores_of(const float* q, const float* keys, int64_t head_dim, Indices<J...>) {
  Lanes sums[] = {((void)J, Lanes::zero())...};
  for (int64_t i = 0; i < head_dim; i += kWidth, keys += kAttentionBlock * kWidth) {
    const int64_t left = head_dim - i;
    const Lanes query = left >= kWidth ? Lanes::load(q + i) : Lanes::load_some(q + i, left, 0.0f);
    ((sums[J] = fma(query, Lanes::load(keys + J * kWidth), sums[J])), ...);
  }
  Lanes folded[] = {sums[J]...};
  return sums_of(folded);
}

// Scores in place -> weights in place; returns their sum. Lanes past the last position become 0.
inline float softmax_weights(float* scores, int64_t positions, int64_t padded) {
  const float minus_infinity = -__builtin_inff();
  Lanes largest = Lanes::all(minus_infinity);
  for (int64_t p = 0; p < padded; p += kWidth) {
    const int64_t left = positions - p < kWidth ? positions - p : kWidth;
    const Lanes score = Lanes::load_some(scores + p, left, minus_infinity);
    score.store(scores + p);
    largest = max(largest, score);  // a NaN score is the result: it must reach the output
  }
  const Lanes shift = Lanes::all(max_of(largest));
  Lanes sum = Lanes::zero();
  for (int64_t p = 0; p < padded; p += kWidth) {
    const Lanes weight = exp(Lanes::load(scores + p) - shift);
    weight.store(scores + p);
    sum = sum + weight;
  }
  return sum_of(sum);
}

// out = sum over positions of weight * v, for Heads heads and Chunks * 16 dimensions from v.
template <KvType Type, int64_t Heads, int64_t Chunks>
void weighted_sum(const AttentionTask& task, const float* weights, int64_t padded,
                  const float* total, int64_t dim, float* out) {
  const auto* v = static_cast<const typename Cache<Type>::Value*>(task.v) + dim;
  Lanes sum[Heads][Chunks];
  for (int64_t h = 0; h < Heads; ++h) {
    for (int64_t c = 0; c < Chunks; ++c) sum[h][c] = Lanes::zero();
  }
  for (int64_t p = 0; p < task.positions; ++p) {
    if (p + kAhead < task.positions)
      prefetch_row<Type>(v, task.offsets[p + kAhead], Chunks * kWidth);
    Lanes value[Chunks];
    for (int64_t c = 0; c < Chunks; ++c)
      value[c] = Cache<Type>::load(v + task.offsets[p] + c * kWidth);
    for (int64_t h = 0; h < Heads; ++h) {
      const Lanes weight = Lanes::all(weights[h * padded + p]);
      for (int64_t c = 0; c < Chunks; ++c) sum[h][c] = fma(weight, value[c], sum[h][c]);
    }
  }
  for (int64_t h = 0; h < Heads; ++h) {
    for (int64_t c = 0; c < Chunks; ++c) {
      (sum[h][c] / Lanes::all(total[h])).store(out + h * task.head_dim + dim + c * kWidth);
    }
  }
}

// The last 8 dimensions of a head_dim that is 8 modulo 16.
template <KvType Type>
void weighted_sum_tail(const AttentionTask& task, const float* weights, float total, int64_t dim,
                       float* out) {
  const auto* v = static_cast<const typename Cache<Type>::Value*>(task.v) + dim;
  const int64_t left = task.head_dim - dim;
  Lanes sum = Lanes::zero();
  for (int64_t p = 0; p < task.positions; ++p) {
    sum = fma(Lanes::all(weights[p]), load_some_of<Type>(v + task.offsets[p], left), sum);
  }
  (sum / Lanes::all(total)).store_some(out + dim, left);
}

// Dimensions from `dim` on, in tiles of Chunks * 16 and then of half as many.
template <KvType Type, int64_t Heads, int64_t Chunks = Lanes::kTileChunks>
void values_of_heads(const AttentionTask& task, int64_t head, int64_t padded, const float* total,
                     int64_t dim) {
  const float* weights = task.scores + head * padded;
  float* out = task.out + head * task.head_dim;
  for (; dim + Chunks * kWidth <= task.head_dim; dim += Chunks * kWidth) {
    weighted_sum<Type, Heads, Chunks>(task, weights, padded, total, dim, out);
  }
  if (dim == task.head_dim) return;
  if constexpr (Chunks > 1) {
    values_of_heads<Type, Heads, Chunks / 2>(task, head, padded, total, dim);
  } else {
    for (int64_t h = 0; h < Heads; ++h) {
      weighted_sum_tail<Type>(task, weights + h * padded, total[h], dim, out + h * task.head_dim);
    }
  }
}

template <KvType Type, int64_t Heads = Lanes::kTileHeads>
void values_of_group(const AttentionTask& task, int64_t head, int64_t padded, const float* total) {
  for (; head + Heads <= task.heads; head += Heads, total += Heads) {
    values_of_heads<Type, Heads>(task, head, padded, total, 0);
  }
  if constexpr (Heads > 1) {
    if (head < task.heads) values_of_group<Type, Heads / 2>(task, head, padded, total);
  }
}

template <KvType Type>
void attention_of(const AttentionTask& task) {
  const int64_t padded = (task.positions + kWidth - 1) / kWidth * kWidth;
  for (int64_t p = 0; p < padded; p += kAttentionBlock) {
    widen_keys<Type>(task, p, task.row);
    for (int64_t ahead = p + kAhead; ahead < p + kAhead + kAttentionBlock && ahead < task.positions;
         ++ahead) {
      prefetch_row<Type>(task.k, task.offsets[ahead], task.head_dim);
    }
    for (int64_t head = 0; head < task.heads; ++head) {
      const Lanes score =
          scores_of(task.q + head * task.head_dim, task.row, task.head_dim, Sixteen{}) *
          Lanes::all(task.scale);
      score.store(task.scores + head * padded + p);
    }
  }
  for (int64_t head = 0; head < task.heads; ++head) {
    task.sums[head] = softmax_weights(task.scores + head * padded, task.positions, padded);
  }
  values_of_group<Type>(task, 0, padded, task.sums);
}

inline void attention_task_lanes(const AttentionTask& task) {
  if (task.type == KvType::kFloat32) return attention_of<KvType::kFloat32>(task);
  if (task.type == KvType::kFloat16) return attention_of<KvType::kFloat16>(task);
  return attention_of<KvType::kBFloat16>(task);
}

}  // namespace
}  // namespace loadmark::ops
