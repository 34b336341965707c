// Does a linear have a bias, and does the checkpoint agree? What a configuration says has one must;
// what it says has none may hold zeros, as quantizers write them.
#pragma once

#include <string>
#include <vector>

#include "model/tensor_shard.h"

namespace loadmark {

// The biases of what is held of modules whose outputs stand side by side; empty unless `expected`.
// Throws Error(kBadCheckpoint) where one is missing, Error(kUnsupportedModel) where one that is not
// expected holds anything but zeros.
std::vector<float> read_bias(const Checkpoint& checkpoint, const std::vector<ModulePart>& parts,
                             bool expected);

}  // namespace loadmark
