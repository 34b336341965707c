// The attention kernel for AVX2: attention_lanes.h on this set's Lanes.
#include "ops/cpu/lanes_avx2.h"

// After the Lanes it is written on.
#include "ops/cpu/attention_lanes.h"

namespace loadmark::ops {

void attention_task_avx2(const AttentionTask& task) { attention_task_lanes(task); }

}  // namespace loadmark::ops
