// What `attention` hands to its kernels: one row and one kv head with its group of query heads.
#pragma once

#include "ops/ops.h"

namespace loadmark::ops {

inline constexpr int64_t kAttentionBlock = 16;  // positions a tuned kernel takes at once

struct AttentionTask {
  const void* k;
  const void* v;
  KvType type;
  const int64_t* offsets;  // (positions, padded to kAttentionBlock with a valid offset) elements
                           // from k and from v
  int64_t positions;       // how many are attended to
  int64_t head_dim;
  int64_t heads;   // of this kv head's group
  float scale;     // of q . k
  const float* q;  // (heads, head_dim)
  float* out;      // (heads, head_dim)
  float* scores;   // scratch (heads, positions padded to kAttentionBlock)
  float* row;      // scratch (kAttentionBlock, head_dim padded to 16)
  float* sums;     // scratch (heads)
};
using AttentionKernel = void (*)(const AttentionTask& task);

void attention_task_plain(const AttentionTask& task);
void attention_task_avx2(const AttentionTask& task);
void attention_task_avx512(const AttentionTask& task);

}  // namespace loadmark::ops
