// The engine's own batches count here too: they lie in the same memory.
#include "engine/cpu_plan.h"

#include <algorithm>

#include "engine/batch.h"
#include "engine/cpu_step.h"
#include "engine/sampler.h"

namespace loadmark {
namespace {

// A block of logits is as many rows as a large batch decodes at once: more only costs memory.
constexpr int64_t kMaxLogitRows = 64;

// `config`: a rank's.
int64_t plan_activations(const EngineOptions& options, const ModelConfig& config,
                         const CpuPlan& plan) {
  const int64_t step_rows = plan.sizes.step_rows;
  const int64_t widest =
      std::max(config.intermediate_size, std::max(config.hidden_size, config.q_size()));
  // hidden, and the operators' own copy of a linear's input: rounded to int8 with its scales, and
  // with act-order its columns in another order, in fp32 and a quarter to spare.
  const bool reorders = config.quantization.has_value() && config.quantization->act_order;
  const int64_t row_bytes =
      config.hidden_size * int64_t{sizeof(float)} + (reorders ? 7 : 2) * widest;
  const int64_t begun_bytes = Batch::plan_bytes(step_rows, options.max_batch) +
                              CpuStep::plan_bytes(step_rows, plan.step_pages);
  const int64_t rank_bytes = LayerScratch::plan_bytes(config, step_rows, plan.row_slices) +
                             saturating_product(step_rows, row_bytes);
  return saturating_product(options.ranks(), rank_bytes) + (options.step_lag + 1) * begun_bytes;
}

// Of every rank its part of a block, and, where there are several, the block put together.
int64_t plan_logits(const EngineOptions& options, const ModelConfig& whole, const CpuPlan& plan) {
  const int64_t blocks = options.ranks() > 1 ? 2 : 1;
  return blocks * plan.logit_rows * whole.vocab_size * int64_t{sizeof(float)} +
         Sampler::plan_bytes(whole.vocab_size);
}

// What a step reads of them.
int64_t step_weight_bytes(const ModelWeights& weights) {
  int64_t bytes = weights.final_norm.bytes() + weights.head.bytes();
  for (const LayerWeights& layer : weights.layers) {
    bytes += layer.norm_bytes();
    for (LinearKind kind : kLinearKinds) bytes += layer.linear(kind).bytes();
  }
  return bytes;
}

// What computing with a linear is called.
void describe_linears(const ModelWeights& weights, const ops::Context& context, EngineInfo* info) {
  bool used[8] = {};
  for (const LayerWeights& layer : weights.layers) {
    for (LinearKind kind : kLinearKinds) {
      for (const ops::LinearWeight& part : layer.linear(kind).parts) {
        if (used[static_cast<int>(part.type)]) continue;
        used[static_cast<int>(part.type)] = true;
        constexpr const char* kNames[] = {"fp32_linear", "bf16_linear", "fp16_linear",
                                          "int8_linear", "int4_linear"};
        info->kernels.emplace_back(kNames[static_cast<int>(part.type)],
                                   ops::linear_kernel_name(context, part.type));
      }
    }
  }
}

}  // namespace

CpuPlan plan_cpu(const EngineOptions& options, const ModelConfig& whole, int64_t row_slices) {
  const ModelConfig config = shard_config(whole, options.ranks());
  CpuPlan plan;
  plan.sizes = plan_engine(options, config, options.ranks());
  plan.row_slices = row_slices;
  plan.logit_rows = std::min(plan.sizes.step_rows, kMaxLogitRows);
  const int64_t step_runs = std::min(plan.sizes.step_rows, options.max_batch);
  plan.step_pages = most_table_entries(plan.sizes, step_runs, plan.sizes.kv_pages);
  plan.memory.kv_cache = plan.sizes.kv_bytes;
  plan.memory.activations = plan_activations(options, config, plan);
  plan.memory.logits = plan_logits(options, whole, plan);
  return plan;
}

EngineInfo describe_cpu(const EngineOptions& options, const CpuPlan& plan, const ModelConfig& whole,
                        const std::vector<const LlamaModel*>& ranks, const ops::Context& context) {
  EngineInfo info = describe_sizes(options, whole, plan.sizes);
  const ModelWeights& weights = ranks.front()->weights();
  info.parameters = weights.parameters;
  info.weight_format = weights.format;
  describe_linears(weights, context, &info);
  for (const LlamaModel* model : ranks) {
    const int64_t read = step_weight_bytes(model->weights());
    info.weight_bytes_per_token += read;
    info.weight_bytes += read + static_cast<int64_t>(model->weights().embedding.size());
  }
  info.kernels.emplace_back("head_linear",
                            ops::linear_kernel_name(context, weights.head.parts.front().type));
  info.kernels.emplace_back("attention", ops::isa_name(context.isa));
  info.instruction_set = ops::isa_name(context.isa);
  MemoryPlan memory = plan.memory;
  memory.weights = info.weight_bytes;
  info.planned_bytes = memory.total();
  return info;
}

}  // namespace loadmark
