// What does a linear hold for some of its outputs or inputs? Cuts every format by itself, so that a
// part is what the format would hold of those values: the same integers under the same scales.
#pragma once

#include "model/source_linear.h"
#include "model/tensor_shard.h"

namespace loadmark {

// Outputs and inputs of `source` in these ranges. Int8 in groups is cut between them alone, else
// Error(kInternal). An int4 group that is cut, or scattered by an act-order, is held by every part
// that has an input of it.
SourceLinear cut_linear(const SourceLinear& source, const Range& outputs, const Range& inputs);

}  // namespace loadmark
