// Reads config.json field by field; a field's absence means what Llama's own default is.
#include "model/model_config.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "model/gguf_config.h"
#include "model/json_section.h"

namespace loadmark {
namespace {

constexpr int64_t kMaxDimension = 1'000'000;
constexpr int64_t kMaxLayers = 10'000;
constexpr int64_t kMaxPositions = int64_t{1} << 24;
constexpr size_t kMaxConfigBytes = size_t{1} << 20;

void read_architecture(const JsonSection& root, ModelConfig* config) {
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

void read_sizes(const JsonSection& root, ModelConfig* config) {
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
  JsonSection section(json, path);
  for (const char* name : {"rope_type", "type"}) {
    if (section.string(name, "default") != "default") {
      section.refuse(kUnsupportedModel, name, "\"default\"");
    }
  }
}

void read_rope(const JsonSection& root, ModelConfig* config) {
  constexpr double kMaxTheta = 1e12;
  config->rope_theta = root.positive("rope_theta", kMaxTheta, 10000.0);
  if (const Json* scaling = root.find("rope_scaling")) {
    require_default_rope(*scaling, "config.json: rope_scaling.");
  }
  if (const Json* parameters = root.find("rope_parameters")) {
    require_default_rope(*parameters, "config.json: rope_parameters.");
    JsonSection section(*parameters, "config.json: rope_parameters.");
    config->rope_theta = section.positive("rope_theta", kMaxTheta, config->rope_theta);
    if (section.positive("partial_rotary_factor", 1.0, 1.0) != 1.0) {
      section.refuse(kUnsupportedModel, "partial_rotary_factor", "1");
    }
  }
  if (root.positive("partial_rotary_factor", 1.0, 1.0) != 1.0) {
    root.refuse(kUnsupportedModel, "partial_rotary_factor", "1");
  }
}

std::vector<int32_t> read_token_ids(const JsonSection& root, const char* name, int64_t vocab_size) {
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

}  // namespace

ModelConfig parse_model_config(std::string_view text) {
  Json json = parse_json(text, "config.json");
  if (json.object() == nullptr) {
    throw Error(kBadCheckpoint, "config.json holds " + json.text() + "; allowed: an object");
  }
  JsonSection root(json, "config.json: ");
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
    config.quantization = read_quantization_config(*quantization);
  }
  return config;
}

ModelConfig read_model_config(const std::string& folder) {
  if (is_gguf_path(folder)) return read_gguf_config(folder);
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
