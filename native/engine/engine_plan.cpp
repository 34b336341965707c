// Sizes multiply numbers from options and files: every product saturates instead of wrapping.
#include "engine/engine_plan.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/error.h"

namespace loadmark {
namespace {

constexpr int64_t kSaturated = std::numeric_limits<int64_t>::max() / 8;

[[noreturn]] void refuse(const std::string& name, int64_t value, const std::string& allowed) {
  throw Error(kBadArgument, name + " is " + std::to_string(value) + "; allowed: " + allowed);
}

void check_options(const EngineOptions& options, const ModelConfig& config) {
  const auto at_least = [](const char* name, int64_t value, int64_t least) {
    if (value < least) refuse(name, value, "at least " + std::to_string(least));
  };
  at_least("maxBatch", options.max_batch, 1);
  at_least("maxSequenceTokens", options.max_sequence_tokens, 2);
  at_least("maxStepTokens", options.max_step_tokens, 1);
  at_least("pageTokens", options.page_tokens, 1);
  at_least("kvCacheBytes", options.kv_cache_bytes, 0);
  if (options.max_sequence_tokens > config.max_positions) {
    refuse(
        "maxSequenceTokens", options.max_sequence_tokens,
        "2 to " + std::to_string(config.max_positions) + ", the model's max_position_embeddings");
  }
}

int64_t most_step_rows(const EngineOptions& options) {
  return std::min(options.max_step_tokens,
                  saturating_product(options.max_batch, options.max_sequence_tokens));
}

void plan_kv_cache(const EngineOptions& options, const ModelConfig& config, int64_t ranks,
                   EnginePlan* plan) {
  plan->kv_page_bytes = saturating_product(ranks * KvCache::token_bytes(config, options.kv_type),
                                           options.page_tokens);
  const PageNeeds needs = page_needs(options, config);
  plan->table_pages = needs.pages_for(options.max_sequence_tokens);
  plan->least_kv_pages = needs.most_pages(options.max_sequence_tokens);
  plan->leaves_entries = needs.window > 0;
  plan->kv_pages = options.kv_cache_bytes == 0
                       ? saturating_product(plan->least_kv_pages, options.max_batch)
                       : options.kv_cache_bytes / plan->kv_page_bytes;
  if (plan->kv_pages < plan->least_kv_pages) {
    refuse("kvCacheBytes", options.kv_cache_bytes,
           "0, or at least " +
               std::to_string(saturating_product(plan->least_kv_pages, plan->kv_page_bytes)) +
               ", one sequence of maxSequenceTokens " +
               std::to_string(options.max_sequence_tokens));
  }
  plan->kv_bytes = saturating_product(plan->kv_pages, plan->kv_page_bytes);
}

}  // namespace

int64_t saturating_product(int64_t a, int64_t b) {
  int64_t out = 0;
  return __builtin_mul_overflow(a, b, &out) || out > kSaturated ? kSaturated : out;
}

PageNeeds page_needs(const EngineOptions& options, const ModelConfig& config) {
  return {options.page_tokens, config.widest_window(), most_step_rows(options)};
}

int64_t most_table_entries(const EnginePlan& plan, int64_t runs, int64_t kv_pages) {
  const int64_t all = saturating_product(runs, plan.table_pages);
  return plan.leaves_entries ? all : std::min(kv_pages, all);
}

EnginePlan plan_engine(const EngineOptions& options, const ModelConfig& config, int64_t ranks) {
  check_options(options, config);
  EnginePlan plan;
  plan_kv_cache(options, config, ranks, &plan);
  plan.step_rows = most_step_rows(options);
  return plan;
}

void require_page_numbers(const EngineOptions& options, const EnginePlan& plan) {
  constexpr int64_t kMaxPages = std::numeric_limits<int32_t>::max();
  if (plan.kv_pages <= kMaxPages) return;
  refuse("pageTokens", options.page_tokens,
         "more: the KV cache would have " + std::to_string(plan.kv_pages) + " pages, at most " +
             std::to_string(kMaxPages) + " can be numbered");
}

EngineInfo describe_sizes(const EngineOptions& options, const ModelConfig& whole,
                          const EnginePlan& plan) {
  const int64_t ranks = options.ranks();
  EngineInfo info;
  info.config = whole;
  info.tensor_parallel = ranks;
  info.kv_bytes_per_token =
      ranks * KvCache::token_bytes(shard_config(whole, ranks), options.kv_type);
  info.kv_pages = plan.kv_pages;
  info.kv_cache_bytes = plan.kv_pages * options.page_tokens * info.kv_bytes_per_token;
  return info;
}

}  // namespace loadmark
