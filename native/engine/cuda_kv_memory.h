// Where do K and V lie on a GPU? One block, a part of it a layer; a page number means the same page
// in every layer.
#pragma once

#include <cstdint>
#include <vector>

#include "model/model_config.h"
#include "ops/cuda/ops_cuda.h"

namespace loadmark {

class CudaKvMemory {
 public:
  CudaKvMemory(const ModelConfig& config, ops::KvType type, int64_t page_tokens, int64_t pages);
  // Queues zeros.
  void clear(ops::cuda::Stream stream) const;

  const std::vector<ops::cuda::PagedKv>& layers() const { return layers_; }
  int64_t token_bytes() const { return token_bytes_; }  // of a layer

 private:
  int64_t token_bytes_;
  ops::cuda::DeviceBuffer memory_;
  std::vector<ops::cuda::PagedKv> layers_;
};

}  // namespace loadmark
