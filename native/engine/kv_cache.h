// Which pages of the KV cache are free? Hands out page numbers; the memory behind them is the
// runner's.
#pragma once

#include <cstdint>
#include <vector>

#include "model/model_config.h"
#include "ops/ops.h"

namespace loadmark {

class KvCache {
 public:
  KvCache(int64_t page_tokens, int64_t pages);

  // Bytes of one token over all layers, K and V.
  static int64_t token_bytes(const ModelConfig& config, ops::KvType type);

  int64_t free_pages() const { return static_cast<int64_t>(free_.size()); }
  int64_t peak_used_pages() const { return peak_used_; }
  // Pages that hold `tokens` tokens.
  int64_t pages_for(int64_t tokens) const { return (tokens + page_tokens_ - 1) / page_tokens_; }

  // Extends `table` until it holds `tokens` tokens; false, and no page taken, when too few are
  // free.
  bool grow(std::vector<int32_t>* table, int64_t tokens);
  // Gives all pages of `table` back.
  void release(std::vector<int32_t>* table);

 private:
  int64_t page_tokens_, pages_, peak_used_ = 0;
  std::vector<int32_t> free_;
};

}  // namespace loadmark
