// Reads config.json field by field; a field's absence means what Llama's own default is.
#include "model/model_config.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/json.h"

namespace loadmark {
namespace {

constexpr int64_t kMaxDimension = 1'000'000;
constexpr int64_t kMaxLayers = 10'000;
constexpr int64_t kMaxPositions = int64_t{1} << 24;
constexpr size_t kMaxConfigBytes = size_t{1} << 20;

// One object of the file and the path that names it in errors.
class Section {
 public:
  Section(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  // Null where the field is absent or null.
  const Json* find(const char* name) const {
    const Json* value = json_.find(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }

  [[noreturn]] void refuse(const char* code, const char* name, const std::string& allowed) const {
    const Json* value = json_.find(name);
    throw Error(code, path_ + name + " is " + (value == nullptr ? "missing" : value->text()) +
                          "; allowed: " + allowed);
  }

  int64_t integer(const char* name, int64_t low, int64_t high,
                  const int64_t* absent = nullptr) const {
    const Json* value = find(name);
    if (value == nullptr && absent != nullptr) return *absent;
    const int64_t* number = value == nullptr ? nullptr : value->integer();
    if (number == nullptr || *number < low || *number > high) {
      refuse(kBadCheckpoint, name,
             "an integer from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return *number;
  }

  // 0 < value <= high
  double positive(const char* name, double high, double absent) const {
    const Json* value = find(name);
    if (value == nullptr) return absent;
    double number = 0;
    if (!value->number(&number) || !(number > 0 && number <= high)) {
      char bound[32];
      std::snprintf(bound, sizeof bound, "%g", high);
      refuse(kBadCheckpoint, name, std::string("a number above 0, at most ") + bound);
    }
    return number;
  }

  bool boolean(const char* name, bool absent) const {
    const Json* value = find(name);
    if (value == nullptr) return absent;
    const bool* flag = value->boolean();
    if (flag == nullptr) refuse(kBadCheckpoint, name, "true or false");
    return *flag;
  }

  std::string string(const char* name, const char* absent) const {
    const Json* value = find(name);
    if (value == nullptr) return absent;
    const std::string* text = value->string();
    if (text == nullptr) refuse(kBadCheckpoint, name, "a string");
    return *text;
  }

  void only_false(const char* name) const {
    if (boolean(name, false)) refuse(kUnsupportedModel, name, "false");
  }

 private:
  const Json& json_;
  std::string path_;
};

void read_architecture(const Section& root, ModelConfig* config) {
  const Json* value = root.find("architectures");
  const Json::Array* list = value == nullptr ? nullptr : value->array();
  if (list == nullptr || list->size() != 1 || list->front().string() == nullptr) {
    root.refuse(kBadCheckpoint, "architectures", "a list of one name");
  }
  config->architecture = *list->front().string();
  if (config->architecture != "LlamaForCausalLM") {
    root.refuse(kUnsupportedModel, "architectures", "[\"LlamaForCausalLM\"]");
  }
  if (root.string("model_type", "llama") != "llama") {
    root.refuse(kUnsupportedModel, "model_type", "\"llama\"");
  }
}

void read_sizes(const Section& root, ModelConfig* config) {
  config->layers = root.integer("num_hidden_layers", 1, kMaxLayers);
  config->hidden_size = root.integer("hidden_size", 1, kMaxDimension);
  config->intermediate_size = root.integer("intermediate_size", 1, kMaxDimension);
  config->vocab_size = root.integer("vocab_size", 1, kMaxDimension);
  config->heads = root.integer("num_attention_heads", 1, kMaxDimension);
  config->kv_heads = root.integer("num_key_value_heads", 1, kMaxDimension, &config->heads);
  if (config->heads % config->kv_heads != 0) {
    root.refuse(kBadCheckpoint, "num_key_value_heads",
                "a divisor of num_attention_heads, which is " + std::to_string(config->heads));
  }
  if (root.find("head_dim") == nullptr && config->hidden_size % config->heads != 0) {
    root.refuse(kBadCheckpoint, "num_attention_heads",
                "without head_dim, a divisor of hidden_size, which is " +
                    std::to_string(config->hidden_size));
  }
  int64_t absent = config->hidden_size / config->heads;
  config->head_dim = root.integer("head_dim", 1, kMaxDimension, &absent);
  if (config->head_dim % 2 != 0) {
    throw Error(kBadCheckpoint, "config.json: head_dim is " + std::to_string(config->head_dim) +
                                    "; allowed: an even number (rotary embedding turns pairs)");
  }
  if (config->qkv_size() > 4 * kMaxDimension) {
    throw Error(kBadCheckpoint, "config.json: heads and head_dim make " +
                                    std::to_string(config->qkv_size()) +
                                    " outputs of q, k and v; allowed: at most " +
                                    std::to_string(4 * kMaxDimension));
  }
  int64_t positions = 2048;
  config->max_positions = root.integer("max_position_embeddings", 1, kMaxPositions, &positions);
}

// Plain rotary embedding only: `section` may be the older rope_scaling or transformers 5's
// rope_parameters.
void require_default_rope(const Json& json, const std::string& path) {
  if (json.object() == nullptr) {
    throw Error(kBadCheckpoint, path + "is " + json.text() + "; allowed: an object or null");
  }
  Section section(json, path);
  for (const char* name : {"rope_type", "type"}) {
    if (section.string(name, "default") != "default") {
      section.refuse(kUnsupportedModel, name, "\"default\"");
    }
  }
}

void read_rope(const Section& root, ModelConfig* config) {
  constexpr double kMaxTheta = 1e12;
  config->rope_theta = root.positive("rope_theta", kMaxTheta, 10000.0);
  if (const Json* scaling = root.find("rope_scaling")) {
    require_default_rope(*scaling, "config.json: rope_scaling.");
  }
  if (const Json* parameters = root.find("rope_parameters")) {
    require_default_rope(*parameters, "config.json: rope_parameters.");
    Section section(*parameters, "config.json: rope_parameters.");
    config->rope_theta = section.positive("rope_theta", kMaxTheta, config->rope_theta);
    if (section.positive("partial_rotary_factor", 1.0, 1.0) != 1.0) {
      section.refuse(kUnsupportedModel, "partial_rotary_factor", "1");
    }
  }
  if (root.positive("partial_rotary_factor", 1.0, 1.0) != 1.0) {
    root.refuse(kUnsupportedModel, "partial_rotary_factor", "1");
  }
}

std::vector<int32_t> read_token_ids(const Section& root, const char* name, int64_t vocab_size) {
  const Json* value = root.find(name);
  if (value == nullptr) return {};
  std::vector<int32_t> ids;
  auto take = [&](const Json& item) {
    const int64_t* id = item.integer();
    if (id == nullptr || *id < 0 || *id >= vocab_size) {
      root.refuse(kBadCheckpoint, name, "token ids from 0 to " + std::to_string(vocab_size - 1));
    }
    ids.push_back(static_cast<int32_t>(*id));
  };
  if (const Json::Array* list = value->array()) {
    for (const Json& item : *list) take(item);
  } else {
    take(*value);
  }
  return ids;
}

ZeroConvention read_convention(const Section& section) {
  std::string format = section.string("checkpoint_format", "gptq");
  if (format == "gptq") return ZeroConvention::kV1;
  if (format != "gptq_v2") {
    section.refuse(kUnsupportedModel, "checkpoint_format", "\"gptq\" or \"gptq_v2\"");
  }
  return ZeroConvention::kV2;
}

QuantizationConfig read_quantization(const Json& json) {
  Section section(json, "config.json: quantization_config.");
  if (json.object() == nullptr) {
    throw Error(kBadCheckpoint, "config.json: quantization_config is " + json.text() +
                                    "; allowed: an object or null");
  }
  if (section.string("quant_method", "") != "gptq") {
    section.refuse(kUnsupportedModel, "quant_method", "\"gptq\"");
  }
  QuantizationConfig quantization;
  quantization.bits = section.integer("bits", 1, 64);
  if (quantization.bits != 4) section.refuse(kUnsupportedModel, "bits", "4");
  quantization.group_size = section.integer("group_size", -1, kMaxDimension);
  if (quantization.group_size != -1 && quantization.group_size != 32 &&
      quantization.group_size != 64 && quantization.group_size != 128) {
    section.refuse(kUnsupportedModel, "group_size", "32, 64, 128 or -1");
  }
  quantization.symmetric = section.boolean("sym", true);
  quantization.act_order = section.boolean("desc_act", false);
  quantization.convention = read_convention(section);
  if (section.string("pack_dtype", "int32") != "int32") {
    section.refuse(kUnsupportedModel, "pack_dtype", "\"int32\"");
  }
  if (const Json* dynamic = section.find("dynamic")) {
    const Json::Object* rules = dynamic->object();
    if (rules == nullptr || !rules->empty()) {
      section.refuse(kUnsupportedModel, "dynamic", "null or an empty object");
    }
  }
  return quantization;
}

}  // namespace

ModelConfig parse_model_config(std::string_view text) {
  Json json = parse_json(text, "config.json");
  if (json.object() == nullptr) {
    throw Error(kBadCheckpoint, "config.json holds " + json.text() + "; allowed: an object");
  }
  Section root(json, "config.json: ");
  ModelConfig config;
  read_architecture(root, &config);
  read_sizes(root, &config);
  read_rope(root, &config);
  config.rms_norm_eps = root.positive("rms_norm_eps", 1.0, 1e-6);
  if (root.string("hidden_act", "silu") != "silu") {
    root.refuse(kUnsupportedModel, "hidden_act", "\"silu\"");
  }
  root.only_false("attention_bias");
  root.only_false("mlp_bias");
  config.tied_head = root.boolean("tie_word_embeddings", false);
  config.bos_tokens = read_token_ids(root, "bos_token_id", config.vocab_size);
  config.eos_tokens = read_token_ids(root, "eos_token_id", config.vocab_size);
  if (const Json* quantization = root.find("quantization_config")) {
    config.quantization = read_quantization(*quantization);
  }
  return config;
}

ModelConfig read_model_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Error(kBadCheckpoint, "cannot open " + path + ": " + std::strerror(errno) +
                                    "; allowed: a folder in Hugging Face layout");
  }
  std::string text;
  char block[16384];
  while (file.read(block, sizeof block) || file.gcount() > 0) {
    text.append(block, static_cast<size_t>(file.gcount()));
    if (text.size() > kMaxConfigBytes) {
      throw Error(kBadCheckpoint, path + " holds more than " + std::to_string(kMaxConfigBytes) +
                                      " bytes; allowed: at most that");
    }
  }
  return parse_model_config(text);
}

}  // namespace loadmark
