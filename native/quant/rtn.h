// Round to nearest: the quantizer that looks at the weights alone, and the yardstick GPTQ is
// measured with.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "quant/group_grid.h"
#include "quant/int4_format.h"

namespace loadmark {

// Throws Error(kBadArgument) unless k is a multiple of the group size and n and k of 8 (the
// checkpoint packs 8 to a word).
void check_quantizable(int64_t n, int64_t k, const QuantizeSettings& settings);

// w (n, k). Groups are of consecutive columns.
Int4Weight quantize_rtn(const float* w, int64_t n, int64_t k, const QuantizeSettings& settings,
                        ThreadPool& pool);

}  // namespace loadmark
