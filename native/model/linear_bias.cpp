// In fp32, whatever the checkpoint stores.
#include "model/linear_bias.h"

#include "base/error.h"

namespace loadmark {
namespace {

void require_zeros(const std::string& name, const std::vector<float>& values) {
  for (const float value : values) {
    if (value != 0.0f) {
      throw Error(kUnsupportedModel, "tensor " + name + " holds " + std::to_string(value) +
                                         "; allowed for this config.json: no bias, or zeros");
    }
  }
}

}  // namespace

std::vector<float> read_bias(const Checkpoint& checkpoint, const std::vector<ModulePart>& parts,
                             bool expected) {
  std::vector<float> bias;
  for (const ModulePart& part : parts) {
    const std::string name = part.path + ".bias";
    if (!expected && !checkpoint.has(name)) continue;
    const std::vector<float> values = checkpoint.read_float32(name, {part.n});
    if (expected) {
      const auto first = values.begin() + part.outputs.first;
      bias.insert(bias.end(), first, first + part.outputs.count);
    } else {
      require_zeros(name, values);
    }
  }
  return bias;
}

}  // namespace loadmark
