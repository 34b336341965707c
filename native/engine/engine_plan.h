// How many rows has a step and how many pages the KV cache, whatever the device? Answers before
// anything is allocated; what a device needs beside them it plans itself.
#pragma once

#include <cstdint>

#include "engine/engine_options.h"

namespace loadmark {

struct EnginePlan {
  int64_t step_rows = 0;
  int64_t kv_pages = 0, kv_page_bytes = 0, kv_bytes = 0;
  int64_t least_kv_pages = 0;  // what one sequence of maxSequenceTokens needs
};

// a * b of numbers from options and files: saturates instead of wrapping, with room to add a few.
int64_t saturating_product(int64_t a, int64_t b);

// Throws Error(kBadArgument) where an option contradicts the model or another option.
EnginePlan plan_engine(const EngineOptions& options, const ModelConfig& config);

// Page numbers are int32. Asked after require_memory, so that a plan too large is told its bytes
// first.
void require_page_numbers(const EngineOptions& options, const EnginePlan& plan);

// The model and the KV cache; weights, kernels and planned bytes are the device's to tell.
EngineInfo describe_sizes(const EngineOptions& options, const ModelConfig& config,
                          const EnginePlan& plan);

}  // namespace loadmark
