// Pages are touched when they are first written: a lightly used cache stays small.
#include "engine/cpu_kv_memory.h"

#include "engine/kv_cache.h"

namespace loadmark {

CpuKvMemory::CpuKvMemory(const ModelConfig& config, ops::KvType type, int64_t page_tokens,
                         int64_t pages) {
  const int64_t token_bytes = KvCache::token_bytes(config, type) / (2 * config.layers);
  const auto bytes = static_cast<size_t>(pages * page_tokens * token_bytes);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    void* k = memory_.emplace_back(bytes).as<void>();
    void* v = memory_.emplace_back(bytes).as<void>();
    layers_.push_back({k, v, type, page_tokens, config.kv_heads, config.head_dim});
  }
}

}  // namespace loadmark
