// Where a position's key or value lies in the paged cache.
#pragma once

#include "ops/ops.h"

namespace loadmark::ops {

// Elements from the start of K (or V) to head 0 of `position` of the sequence with this page table.
inline int64_t kv_offset(const PagedKv& kv, const int32_t* page_table, int64_t position) {
  const int64_t page = page_table[position / kv.page_tokens];
  return (page * kv.page_tokens + position % kv.page_tokens) * kv.kv_heads * kv.head_dim;
}

}  // namespace loadmark::ops
