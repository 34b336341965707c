// Where do a sequence's K and V lie? Its pages of the KV cache, by position / page_tokens.
#pragma once

#include <cstdint>
#include <vector>

namespace loadmark {

struct PageTable {
  std::vector<int32_t> pages;
  // Leading entries whose pages lie behind the window and belong to it no more. They are 0, a page
  // that exists: a kernel that copies whole tiles may look there, and uses nothing of it.
  int64_t behind = 0;
};

}  // namespace loadmark
