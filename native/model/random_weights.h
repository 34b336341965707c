// Weights of a synthetic model on the CPU: random integers and values of the sizes that a
// checkpoint of that shape has. They time like any others; their answers mean nothing.
#pragma once

#include "model/model_shapes.h"
#include "model/weights.h"

namespace loadmark {

// Bytes that random_weights will hold for one of `ranks` devices, and for a moment takes besides;
// estimates from above.
int64_t plan_random_bytes(const ModelConfig& config, int64_t ranks = 1);
int64_t plan_random_making_bytes(const ModelConfig& config);

// The layers' linears in int4, symmetric, in the config's groups; embedding and head in fp16; norms
// of 1. The same model for the same seed, whose parts the shards are: each linear is made whole and
// cut.
ModelWeights random_weights(const SyntheticModel& model, const TensorShard& shard = {},
                            int64_t row_slices = 1);

}  // namespace loadmark
