// What `attention` hands to its kernels: neighbouring rows of one sequence and one kv head with its
// group of query heads.
#pragma once

#include "ops/cpu/kv_place.h"
#include "ops/ops.h"

namespace loadmark::ops {

inline constexpr int64_t kNextBlocks = 4;

struct AttentionTask {
  const void* k;
  const void* v;
  KvType type;
  // Those of positions first(0)..first_position + rows - 1, in order; then `next_count` (at most
  // kNextBlocks) of the next task's, which may be prefetched.
  const KvBlock* blocks;
  int64_t block_count;
  int64_t next_count;
  int64_t head_dim;
  int64_t first_position;  // of the first row; each row stands one further than the row before
  int64_t rows;
  int64_t window;  // positions a row attends to, at most
  int64_t heads;   // of this kv head's group
  float scale;     // of q . k
  const float* q;  // (rows, heads, head_dim), rows q_stride apart
  int64_t q_stride;
  float* out;  // (rows, heads, head_dim), rows out_stride apart
  int64_t out_stride;
  float* scores;         // scratch (rows, heads, score_stride)
  int64_t score_stride;  // at least 16 more than the positions, a multiple of 16
  float* block;          // scratch (head_dim, 16)
  float* factors;        // scratch (rows, heads)

  int64_t queries() const { return rows * heads; }
  const float* query(int64_t i) const { return q + i / heads * q_stride + i % heads * head_dim; }
  float* result(int64_t i) const { return out + i / heads * out_stride + i % heads * head_dim; }
  // The first position query i attends to, and one past the last.
  int64_t first(int64_t i) const { return count(i) > window ? count(i) - window : 0; }
  int64_t count(int64_t i) const { return first_position + i / heads + 1; }
};
using AttentionKernel = void (*)(const AttentionTask& task);

void attention_task_plain(const AttentionTask& task);
void attention_task_avx2(const AttentionTask& task);
void attention_task_avx512(const AttentionTask& task);

}  // namespace loadmark::ops
