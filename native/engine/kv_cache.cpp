// A free list of page numbers; a page number means the same page in every layer.
#include "engine/kv_cache.h"

#include <algorithm>

namespace loadmark {
namespace {

int64_t value_bytes(ops::KvType type) { return type == ops::KvType::kFloat32 ? 4 : 2; }

}  // namespace

int64_t KvCache::token_bytes(const ModelConfig& config, ops::KvType type) {
  return 2 * config.layers * config.kv_size() * value_bytes(type);
}

KvCache::KvCache(const ModelConfig& config, ops::KvType type, int64_t page_tokens, int64_t pages)
    : page_tokens_(page_tokens), pages_(pages) {
  const auto bytes =
      static_cast<size_t>(pages * page_tokens * config.kv_size() * value_bytes(type));
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    void* k = memory_.emplace_back(bytes).as<void>();
    void* v = memory_.emplace_back(bytes).as<void>();
    layers_.push_back({k, v, type, page_tokens, config.kv_heads, config.head_dim});
  }
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
