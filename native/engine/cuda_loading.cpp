// A model that does not fit is refused by its headers.
#include "engine/cuda_loading.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/clock.h"
#include "engine/batch_ladder.h"
#include "engine/cuda_ranks.h"
#include "engine/cuda_runner.h"
#include "model/gpu_bytes.h"

namespace loadmark {
namespace {

// A rung takes its step once, to have its kernels loaded, and a few milliseconds for the capture.
constexpr int64_t kMostLadderNs = 1'000'000'000;

}  // namespace

int device_number(const std::string& device) {
  const size_t colon = device.find(':');
  return colon == std::string::npos ? 0 : std::atoi(device.c_str() + colon + 1);
}

CudaModel load_cuda_model(const ops::cuda::Gpu& gpu, const EngineOptions& options,
                          const TensorShard& shard, int64_t free_bytes) {
  const auto activation = options.activations == ops::ActivationType::kFloat16
                              ? ops::cuda::Activation::kFloat16
                              : ops::cuda::Activation::kBFloat16;
  CudaModel loaded;
  const auto refuse_early = [&](int64_t weight_bytes) {
    const ModelConfig config = shard_config(loaded.whole, shard.ranks);
    check_gpu_model(config);
    plan_gpu(options, config, weight_bytes, free_bytes);
  };
  if (const auto synthetic = parse_synthetic_model(options.model_path)) {
    loaded.whole = synthetic->config;
    refuse_early(gpu_weight_bytes(loaded.whole, shard.ranks));
    loaded.shard = std::make_unique<CudaLlama>(gpu, activation, *synthetic, shard);
    return loaded;
  }
  loaded.whole = read_model_config(options.model_path);
  check_gpu_model(loaded.whole);
  const Checkpoint checkpoint(options.model_path);
  const int64_t weight_bytes =
      gpu_weight_bytes(loaded.whole, checkpoint, options.weight_format, shard.ranks);
  refuse_early(weight_bytes);
  loaded.shard = std::make_unique<CudaLlama>(gpu, activation, loaded.whole, checkpoint,
                                             options.weight_format, shard);
  return loaded;
}

EngineInfo describe_cuda(const EngineOptions& options, const ModelConfig& whole,
                         const std::vector<const CudaLlama*>& shards, const ops::cuda::Gpu& gpu,
                         const GpuPlan& plan) {
  const CudaLlama& first = *shards.front();
  EngineInfo info = describe_sizes(options, whole, plan.sizes);
  info.parameters = first.parameters();
  info.weight_format = first.format();
  for (const CudaLlama* shard : shards) {
    info.weight_bytes += shard->weight_bytes();
    info.weight_bytes_per_token += shard->weight_bytes_per_token();
  }
  info.planned_bytes = info.weight_bytes + options.ranks() * plan.step_bytes + info.kv_cache_bytes;
  info.instruction_set = "sm_" + std::to_string(gpu.architecture());
  info.kernels = first.kernels(plan.sizes.step_rows);
  return info;
}

void prepare_ladder(const EngineOptions& options, const GpuPlan& plan,
                    const std::function<void(int64_t rows)>& prepare) {
  const int64_t begun_ns = monotonic_ns();
  for (const int64_t rung : batch_ladder(std::min(options.max_batch, plan.sizes.step_rows))) {
    prepare(rung);
    // The rest at their first step; of ranks none, since nothing may be loaded while they meet.
    if (options.ranks() == 1 && monotonic_ns() - begun_ns > kMostLadderNs) break;
  }
}

LoadedRunner load_cuda_runner(const EngineOptions& options) {
  check_gpu_options(options);
  if (options.ranks() > 1) return load_cuda_ranks(options);
  auto gpu = std::make_unique<ops::cuda::Gpu>(device_number(options.device));
  CudaModel model = load_cuda_model(*gpu, options, {}, gpu->free_bytes());
  const int64_t weight_bytes = model.shard->weight_bytes();
  const GpuPlan plan =
      plan_gpu(options, model.shard->config(), weight_bytes, gpu->free_bytes() + weight_bytes);
  LoadedRunner loaded;
  loaded.info = describe_cuda(options, model.whole, {model.shard.get()}, *gpu, plan);
  loaded.step_rows = plan.sizes.step_rows;
  auto runner = std::make_unique<CudaRunner>(std::move(gpu), std::move(model.shard),
                                             model.whole.vocab_size, options, plan);
  prepare_ladder(options, plan, [&](int64_t rows) { runner->prepare_decode(rows); });
  loaded.info.kernels.emplace_back("decode_graphs", runner->describe_graphs());
  loaded.runner = std::move(runner);
  return loaded;
}

}  // namespace loadmark
