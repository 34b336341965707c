// Where do the CPU's K and V lie? One block of all pages a layer for each; a page number means the
// same page in every layer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "model/model_config.h"
#include "ops/ops.h"

namespace loadmark {

class CpuKvMemory {
 public:
  CpuKvMemory(const ModelConfig& config, ops::KvType type, int64_t page_tokens, int64_t pages);
  const ops::PagedKv& layer(int64_t layer) const { return layers_[static_cast<size_t>(layer)]; }

 private:
  std::vector<AlignedBuffer> memory_;
  std::vector<ops::PagedKv> layers_;
};

}  // namespace loadmark
