// A free list of page numbers; a page number means the same page in every layer.
#include "engine/kv_cache.h"

#include <algorithm>

namespace loadmark {

int64_t KvCache::token_bytes(const ModelConfig& config, ops::KvType type) {
  const bool float8 = type == ops::KvType::kFloat8;
  const int64_t value_bytes = type == ops::KvType::kFloat32 ? 4 : float8 ? 1 : 2;
  // e4m3 vectors have an fp32 scale each.
  const int64_t scales = float8 ? config.kv_heads * int64_t{sizeof(float)} : 0;
  return 2 * config.layers * (config.kv_size() * value_bytes + scales);
}

KvCache::KvCache(int64_t page_tokens, int64_t pages) : page_tokens_(page_tokens), pages_(pages) {
  // Handed out from the back: low page numbers first, so a lightly used cache touches little
  // memory.
  for (int64_t page = pages - 1; page >= 0; --page) free_.push_back(static_cast<int32_t>(page));
}

bool KvCache::grow(std::vector<int32_t>* table, int64_t tokens) {
  const int64_t missing = pages_for(tokens) - static_cast<int64_t>(table->size());
  if (missing > free_pages()) return false;
  for (int64_t i = 0; i < missing; ++i) {
    table->push_back(free_.back());
    free_.pop_back();
  }
  peak_used_ = std::max(peak_used_, pages_ - free_pages());
  return true;
}

void KvCache::release(std::vector<int32_t>* table) {
  free_.insert(free_.end(), table->rbegin(), table->rend());
  table->clear();
}

}  // namespace loadmark
