// What is in a checkpoint, what would the engine make of it, and what is doubtful? Reads headers
// and scales; `verify` reads every weight.
#pragma once

#include <string>
#include <vector>

namespace loadmark {

// JSON text, which native/inspection-contract.ts types as ModelInspection. Throws Error where the
// container or its configuration cannot be read at all; what is wrong with single linears is among
// its faults.
std::string inspect_model(const std::string& path, bool verify);

// A linear of the checkpoint in fp32, by its module path ("model.layers.0.mlp.up_proj", "lm_head"),
// exactly as its format's reference decodes it.
std::vector<float> decode_module(const std::string& path, const std::string& module);

}  // namespace loadmark
