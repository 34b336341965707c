// How large is each part of an engine on a GPU, and does it fit? Answers before anything is loaded,
// and once more when it is.
#pragma once

#include "engine/engine_plan.h"

namespace loadmark {

struct GpuPlan {
  EnginePlan sizes;        // bytes of all ranks together
  int64_t step_rows = 0;   // with those that fill a batch up
  int64_t logit_rows = 0;  // held at once
  int64_t step_pages = 0;  // in the page tables of a step's sequences, at most
  int64_t step_bytes = 0;  // everything but weights and KV cache, on each GPU
};

// Refuses what this device does not do: Error(kBadArgument), naming what it does.
void check_gpu_options(const EngineOptions& options);
// Refuses a model that the kernels do not do: Error(kUnsupportedModel), naming what they do.
void check_gpu_model(const ModelConfig& config);
// `config` and `weight_bytes` are a rank's; `free_bytes`: what is free without the weights.
// kv_cache_bytes 0 takes what max_batch sequences
// of full length need, or what is left where that is less. Throws Error(kOutOfMemory) with the
// figures and the setting that would fit.
GpuPlan plan_gpu(const EngineOptions& options, const ModelConfig& config, int64_t weight_bytes,
                 int64_t free_bytes);

}  // namespace loadmark
