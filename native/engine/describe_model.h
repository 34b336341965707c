// What does a configuration make of a model? Sizes, architecture and quantization, as an inspection
// tells them.
#pragma once

#include "base/json.h"
#include "model/model_config.h"

namespace loadmark {

// Members of native/inspection-contract.ts's ModelInspection, from `architecture` to
// `quantization`.
Json::Object describe_model(const ModelConfig& config);

}  // namespace loadmark
