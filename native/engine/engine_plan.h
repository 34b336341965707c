// How many rows has a step and how many pages the KV cache, whatever the device? Answers before
// anything is allocated; what a device needs beside them it plans itself.
#pragma once

#include <cstdint>

#include "engine/engine_options.h"
#include "engine/kv_cache.h"

namespace loadmark {

struct EnginePlan {
  int64_t step_rows = 0;
  int64_t kv_pages = 0, kv_page_bytes = 0, kv_bytes = 0;
  int64_t least_kv_pages = 0;   // what one sequence of maxSequenceTokens holds at most at once
  int64_t table_pages = 0;      // entries of its page table
  bool leaves_entries = false;  // of pages behind the window, in page tables
};

// a * b of numbers from options and files: saturates instead of wrapping, with room to add a few.
int64_t saturating_product(int64_t a, int64_t b);

// What a sequence of this model, its layers one window or several, makes of pages.
PageNeeds page_needs(const EngineOptions& options, const ModelConfig& config);

// Entries at most in the page tables of `runs` sequences with `kv_pages` pages among them.
int64_t most_table_entries(const EnginePlan& plan, int64_t runs, int64_t kv_pages);

// Of the KV cache that `ranks` ranks hold together, each as `config` says. Throws
// Error(kBadArgument) where an option contradicts the model or another option.
EnginePlan plan_engine(const EngineOptions& options, const ModelConfig& config, int64_t ranks);

// Page numbers are int32. Asked after require_memory, so that a plan too large is told its bytes
// first.
void require_page_numbers(const EngineOptions& options, const EnginePlan& plan);

// The model, `whole`, and the KV cache; weights, kernels and planned bytes are the device's to
// tell.
EngineInfo describe_sizes(const EngineOptions& options, const ModelConfig& whole,
                          const EnginePlan& plan);

}  // namespace loadmark
