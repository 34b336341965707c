// A layer holds all K, then all V, then, for fp8, the scales of K and those of V.
#include "engine/cuda_kv_memory.h"

#include "engine/kv_cache.h"

namespace loadmark {

using ops::cuda::KvStorage;

CudaKvMemory::CudaKvMemory(const ModelConfig& config, ops::KvType type, int64_t page_tokens,
                           int64_t pages)
    : token_bytes_(KvCache::token_bytes(config, type) / config.layers) {
  const int64_t layer_bytes = token_bytes_ * page_tokens * pages;
  memory_ = ops::cuda::DeviceBuffer(static_cast<size_t>(layer_bytes * config.layers));
  const bool float8 = type == ops::KvType::kFloat8;
  const int64_t vectors = pages * page_tokens * config.kv_heads;
  const int64_t matrix_bytes = vectors * config.head_dim * (float8 ? 1 : 2);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    uint8_t* base = memory_.as<uint8_t>() + layer * layer_bytes;
    auto* scales = reinterpret_cast<float*>(base + 2 * matrix_bytes);
    layers_.push_back({base, base + matrix_bytes, float8 ? scales : nullptr,
                       float8 ? scales + vectors : nullptr,
                       float8 ? KvStorage::kFloat8 : KvStorage::kActivation, page_tokens,
                       config.kv_heads, config.head_dim});
  }
}

void CudaKvMemory::clear(ops::cuda::Stream stream) const {
  ops::cuda::fill_bytes(stream, memory_.as<void>(), 0, memory_.size());
}

}  // namespace loadmark
