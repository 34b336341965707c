// Does it fit? Adds up what an engine will hold before anything is allocated, and refuses with the
// numbers.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/model_config.h"

namespace loadmark {

struct MemoryPlan {
  int64_t weights = 0;
  int64_t kv_cache = 0;
  int64_t activations = 0;
  int64_t logits = 0;   // and sampling scratch
  int64_t loading = 0;  // for a moment, while weights are packed and before the rest is taken
  int64_t total() const { return weights + kv_cache + activations + logits; }
  int64_t peak() const { return std::max(total(), weights + loading); }
};

// Bytes this process may still take: MemAvailable and what its control groups leave, whichever is
// less; -1 where the machine does not say.
int64_t available_memory();

// Throws Error(kOutOfMemory) when the plan's peak exceeds `available` (-1: unknown, passes).
// `kv_page_bytes` and `least_kv_pages` serve to name the kvCacheBytes that would fit.
void require_memory(const MemoryPlan& plan, int64_t available, int64_t kv_page_bytes,
                    int64_t least_kv_pages);

}  // namespace loadmark
