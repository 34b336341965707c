// GPTQ (Frantar et al., 2022): rounds a linear's columns one after another, each time moving what
// the rounding lost to the columns still open, as the inputs' second moments say. Where the inputs
// come from is the calibration driver's business; which levels there are, group_grid's.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "quant/group_grid.h"
#include "quant/int4_format.h"

namespace loadmark {

// What GPTQ needs of the inputs, factored once for every linear that reads the same ones (q, k and
// v; gate and up).
struct GptqFactor {
  int64_t k = 0;
  std::vector<double> u;      // (k, k) upper triangular in walking order: (H + damping)^-1 = U^T U
  std::vector<int32_t> walk;  // (k) column walked at each place; empty when in order
  std::vector<uint8_t> dead;  // (k) 1 where the column's input was always 0
  double damp = 0;  // share of mean(diag H) added, larger than asked for where that was not enough
  int64_t dead_columns = 0;
};

// `moment` (k, k): sum over `rows` inputs of x x^T, upper triangle read. H is 2/rows times it.
// `descending` walks the columns by falling diagonal. Throws Error(kBadCheckpoint) when no damping
// up to 1 makes H positive definite.
GptqFactor factor_gptq(const double* moment, int64_t rows, int64_t k, double damp, bool descending,
                       ThreadPool& pool);

// w (n, k). With a descending walk, groups are of columns walked consecutively and the result
// carries g_idx.
Int4Weight quantize_gptq(const float* w, int64_t n, int64_t k, const GptqFactor& factor,
                         const QuantizeSettings& settings, ThreadPool& pool);

}  // namespace loadmark
