// Which 16 levels a group of weights is rounded to: the scale and zero point shared by RTN and
// GPTQ. When a group's grid is fitted, and to which values, is theirs.
#pragma once

#include <cstdint>

#include "quant/int4_format.h"

namespace loadmark {

struct QuantizeSettings {
  int64_t group_size = 128;  // columns a scale covers; == k for one scale a row
  bool symmetric = true;     // zero fixed at 8
  // Shrinks each group's range by up to 80 % and keeps the one with the least sum |error|^2.4.
  bool mse = false;
  // v1 stores zero - 1 and cannot hold zero 0: an asymmetric grid then starts at 1.
  ZeroConvention convention = ZeroConvention::kV1;
};

struct GroupGrid {
  float scale;   // exactly representable in fp16, > 0
  int32_t zero;  // 0..15
};

// Fits the grid to `count` values. Throws Error(kBadCheckpoint) when a value is not finite or too
// large for an fp16 scale.
GroupGrid fit_group_grid(const double* values, int64_t count, const QuantizeSettings& settings);

// The level 0..15 nearest to value, ties to even.
int32_t nearest_level(const GroupGrid& grid, double value);

inline double level_value(const GroupGrid& grid, int32_t level) {
  return static_cast<double>(grid.scale) * (level - grid.zero);
}

}  // namespace loadmark
