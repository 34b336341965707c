// AutoGPTQ's grids, with the scale rounded to fp16 before any value is, so that the levels chosen
// are for the scale that is stored.
#include "quant/group_grid.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/float16.h"

namespace loadmark {
namespace {

constexpr int32_t kMaxLevel = 15;
constexpr double kSmallestHalf = 0x1p-24;
constexpr double kLargestHalf = 65504.0;
constexpr int32_t kShrinkSteps = 100;  // the range is tried at 1.00, 0.99, ...
constexpr int32_t kLeastShrink = 20;   // ... down to 0.21
constexpr double kErrorExponent = 2.4;

struct Range {
  double low;   // <= 0
  double high;  // >= 0
};

Range range_of(const double* values, int64_t count) {
  Range range{0, 0};
  for (int64_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i]))
      throw Error(kBadCheckpoint, "a weight is not finite: it cannot be quantized");
    range.low = std::min(range.low, values[i]);
    range.high = std::max(range.high, values[i]);
  }
  return range;
}

float half_scale(double scale) {
  if (scale > kLargestHalf) {
    throw Error(kBadCheckpoint, "a group of weights needs the scale " + std::to_string(scale) +
                                    "; an fp16 scale is at most 65504");
  }
  return float16_to_float(float_to_float16(static_cast<float>(std::max(scale, kSmallestHalf))));
}

GroupGrid grid_of(Range range, const QuantizeSettings& settings) {
  if (settings.symmetric) {
    return {half_scale(2 * std::max(-range.low, range.high) / kMaxLevel), (kMaxLevel + 1) / 2};
  }
  const GroupGrid grid{half_scale((range.high - range.low) / kMaxLevel), 0};
  const int32_t zero =
      static_cast<int32_t>(std::clamp(std::nearbyint(-range.low / grid.scale), 0.0, 15.0));
  if (zero == 0 && settings.convention == ZeroConvention::kV1)
    return {half_scale(range.high / (kMaxLevel - 1)), 1};
  return {grid.scale, zero};
}

double grid_error(const GroupGrid& grid, const double* values, int64_t count) {
  double error = 0;
  for (int64_t i = 0; i < count; ++i) {
    error += std::pow(std::fabs(values[i] - level_value(grid, nearest_level(grid, values[i]))),
                      kErrorExponent);
  }
  return error;
}

GroupGrid least_error_grid(Range range, const double* values, int64_t count,
                           const QuantizeSettings& settings) {
  GroupGrid best{};
  double least = std::numeric_limits<double>::infinity();
  for (int32_t step = kShrinkSteps; step > kLeastShrink; --step) {
    const double shrink = static_cast<double>(step) / kShrinkSteps;
    const GroupGrid grid = grid_of({range.low * shrink, range.high * shrink}, settings);
    const double error = grid_error(grid, values, count);
    if (error < least) {
      least = error;
      best = grid;
    }
  }
  return best;
}

}  // namespace

int32_t nearest_level(const GroupGrid& grid, double value) {
  const double level = std::nearbyint(value / grid.scale) + grid.zero;
  return static_cast<int32_t>(std::clamp(level, 0.0, static_cast<double>(kMaxLevel)));
}

GroupGrid fit_group_grid(const double* values, int64_t count, const QuantizeSettings& settings) {
  Range range = range_of(values, count);
  if (range.low == 0 && range.high == 0) range = {-1, 1};  // all zero: any grid that holds 0
  return settings.mse ? least_error_grid(range, values, count, settings) : grid_of(range, settings);
}

}  // namespace loadmark
