// How fast does each pair of a head's dimensions turn?
#pragma once

#include <vector>

#include "model/model_config.h"

namespace loadmark {

// (rope.dims / 2) radians a position.
std::vector<float> rope_frequencies(const RopeConfig& rope);

}  // namespace loadmark
