// Where a position's key or value lies in the CPU's paged cache. The order inside a page is this
// backend's own; only kv_write and attention know it:
//   K (pages, kv_heads, blocks of 16 positions, head_dim, position in the block)
//   V (pages, kv_heads, positions, head_dim)
// A key's dimensions stand 16 positions side by side, so that a vector holds one dimension of 16
// keys and a score needs no sum across lanes; a page whose size is no multiple of 16 ends in a
// narrower block. Both hold head_dim values a position: a block starts at the same offset in K and
// V.
#pragma once

#include <algorithm>

#include "ops/ops.h"

namespace loadmark::ops {

inline constexpr int64_t kKeyBlock = 16;  // positions

// Up to 16 neighbouring positions of one page and kv head.
struct KvBlock {
  int64_t offset;    // in values, from the start of K and of V
  int64_t position;  // its first, in the sequence
  int64_t width;     // positions it has room for
};

// The block that holds token `token` (0..page_tokens - 1) of a page.
inline KvBlock kv_block(const PagedKv& kv, int64_t page, int64_t kv_head, int64_t token) {
  const int64_t first = token / kKeyBlock * kKeyBlock;
  return {((page * kv.kv_heads + kv_head) * kv.page_tokens + first) * kv.head_dim, first,
          std::min(kKeyBlock, kv.page_tokens - first)};
}

}  // namespace loadmark::ops
