// The published shapes of models, for runs on random weights: what config.json would say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/model_config.h"

namespace loadmark {

// "synthetic:<shape>[:<seed>]", int4 in groups of 128 with a float head.
struct SyntheticModel {
  ModelConfig config;
  uint64_t seed = 0;
};

// Nothing where `path` does not begin with "synthetic:". Throws Error(kBadArgument) for a shape
// that is not known, naming those that are.
std::optional<SyntheticModel> parse_synthetic_model(const std::string& path);

}  // namespace loadmark
