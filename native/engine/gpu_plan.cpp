// The KV cache comes last: it may be smaller than asked for, nothing else can.
#include "engine/gpu_plan.h"

#include <algorithm>
#include <string>

#include "base/byte_text.h"
#include "base/error.h"
#include "engine/batch_ladder.h"
#include "model/gpu_bytes.h"
#include "ops/gpu_exchange.h"

namespace loadmark {
namespace {

// A block of logits is as many rows as the head's kernels like at once: more only costs memory.
constexpr int64_t kMostLogitRows = 256;
// Left alone: graphs, cuBLAS's own memory, what others on the device may take. As much where graphs
// are off, so that the KV cache does not depend on them.
constexpr int64_t kReserveBytes = int64_t{768} << 20;

// What a GPU has of a page.
int64_t page_bytes(const EngineOptions& options, const EnginePlan& sizes) {
  return sizes.kv_page_bytes / options.ranks();
}

// What ranks exchange, and a block of logits put together.
int64_t rank_bytes(const EngineOptions& options, const ModelConfig& config, const GpuPlan& plan) {
  const int64_t ranks = options.ranks();
  if (ranks == 1) return 0;
  return ops::cuda::exchange_bytes(static_cast<int>(ranks), plan.step_rows * config.hidden_size) +
         padded_batch(plan.logit_rows) * (config.vocab_size + 2) * int64_t{sizeof(float)};
}

// The sizes asked for, whatever fits. No page table names more pages than `free_bytes` hold.
GpuPlan size_plan(const EngineOptions& options, const ModelConfig& config, int64_t free_bytes) {
  GpuPlan plan;
  plan.sizes = plan_engine(options, config, options.ranks());
  const EnginePlan& sizes = plan.sizes;
  plan.step_rows = padded_batch(sizes.step_rows);
  plan.logit_rows = std::min(sizes.step_rows, kMostLogitRows);
  const int64_t most_pages = std::min(
      sizes.kv_pages, std::max(sizes.least_kv_pages, free_bytes / page_bytes(options, sizes)));
  const int64_t step_runs = std::min(sizes.step_rows, options.max_batch);
  plan.step_pages = most_table_entries(sizes, step_runs, most_pages);
  // A splitting decode keeps (heads, head_dim + 2) fp32 a row and split: few rows, many splits.
  const int64_t splits = 64 * config.heads * (config.head_dim + 2) * 16 * int64_t{sizeof(float)};
  plan.step_bytes =
      gpu_scratch_bytes(config, plan.step_rows, options.max_sequence_tokens) + splits +
      padded_batch(plan.logit_rows) * config.vocab_size / options.ranks() * int64_t{sizeof(float)} +
      rank_bytes(options, config, plan) + plan.step_rows * 256 +
      plan.step_pages * int64_t{sizeof(int32_t)};
  return plan;
}

// On each GPU.
int64_t least_kv_bytes(const EngineOptions& options, const EnginePlan& sizes) {
  return saturating_product(sizes.least_kv_pages, page_bytes(options, sizes));
}
int64_t kv_bytes(const EngineOptions& options, const EnginePlan& sizes) {
  return saturating_product(sizes.kv_pages, page_bytes(options, sizes));
}

// Which setting would fit, and with what value?
std::string advise(const EngineOptions& options, const ModelConfig& config, int64_t weight_bytes,
                   int64_t free_bytes) {
  const int64_t room = free_bytes - kReserveBytes - weight_bytes;
  const GpuPlan plan = size_plan(options, config, free_bytes);
  const int64_t pages = (room - plan.step_bytes) / page_bytes(options, plan.sizes);
  if (room > plan.step_bytes && pages >= plan.sizes.least_kv_pages)
    return "kvCacheBytes " + std::to_string(pages * plan.sizes.kv_page_bytes) + " would fit";
  // With a cache of one sequence, and as many more as there is room for.
  EngineOptions smaller = options;
  smaller.kv_cache_bytes = 0;
  const auto needs = [&](int64_t EngineOptions::* setting, int64_t value) {
    EngineOptions changed = smaller;
    changed.*setting = value;
    const GpuPlan other = size_plan(changed, config, free_bytes);
    return other.step_bytes + least_kv_bytes(changed, other.sizes);
  };
  const auto try_setting = [&](const char* name, int64_t EngineOptions::* setting, int64_t least) {
    if (needs(setting, least) > room) return std::string();
    int64_t fits = least, too_large = options.*setting;
    while (too_large - fits > 1) {
      const int64_t middle = fits + (too_large - fits) / 2;
      (needs(setting, middle) > room ? too_large : fits) = middle;
    }
    return std::string(name) + " " + std::to_string(fits) +
           (options.kv_cache_bytes == 0 ? "" : " with kvCacheBytes 0") + " would fit";
  };
  std::string advice = try_setting("maxStepTokens", &EngineOptions::max_step_tokens, 1);
  if (advice.empty())
    advice = try_setting("maxSequenceTokens", &EngineOptions::max_sequence_tokens, 2);
  if (!advice.empty()) return advice;
  smaller.max_sequence_tokens = 2;
  const int64_t least = weight_bytes + kReserveBytes + needs(&EngineOptions::max_step_tokens, 1);
  return "this model needs at least " + gibibytes(least);
}

[[noreturn]] void refuse(const EngineOptions& options, const ModelConfig& config,
                         const GpuPlan& plan, int64_t weight_bytes, int64_t free_bytes) {
  const bool automatic = options.kv_cache_bytes == 0;
  const int64_t cache =
      automatic ? least_kv_bytes(options, plan.sizes) : kv_bytes(options, plan.sizes);
  throw Error(kOutOfMemory, "the plan takes " + gibibytes(weight_bytes + cache + plan.step_bytes) +
                                ": weights " + std::to_string(weight_bytes) + ", KV cache " +
                                (automatic ? "at least " : "") + std::to_string(cache) +
                                ", a step " + std::to_string(plan.step_bytes) +
                                "; free on the GPU: " + gibibytes(free_bytes) + ", of which " +
                                gibibytes(kReserveBytes) + " stay free; " +
                                advise(options, config, weight_bytes, free_bytes));
}

}  // namespace

void check_gpu_options(const EngineOptions& options) {
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
}

void check_gpu_model(const ModelConfig& config) {
  const auto refuse = [](const std::string& what, const std::string& allowed) {
    throw Error(kUnsupportedModel, what + "; allowed on a GPU: " + allowed);
  };
  if (config.head_dim != 64 && config.head_dim != 128 && config.head_dim != 256)
    refuse("head_dim is " + std::to_string(config.head_dim), "64, 128, 256");
  if (config.parallel && config.norm != NormKind::kLayer)
    refuse("attention and MLP side by side after an RMSNorm", "after a LayerNorm");
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

GpuPlan plan_gpu(const EngineOptions& options, const ModelConfig& config, int64_t weight_bytes,
                 int64_t free_bytes) {
  GpuPlan plan = size_plan(options, config, free_bytes);
  const int64_t room = free_bytes - kReserveBytes - weight_bytes - plan.step_bytes;
  const bool automatic = options.kv_cache_bytes == 0;
  const int64_t wanted = kv_bytes(options, plan.sizes);
  if (room < (automatic ? least_kv_bytes(options, plan.sizes) : wanted))
    refuse(options, config, plan, weight_bytes, free_bytes);
  if (automatic && wanted > room) {
    EngineOptions smaller = options;
    smaller.kv_cache_bytes = options.ranks() * room;
    plan.sizes = plan_engine(smaller, config, options.ranks());
    const int64_t step_runs = std::min(plan.sizes.step_rows, options.max_batch);
    plan.step_pages = most_table_entries(plan.sizes, step_runs, plan.sizes.kv_pages);
  }
  require_page_numbers(options, plan.sizes);
  return plan;
}

}  // namespace loadmark
