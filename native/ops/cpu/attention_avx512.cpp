// The attention kernel for AVX-512: attention_lanes.h on this set's Lanes.
#include "ops/cpu/lanes_avx512.h"

// After the Lanes it is written on.
#include "ops/cpu/attention_lanes.h"

namespace loadmark::ops {

void attention_task_avx512(const AttentionTask& task) { attention_task_lanes(task); }

}  // namespace loadmark::ops
