// A free list of page numbers; a page number means the same page in every layer.
#include "engine/kv_cache.h"

#include <algorithm>
#include <utility>

namespace loadmark {

int64_t KvCache::token_bytes(const ModelConfig& config, ops::KvType type) {
  const bool float8 = type == ops::KvType::kFloat8;
  const int64_t value_bytes = type == ops::KvType::kFloat32 ? 4 : float8 ? 1 : 2;
  // e4m3 vectors have an fp32 scale each.
  const int64_t scales = float8 ? config.kv_heads * int64_t{sizeof(float)} : 0;
  return 2 * config.layers * (config.kv_size() * value_bytes + scales);
}

int64_t PageNeeds::most_pages(int64_t tokens) const {
  const int64_t all = pages_for(tokens);
  return window == 0 ? all : std::min(all, pages_for(window + step_rows + page_tokens - 2));
}

KvCache::KvCache(const PageNeeds& needs, int64_t pages) : needs_(needs), pages_(pages) {
  // Handed out from the back: low page numbers first, so a lightly used cache touches little
  // memory.
  for (int64_t page = pages - 1; page >= 0; --page) free_.push_back(static_cast<int32_t>(page));
}

bool KvCache::grow(PageTable* table, int64_t tokens) {
  const int64_t missing = needs_.pages_for(tokens) - static_cast<int64_t>(table->pages.size());
  if (missing > free_pages()) return false;
  for (int64_t i = 0; i < missing; ++i) {
    table->pages.push_back(free_.back());
    free_.pop_back();
  }
  peak_used_ = std::max(peak_used_, used_pages());
  return true;
}

bool KvCache::begin(PageTable* table, int64_t tokens) {
  return grow(table, std::min(tokens, needs_.most_pages(tokens) * needs_.page_tokens));
}

int64_t KvCache::first_seen(int64_t position) const {
  if (needs_.window == 0) return 0;
  return std::max<int64_t>(0, position + 1 - needs_.window) / needs_.page_tokens;
}

void KvCache::slide(PageTable* table, int64_t position, int64_t tokens) {
  const int64_t seen = first_seen(position);
  for (; table->behind < seen; ++table->behind) {
    const int32_t page = std::exchange(table->pages[static_cast<size_t>(table->behind)], 0);
    (covered(*table) < tokens ? table->pages : free_).push_back(page);
  }
}

void KvCache::release(PageTable* table) {
  free_.insert(free_.end(), table->pages.rbegin(), table->pages.rend() - table->behind);
  table->pages.clear();
  table->behind = 0;
}

}  // namespace loadmark
