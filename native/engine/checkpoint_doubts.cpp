// Zero points are judged by their words alone here; loading looks at the weights too.
#include "engine/checkpoint_doubts.h"

#include <cstring>

#include "base/json.h"

namespace loadmark {
namespace {

// The zero points' convention, where `qzeros` alone tells; -1 where it does not.
int plain_convention(const Tensor& qzeros) {
  bool v1 = qzeros.bytes >= 4, v2 = v1;
  for (int64_t at = 0; at + 4 <= qzeros.bytes; at += 4) {
    uint32_t word;
    std::memcpy(&word, qzeros.data + at, sizeof word);
    v1 = v1 && word == 0x77777777u;
    v2 = v2 && word == 0x88888888u;
  }
  return v1 ? 1 : v2 ? 2 : -1;
}

}  // namespace

// Symmetric words tell the convention outright; of others only their weights do, at load.
void CheckpointDoubts::look_at_zeros(const std::string& path) {
  const std::string name = path + ".qzeros";
  if (!checkpoint_.has(name)) return;
  const int convention = plain_convention(checkpoint_.find(name));
  ++(convention == 1 ? v1_ : convention == 2 ? v2_ : neither_);
}

void CheckpointDoubts::look_at_format(const StoredLinear& stored, const std::string& path) {
  if (stored.format == LinearFormat::kFloat) {
    float_types_.insert(stored.name);
    return;
  }
  only_floats_ = false;
  if (!config_.quantization) return;
  for (const std::string& name : config_.quantization->unconverted) {
    if (path.find(name) != std::string::npos) contradicting_.emplace(name, path);
  }
}

// What config.json says and the tensors do not.
void CheckpointDoubts::note_config() {
  if (config_.quantization && only_floats_ && !float_types_.empty()) {
    doubt(std::string("config.json says ") + quant_method_name(config_.quantization->method) +
          ", but every linear is stored as floats");
  }
  for (const auto& [name, path] : contradicting_) {
    doubt("quantization_config says that modules named " + quoted(name) +
          " were left as floats, but " + path + " is quantized");
  }
  note_dtype();
  if (config_.rope.theta_assumed) {
    doubt(std::string(checkpoint_.is_gguf() ? "the metadata say no rope.freq_base"
                                            : "config.json says no rope_theta") +
          ": 10000 is taken, as transformers and llama.cpp do");
  }
  if (config_.unread_fields.empty()) return;
  std::string names;
  for (const std::string& name : config_.unread_fields) names += (names.empty() ? "" : ", ") + name;
  doubt("config.json has " + std::string(config_.unread_fields.size() == 1 ? "a field" : "fields") +
        " that the engine does not read: " + names);
}

// Of a model that is not quantized; where it is, the type is what was computed with.
void CheckpointDoubts::note_dtype() {
  if (config_.dtype.empty() || config_.quantization || float_types_.empty()) return;
  const std::map<std::string, std::string> names = {
      {"float32", "fp32"}, {"bfloat16", "bf16"}, {"float16", "fp16"}};
  const auto said = names.find(config_.dtype);
  if (said != names.end() && float_types_.count(said->second) > 0) return;
  std::string stored;
  for (const std::string& type : float_types_) stored += (stored.empty() ? "" : ", ") + type;
  doubt("config.json says that floats are " + config_.dtype + ", but linears are stored as " +
        stored);
}

void CheckpointDoubts::note_conventions() {
  if (v1_ > 0 && v2_ > 0) {
    doubt("zero points are inconsistent: " + std::to_string(v1_) +
          " linears hold 0x77777777 (v1), " + std::to_string(v2_) + " hold 0x88888888 (v2)");
  }
  if (v1_ + v2_ + neither_ == 0 || !config_.quantization) return;
  const QuantizationConfig& said = *config_.quantization;
  if (!said.convention) {
    doubt(
        "quantization_config has no checkpoint_format: the convention of zero points is told "
        "from the data" +
        std::string(v1_ > 0   ? ", 0x77777777 (v1)"
                    : v2_ > 0 ? ", 0x88888888 (v2)"
                              : ""));
  } else if (v1_ > 0 && *said.convention == ZeroConvention::kV2) {
    doubt("checkpoint_format says gptq_v2, but zero points are 0x77777777, v1's symmetric ones");
  } else if (v2_ > 0 && *said.convention == ZeroConvention::kV1) {
    doubt("checkpoint_format says gptq (v1), but zero points are 0x88888888, v2's symmetric ones");
  }
  if (said.symmetric && neither_ > 0) {
    doubt("quantization_config says sym true, but " + std::to_string(neither_) +
          " linears have zero points that are not all the middle");
  }
  if (!said.symmetric && neither_ == 0)
    doubt("quantization_config says sym false, but every zero point is the middle");
}

std::vector<std::string> CheckpointDoubts::list() {
  doubts_.clear();
  note_conventions();
  note_config();
  return doubts_;
}

}  // namespace loadmark
