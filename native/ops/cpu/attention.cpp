// attention: one task a (row, kv head); every head of the group shares the reading of that kv
// head's keys and values. Two passes over the positions in order, so neither page size nor the rows
// beside it can change a bit.
#include <algorithm>
#include <cmath>
#include <string>

#include "base/aligned_buffer.h"
#include "base/error.h"
#include "ops/cpu/attention_kernels.h"
#include "ops/cpu/kv_place.h"
#include "ops/cpu/row_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {
namespace {

void load_plain(KvType type, const void* cache, int64_t at, int64_t count, float* out) {
  if (type == KvType::kFloat32) {
    std::copy_n(static_cast<const float*>(cache) + at, count, out);
  } else if (type == KvType::kFloat16) {
    float16_to_float_plain(static_cast<const uint16_t*>(cache) + at, count, out);
  } else {
    bfloat16_to_float_plain(static_cast<const uint16_t*>(cache) + at, count, out);
  }
}

}  // namespace

void attention_task_plain(const AttentionTask& task) {
  const int64_t dim = task.head_dim;
  for (int64_t head = 0; head < task.heads; ++head) {
    const float* q = task.q + head * dim;
    float* out = task.out + head * dim;
    float* score = task.scores;
    float largest = -INFINITY;
    for (int64_t p = 0; p < task.positions; ++p) {
      load_plain(task.type, task.k, task.offsets[p], dim, task.row);
      float dot = 0;
      for (int64_t i = 0; i < dim; ++i) dot += q[i] * task.row[i];
      score[p] = dot * task.scale;
      largest = std::max(largest, score[p]);
    }
    float sum = 0;
    std::fill_n(out, dim, 0.0f);
    for (int64_t p = 0; p < task.positions; ++p) {
      const float weight = std::exp(score[p] - largest);
      sum += weight;
      load_plain(task.type, task.v, task.offsets[p], dim, task.row);
      for (int64_t i = 0; i < dim; ++i) out[i] += weight * task.row[i];
    }
    for (int64_t i = 0; i < dim; ++i) out[i] /= sum;
  }
}

namespace {

// What a thread keeps between tasks: offsets of the positions, scores of a group of heads, and one
// block of rows.
struct Scratch {
  AlignedBuffer offsets, scores, rows, sums;
};

AttentionKernel choose([[maybe_unused]] Isa isa) {
#if defined(LOADMARK_X86)
  if (isa == Isa::kAvx512) return attention_task_avx512;
  if (isa == Isa::kAvx2) return attention_task_avx2;
#endif
  return attention_task_plain;
}

void check(const PagedKv& kv, int64_t heads) {
  if (kv.kv_heads < 1 || heads < 1 || heads % kv.kv_heads != 0) {
    throw Error(kBadArgument, "heads is " + std::to_string(heads) +
                                  "; it must be a multiple of kv_heads, " +
                                  std::to_string(kv.kv_heads));
  }
  if (kv.head_dim < 8 || kv.head_dim % 8 != 0) {
    throw Error(kBadArgument,
                "head_dim is " + std::to_string(kv.head_dim) + "; it must be a multiple of 8");
  }
}

}  // namespace

void attention(const Context& context, const PagedKv& kv, const RowPlaces& places, const float* q,
               int64_t q_stride, int64_t heads, float* out) {
  check(kv, heads);
  const AttentionKernel kernel = choose(context.isa);
  const int64_t group = heads / kv.kv_heads;
  const float scale = 1.0f / std::sqrt(static_cast<float>(kv.head_dim));
  int64_t attended = 0;
  for (int64_t row = 0; row < places.rows; ++row) attended += places.positions[row] + 1;
  run_tasks(context, places.rows * kv.kv_heads, 2 * attended * heads * kv.head_dim,
            [&](int64_t index) {
              thread_local Scratch scratch;
              const int64_t row = index / kv.kv_heads, kv_head = index % kv.kv_heads;
              const int64_t positions = static_cast<int64_t>(places.positions[row]) + 1;
              const int64_t padded =
                  (positions + kAttentionBlock - 1) / kAttentionBlock * kAttentionBlock;
              scratch.offsets.reserve(static_cast<size_t>(padded) * sizeof(int64_t));
              scratch.scores.reserve(static_cast<size_t>(padded * group) * sizeof(float));
              scratch.rows.reserve(static_cast<size_t>(kAttentionBlock * (kv.head_dim + 8)) *
                                   sizeof(float));
              scratch.sums.reserve(static_cast<size_t>(group) * sizeof(float));
              auto* offsets = scratch.offsets.as<int64_t>();
              const int64_t width = kv.kv_heads * kv.head_dim;
              for (int64_t first = 0; first < positions; first += kv.page_tokens) {
                int64_t at = kv_offset(kv, places.page_tables[row], first) + kv_head * kv.head_dim;
                const int64_t end = std::min(positions, first + kv.page_tokens);
                for (int64_t p = first; p < end; ++p, at += width) offsets[p] = at;
              }
              std::fill(offsets + positions, offsets + padded, offsets[0]);
              const int64_t first_head = kv_head * group;
              kernel({.k = kv.k,
                      .v = kv.v,
                      .type = kv.type,
                      .offsets = offsets,
                      .positions = positions,
                      .head_dim = kv.head_dim,
                      .heads = group,
                      .scale = scale,
                      .q = q + row * q_stride + first_head * kv.head_dim,
                      .out = out + (row * heads + first_head) * kv.head_dim,
                      .scores = scratch.scores.as<float>(),
                      .row = scratch.rows.as<float>(),
                      .sums = scratch.sums.as<float>()});
            });
}

}  // namespace loadmark::ops
