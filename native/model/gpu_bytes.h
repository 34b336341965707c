// How much of a GPU's memory will a model take? Told from its shape and its files' headers, before
// anything is read or made.
#pragma once

#include <cstdint>

#include "model/model_config.h"
#include "model/weights.h"

namespace loadmark {

// Weights of one of `ranks` GPUs, as CudaLlama packs them: from above, since headers do not tell
// every order of columns, and memory is handed out in large pieces. `config` is the whole model's.
// Throws Error(kBadCheckpoint) naming a float tensor that is missing, misshapen or mistyped.
int64_t gpu_weight_bytes(const ModelConfig& config, const Checkpoint& checkpoint,
                         WeightFormat format, int64_t ranks = 1);
// The random ones of that shape.
int64_t gpu_weight_bytes(const ModelConfig& config, int64_t ranks = 1);

// Whether gate and up are packed into one another, for an epilogue that multiplies them.
bool interleaves_gate(const ModelConfig& config, LinearKind kind);

// What CudaLlama::reserve takes, but for the parts of split contexts.
int64_t gpu_scratch_bytes(const ModelConfig& config, int64_t max_rows, int64_t max_positions);

}  // namespace loadmark
