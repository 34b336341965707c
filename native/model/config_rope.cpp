// Rotary settings: theta and scaling stand in rope_scaling and beside it, or since transformers 5
// all in rope_parameters.
#include "base/error.h"
#include "model/architectures.h"

namespace loadmark {
namespace {

constexpr double kMaxTheta = 1e12;
constexpr double kMaxFactor = 1e6;

using Scaling = RopeConfig::Scaling;

std::string read_kind(const JsonSection& section) {
  const std::string kind = section.string("rope_type", section.string("type", "default").c_str());
  if (section.find("type") != nullptr && section.string("type", "") != kind)
    section.refuse(kBadCheckpoint, "type", "what rope_type is, \"" + kind + "\"");
  return kind;
}

void read_llama3(const JsonSection& section, RopeConfig* rope) {
  rope->scaling = Scaling::kLlama3;
  rope->factor = section.positive("factor", kMaxFactor);
  rope->low_frequency_factor = section.positive("low_freq_factor", kMaxFactor);
  rope->high_frequency_factor = section.positive("high_freq_factor", kMaxFactor);
  if (rope->high_frequency_factor <= rope->low_frequency_factor)
    section.refuse(kBadCheckpoint, "high_freq_factor", "more than low_freq_factor");
  rope->original_positions = section.integer("original_max_position_embeddings", 1, kMaxPositions);
}

// Wherever it stands; where it stands twice it must be the same.
void read_theta(const JsonSection& section, RopeConfig* rope) {
  const double theta = section.positive("rope_theta", kMaxTheta);
  if (!rope->theta_assumed && theta != rope->theta) {
    section.refuse(kBadCheckpoint, "rope_theta",
                   "what it is elsewhere in config.json, " + Json(rope->theta).text());
  }
  rope->theta = theta;
  rope->theta_assumed = false;
}

void read_scaling(const Json& json, const char* name, RopeConfig* rope) {
  const std::string path = std::string("config.json: ") + name + ".";
  if (json.object() == nullptr) {
    throw Error(kBadCheckpoint, path + "is " + json.text() + "; allowed: an object or null");
  }
  const JsonSection section(json, path);
  if (section.find("rope_theta") != nullptr) read_theta(section, rope);
  section.only_number("partial_rotary_factor", 1);
  const std::string kind = read_kind(section);
  if (kind == "default") return;
  const char* field = section.find("rope_type") != nullptr ? "rope_type" : "type";
  if (rope->scaling != Scaling::kNone)
    section.refuse(kBadCheckpoint, field, "\"default\", since rope_scaling scales already");
  if (kind == "linear") {
    rope->scaling = Scaling::kLinear;
    rope->factor = section.positive("factor", kMaxFactor);
  } else if (kind == "llama3") {
    read_llama3(section, rope);
  } else {
    section.refuse(kUnsupportedModel, field, "\"default\", \"linear\" or \"llama3\"");
  }
}

}  // namespace

void read_rope(const JsonSection& root, ModelConfig* config) {
  RopeConfig* rope = &config->rope;
  rope->dims = config->head_dim;
  // Configurations of Llama's first years have no theta, and every tool takes 10000.
  rope->theta_assumed = true;
  if (root.find("rope_theta") != nullptr) read_theta(root, rope);
  root.only_number("partial_rotary_factor", 1);
  for (const char* name : {"rope_scaling", "rope_parameters"}) {
    if (const Json* scaling = root.find(name)) read_scaling(*scaling, name, rope);
  }
}

}  // namespace loadmark
