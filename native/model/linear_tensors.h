// Which tensors make up a linear of a format, and have they the shapes and types that n and k ask
// for? Answers from headers; what they hold is linear_formats.h's.
#pragma once

#include <string>

#include "model/stored_linear.h"

namespace loadmark {

// By their part in it; null where the format, or this linear, has none.
struct LinearTensors {
  const Tensor* weight = nullptr;  // packed or plain
  const Tensor* scales = nullptr;  // absmax of bitsandbytes
  const Tensor* zeros = nullptr;
  const Tensor* order = nullptr;  // g_idx
  // NF4's levels; of double quantized scales their levels and scales
  const Tensor* levels = nullptr;
  const Tensor* nested_levels = nullptr;
  const Tensor* nested_scales = nullptr;
};

// Of the linear that find_linear found. Throws Error(kBadCheckpoint) naming the tensor that is
// missing or has another shape or type, Error(kUnsupportedModel) for sizes that a format lacks.
LinearTensors find_linear_tensors(const StoredLinear& stored, const ModelConfig& config,
                                  const Checkpoint& checkpoint, const std::string& path, int64_t n,
                                  int64_t k);

}  // namespace loadmark
