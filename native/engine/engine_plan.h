// How large is each part of an engine? Answers before anything is allocated, and says afterwards
// what it became.
#pragma once

#include <cstdint>

#include "engine/engine.h"
#include "engine/memory_plan.h"

namespace loadmark {

struct EnginePlan {
  MemoryPlan memory;
  int64_t step_rows = 0;   // rows of a step
  int64_t logit_rows = 0;  // rows of logits held at once
  int64_t kv_pages = 0, kv_page_bytes = 0;
  int64_t least_kv_pages = 0;  // what one sequence of maxSequenceTokens needs
};

// Everything but memory.weights. Throws Error(kBadArgument) where an option contradicts the model
// or another option.
EnginePlan plan_engine(const EngineOptions& options, const ModelConfig& config);

// Page numbers are int32. Asked after require_memory, so that a plan too large is told its bytes
// first.
void require_page_numbers(const EngineOptions& options, const EnginePlan& plan);

EngineInfo describe_engine(const EngineOptions& options, const EnginePlan& plan,
                           const LlamaModel& model, const ops::Context& context);

}  // namespace loadmark
