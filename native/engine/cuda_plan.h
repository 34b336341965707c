// How large is each part of an engine on a GPU? Answers from the sizes of what is loaded and what
// is free, before the KV cache is allocated.
#pragma once

#include "engine/engine_plan.h"
#include "model/cuda_llama.h"

namespace loadmark {

struct CudaPlan {
  EnginePlan sizes;
  int64_t logit_rows = 0;  // rows of logits held at once
  int64_t step_pages = 0;  // in the page tables of a step's sequences, at most
  int64_t step_bytes = 0;  // everything but weights and KV cache
};

// Refuses what this device does not do: Error(kBadArgument), naming what it does.
ops::cuda::Activation check_cuda_options(const EngineOptions& options);
// Refuses a model that the kernels do not do: Error(kUnsupportedModel), naming what they do.
void check_cuda_model(const ModelConfig& config);
// kv_cache_bytes 0 takes what max_batch sequences of full length need, or what is free where that
// is less. Throws Error(kOutOfMemory) with the figures and the setting that would fit.
CudaPlan plan_cuda(const EngineOptions& options, const ModelConfig& config, int64_t weight_bytes,
                   int64_t free_bytes);

}  // namespace loadmark
