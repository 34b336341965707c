// Which pages of the KV cache are free? Hands out page numbers; the memory behind them is the
// runner's.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/page_table.h"
#include "model/model_config.h"
#include "ops/ops.h"

namespace loadmark {

// What decides how many pages a sequence holds.
struct PageNeeds {
  int64_t page_tokens = 1;
  int64_t window = 0;     // last positions that any layer sees; 0: all
  int64_t step_rows = 1;  // most positions that a step computes

  int64_t pages_for(int64_t tokens) const { return (tokens + page_tokens - 1) / page_tokens; }
  // Pages held at most at once for a sequence of `tokens` tokens. With a window: what the first row
  // of a step sees, the step's rows, and what shares a page with the first of them.
  int64_t most_pages(int64_t tokens) const;
};

class KvCache {
 public:
  KvCache(const PageNeeds& needs, int64_t pages);

  // Bytes of one token over all layers, K and V.
  static int64_t token_bytes(const ModelConfig& config, ops::KvType type);

  int64_t free_pages() const { return static_cast<int64_t>(free_.size()); }
  int64_t used_pages() const { return pages_ - free_pages(); }
  int64_t peak_used_pages() const { return peak_used_; }
  const PageNeeds& needs() const { return needs_; }
  // Positions from 0 on that `table` has had pages for.
  int64_t covered(const PageTable& table) const {
    return static_cast<int64_t>(table.pages.size()) * needs_.page_tokens;
  }

  // Extends `table` until it covers `tokens` tokens; false, and no page taken, when too few are
  // free.
  bool grow(PageTable* table, int64_t tokens);
  // As grow(), an empty table for a sequence of `tokens` tokens: as many pages as it holds at most,
  // which slide() makes do.
  bool begin(PageTable* table, int64_t tokens);
  // Takes the pages away that no row from `position` on sees, to the table's end while it covers
  // less than `tokens` tokens, and else back. After begin() that leaves room for a step's rows.
  void slide(PageTable* table, int64_t position, int64_t tokens);
  // Gives all pages of `table` back.
  void release(PageTable* table);

 private:
  PageNeeds needs_;
  int64_t pages_, peak_used_ = 0;
  std::vector<int32_t> free_;
};

}  // namespace loadmark
