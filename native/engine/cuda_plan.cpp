// The KV cache comes last: it may be smaller than asked for, nothing else can.
#include "engine/cuda_plan.h"

#include <algorithm>
#include <string>

#include "base/byte_text.h"
#include "base/error.h"
#include "engine/kv_cache.h"

namespace loadmark {
namespace {

// A block of logits is as many rows as the head's kernels like at once: more only costs memory.
constexpr int64_t kMostLogitRows = 256;
// Left alone: graphs, cuBLAS's own memory, what others on the device may take.
constexpr int64_t kReserveBytes = int64_t{768} << 20;

int64_t plan_step_bytes(const EngineOptions& options, const ModelConfig& config,
                        const CudaPlan& plan) {
  const int64_t rows = plan.sizes.step_rows;
  // A splitting decode keeps (heads, head_dim + 2) fp32 a row and split: few rows, many splits.
  const int64_t splits = 64 * config.heads * (config.head_dim + 2) * 16 * int64_t{sizeof(float)};
  return CudaLlama::scratch_bytes(config, rows, options.max_sequence_tokens) + splits +
         plan.logit_rows * config.vocab_size * int64_t{sizeof(float)} + rows * 256 +
         plan.step_pages * int64_t{sizeof(int32_t)};
}

}  // namespace

ops::cuda::Activation check_cuda_options(const EngineOptions& options) {
  using ops::ActivationType;
  using ops::KvType;
  if (options.activations != ActivationType::kFloat16 &&
      options.activations != ActivationType::kBFloat16) {
    throw Error(kBadArgument, "activationType is int8 or fp32; allowed on a GPU: fp16, bf16");
  }
  constexpr int64_t kMostRows = 65535;  // of a kernel's grid
  if (std::max(options.max_step_tokens, options.max_batch) > kMostRows) {
    throw Error(kBadArgument, "maxStepTokens is " + std::to_string(options.max_step_tokens) +
                                  " and maxBatch " + std::to_string(options.max_batch) +
                                  "; allowed on a GPU: up to " + std::to_string(kMostRows));
  }
  const bool half = options.activations == ActivationType::kFloat16;
  const KvType own = half ? KvType::kFloat16 : KvType::kBFloat16;
  if (options.kv_type != own && options.kv_type != KvType::kFloat8) {
    throw Error(kBadArgument, std::string("kvCacheType differs from activationType ") +
                                  (half ? "fp16" : "bf16") +
                                  "; allowed: " + (half ? "fp16" : "bf16") + ", fp8");
  }
  if (options.page_tokens % 16 != 0) {
    throw Error(kBadArgument, "pageTokens is " + std::to_string(options.page_tokens) +
                                  "; allowed on a GPU: multiples of 16");
  }
  return half ? ops::cuda::Activation::kFloat16 : ops::cuda::Activation::kBFloat16;
}

void check_cuda_model(const ModelConfig& config) {
  const auto refuse = [](const std::string& what, const std::string& allowed) {
    throw Error(kUnsupportedModel, what + "; allowed on a GPU: " + allowed);
  };
  if (config.head_dim != 64 && config.head_dim != 128)
    refuse("head_dim is " + std::to_string(config.head_dim), "64, 128");
  if (config.heads / config.kv_heads > 16) {
    refuse(std::to_string(config.heads / config.kv_heads) + " query heads share a kv head",
           "up to 16");
  }
  if (config.hidden_size % 8 != 0 || config.intermediate_size % 8 != 0) {
    refuse("hidden_size is " + std::to_string(config.hidden_size) + " and intermediate_size " +
               std::to_string(config.intermediate_size),
           "multiples of 8");
  }
}

CudaPlan plan_cuda(const EngineOptions& options, const ModelConfig& config, int64_t weight_bytes,
                   int64_t free_bytes) {
  CudaPlan plan;
  EngineOptions asked = options;
  plan.sizes = plan_engine(asked, config);
  plan.logit_rows = std::min(plan.sizes.step_rows, kMostLogitRows);
  const int64_t step_runs = std::min(plan.sizes.step_rows, options.max_batch);
  plan.step_pages = saturating_product(step_runs, plan.sizes.least_kv_pages);
  plan.step_bytes = plan_step_bytes(options, config, plan);
  const int64_t room = free_bytes - plan.step_bytes - kReserveBytes;
  const int64_t least = plan.sizes.least_kv_pages * plan.sizes.kv_page_bytes;
  const bool automatic = options.kv_cache_bytes == 0;
  if (room < least || (!automatic && plan.sizes.kv_bytes > room)) {
    const std::string advice =
        room >= least ? "engine.kv_cache_bytes " + std::to_string(room) + " would fit"
                      : "a smaller engine.max_step_tokens or engine.max_sequence_tokens is needed";
    throw Error(kOutOfMemory, "beside weights of " + gibibytes(weight_bytes) + ", a step takes " +
                                  gibibytes(plan.step_bytes) + " and the KV cache " +
                                  gibibytes(automatic ? least : plan.sizes.kv_bytes) +
                                  "; free on the GPU: " + gibibytes(free_bytes) + ", of which " +
                                  gibibytes(kReserveBytes) + " stay free; " + advice);
  }
  if (automatic && plan.sizes.kv_bytes > room) {
    asked.kv_cache_bytes = room;
    plan.sizes = plan_engine(asked, config);
  }
  plan.step_pages = std::min(plan.step_pages, plan.sizes.kv_pages);
  return plan;
}

}  // namespace loadmark
