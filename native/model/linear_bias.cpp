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

std::vector<float> read_bias(const Checkpoint& checkpoint, const std::vector<std::string>& paths,
                             const std::vector<int64_t>& sizes, bool expected) {
  std::vector<float> bias;
  for (size_t i = 0; i < paths.size(); ++i) {
    const std::string name = paths[i] + ".bias";
    if (!expected && !checkpoint.has(name)) continue;
    const std::vector<float> values = checkpoint.read_float32(name, {sizes[i]});
    if (expected) {
      bias.insert(bias.end(), values.begin(), values.end());
    } else {
      require_zeros(name, values);
    }
  }
  return bias;
}

}  // namespace loadmark
