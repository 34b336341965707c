// How large is each part of an engine on the CPU? Answers before anything is allocated, and says
// afterwards what it became.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/engine_plan.h"
#include "engine/memory_plan.h"
#include "model/llama.h"

namespace loadmark {

struct CpuPlan {
  EnginePlan sizes;
  MemoryPlan memory;
  int64_t logit_rows = 0;  // rows of logits held at once
  int64_t step_pages = 0;  // in the page tables of a step's sequences, at most
  int64_t row_slices = 1;  // of each rank's o and down
};

// Everything but memory.weights and memory.loading, of all ranks together. Throws Error as
// plan_engine does.
CpuPlan plan_cpu(const EngineOptions& options, const ModelConfig& whole, int64_t row_slices = 1);

// `ranks`: the shards, or the whole model.
EngineInfo describe_cpu(const EngineOptions& options, const CpuPlan& plan, const ModelConfig& whole,
                        const std::vector<const LlamaModel*>& ranks, const ops::Context& context);

}  // namespace loadmark
