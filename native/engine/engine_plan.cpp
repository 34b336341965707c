// Sizes multiply numbers from options and files: every product saturates instead of wrapping.
#include "engine/engine_plan.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/error.h"

namespace loadmark {
namespace {

// A block of logits is as many rows as a large batch decodes at once: more only costs memory.
constexpr int64_t kMaxLogitRows = 64;
constexpr int64_t kSaturated = std::numeric_limits<int64_t>::max() / 8;

int64_t product(int64_t a, int64_t b) {
  int64_t out = 0;
  return __builtin_mul_overflow(a, b, &out) || out > kSaturated ? kSaturated : out;
}

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

void plan_kv_cache(const EngineOptions& options, const ModelConfig& config, EnginePlan* plan) {
  plan->kv_page_bytes = product(KvCache::token_bytes(config, options.kv_type), options.page_tokens);
  plan->least_kv_pages =
      (options.max_sequence_tokens + options.page_tokens - 1) / options.page_tokens;
  plan->kv_pages = options.kv_cache_bytes == 0 ? product(plan->least_kv_pages, options.max_batch)
                                               : options.kv_cache_bytes / plan->kv_page_bytes;
  if (plan->kv_pages < plan->least_kv_pages) {
    refuse("kvCacheBytes", options.kv_cache_bytes,
           "0, or at least " + std::to_string(product(plan->least_kv_pages, plan->kv_page_bytes)) +
               ", one sequence of maxSequenceTokens " +
               std::to_string(options.max_sequence_tokens));
  }
  plan->memory.kv_cache = product(plan->kv_pages, plan->kv_page_bytes);
}

std::string feature(const ops::Context& context, ops::WeightType type) {
  return ops::linear_kernel_name(context, type);
}

}  // namespace

EnginePlan plan_engine(const EngineOptions& options, const ModelConfig& config) {
  check_options(options, config);
  EnginePlan plan;
  plan_kv_cache(options, config, &plan);
  plan.step_rows =
      std::min(options.max_step_tokens, product(options.max_batch, options.max_sequence_tokens));
  plan.logit_rows = std::min(plan.step_rows, kMaxLogitRows);
  const int64_t widest =
      std::max(config.intermediate_size, std::max(config.hidden_size, config.q_size()));
  // hidden, and the operators' own copy of a linear's input: rounded to int8 with its scales, and
  // with act-order its columns in another order, in fp32 and a quarter to spare.
  const bool reorders = config.quantization.has_value() && config.quantization->act_order;
  const int64_t row_bytes =
      config.hidden_size * int64_t{sizeof(float)} + (reorders ? 7 : 2) * widest;
  plan.memory.activations = LayerScratch::plan_bytes(config, plan.step_rows) +
                            product(plan.step_rows, row_bytes) +
                            Batch::plan_bytes(plan.step_rows, options.max_batch);
  plan.memory.logits = plan.logit_rows * config.vocab_size * int64_t{sizeof(float)} +
                       Sampler::plan_bytes(config.vocab_size);
  return plan;
}

void require_page_numbers(const EngineOptions& options, const EnginePlan& plan) {
  constexpr int64_t kMaxPages = std::numeric_limits<int32_t>::max();
  if (plan.kv_pages <= kMaxPages) return;
  refuse("pageTokens", options.page_tokens,
         "more: the KV cache would have " + std::to_string(plan.kv_pages) + " pages, at most " +
             std::to_string(kMaxPages) + " can be numbered");
}

EngineInfo describe_engine(const EngineOptions& options, const EnginePlan& plan,
                           const LlamaModel& model, const ops::Context& context) {
  const ModelWeights& weights = model.weights();
  EngineInfo info;
  info.config = model.config();
  info.parameters = weights.parameters;
  info.weight_format = weights.format;
  bool used[8] = {};
  for (const LayerWeights& layer : weights.layers) {
    info.weight_bytes_per_token +=
        static_cast<int64_t>((layer.attention_norm.size() + layer.mlp_norm.size()) * sizeof(float));
    for (LinearKind kind : kLinearKinds) {
      info.weight_bytes_per_token += layer.linear(kind).bytes();
      for (const ops::LinearWeight& part : layer.linear(kind).parts) {
        if (used[static_cast<int>(part.type)]) continue;
        used[static_cast<int>(part.type)] = true;
        constexpr const char* kNames[] = {"fp32_linear", "bf16_linear", "fp16_linear",
                                          "int8_linear", "int4_linear"};
        info.kernels.emplace_back(kNames[static_cast<int>(part.type)], feature(context, part.type));
      }
    }
  }
  info.weight_bytes_per_token +=
      static_cast<int64_t>(weights.final_norm.size() * sizeof(float)) + weights.head.bytes();
  info.weight_bytes = info.weight_bytes_per_token + static_cast<int64_t>(weights.embedding.size());
  info.kernels.emplace_back("head_linear", feature(context, weights.head.parts.front().type));
  info.kernels.emplace_back("attention", ops::isa_name(context.isa));
  info.instruction_set = ops::isa_name(context.isa);
  info.kv_bytes_per_token = KvCache::token_bytes(model.config(), options.kv_type);
  info.kv_pages = plan.kv_pages;
  info.kv_cache_bytes = plan.memory.kv_cache;
  MemoryPlan memory = plan.memory;
  memory.weights = info.weight_bytes;
  info.planned_bytes = memory.total();
  return info;
}

}  // namespace loadmark
