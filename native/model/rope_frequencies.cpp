// In fp32 and in transformers' order of operations: at the far end of a long context the last bit
// of a frequency is a visible angle.
#include "model/rope_frequencies.h"

#include <cmath>

namespace loadmark {
namespace {

// Llama 3.1 (meta-llama/llama-models, apply_scaling): what turns less than `low` times in the
// original context turns `factor` times slower, what turns more than `high` times as before, with a
// straight line between them.
float scale_llama3(const RopeConfig& rope, float frequency) {
  const auto original = static_cast<float>(rope.original_positions);
  const auto factor = static_cast<float>(rope.factor);
  const double low = rope.low_frequency_factor, high = rope.high_frequency_factor;
  const auto wavelength = static_cast<float>(2 * 3.141592653589793) / frequency;
  const double context = static_cast<double>(rope.original_positions);
  if (wavelength > static_cast<float>(context / low)) return frequency / factor;
  if (wavelength < static_cast<float>(context / high)) return frequency;
  const float smooth =
      (original / wavelength - static_cast<float>(low)) / static_cast<float>(high - low);
  return (1 - smooth) * frequency / factor + smooth * frequency;
}

}  // namespace

std::vector<float> rope_frequencies(const RopeConfig& rope) {
  std::vector<float> values(static_cast<size_t>(rope.dims / 2));
  for (size_t i = 0; i < values.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(rope.dims);
    values[i] = 1.0f / std::pow(static_cast<float>(rope.theta), exponent);
    if (rope.scaling == RopeConfig::Scaling::kLinear) values[i] /= static_cast<float>(rope.factor);
    if (rope.scaling == RopeConfig::Scaling::kLlama3) values[i] = scale_llama3(rope, values[i]);
    if (!rope.factors.empty()) values[i] /= rope.factors[i];
  }
  return values;
}

}  // namespace loadmark
