// Reads config.json: what every family has; a field's absence means what the family's own default
// is, where that changes nothing that other families have.
#include "model/model_config.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "base/lfs_pointer.h"
#include "model/architectures.h"
#include "model/gguf_config.h"

namespace loadmark {

const TensorNames& kLlamaNames =
    *new TensorNames{.embedding = "model.embed_tokens",
                     .layers = "model.layers.",
                     .attention_norm = "input_layernorm",
                     .mlp_norm = "post_attention_layernorm",
                     .final_norm = "model.norm",
                     .modules = {{{{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
                                   {"self_attn.o_proj"},
                                   {"mlp.gate_proj", "mlp.up_proj"},
                                   {"mlp.down_proj"}}}}};

int64_t ModelConfig::widest_window() const {
  int64_t widest = 0;
  for (const int64_t window : windows) {
    if (window == 0) return 0;
    widest = std::max(widest, window);
  }
  return widest;
}

namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 20;

constexpr Architecture kArchitectures[] = {
    {"LlamaForCausalLM", "llama", read_llama},       {"AquilaForCausalLM", "aquila", read_llama},
    {"MistralForCausalLM", "mistral", read_mistral}, {"Qwen2ForCausalLM", "qwen2", read_qwen2},
    {"Qwen3ForCausalLM", "qwen3", read_qwen3},       {"GPTJForCausalLM", "gptj", read_gptj},
};

// Without effect on what a model computes when it is run.
constexpr const char* kIdleFields[] = {"pad_token_id",
                                       "transformers_version",
                                       "use_cache",
                                       "initializer_range",
                                       "pretraining_tp",
                                       "attention_dropout",
                                       "attn_pdrop",
                                       "embd_pdrop",
                                       "resid_pdrop",
                                       "gradient_checkpointing",
                                       "summary_activation",
                                       "summary_first_dropout",
                                       "summary_proj_to_labels",
                                       "summary_type",
                                       "summary_use_proj",
                                       "task_specific_params",
                                       "tokenizer_class",
                                       "_name_or_path",
                                       "auto_map",
                                       "unsloth_version",
                                       "unsloth_fixed",
                                       "transformers.js_config"};

const Architecture& find_architecture(const JsonSection& root) {
  const Json* value = root.find("architectures");
  const Json::Array* list = value == nullptr ? nullptr : value->array();
  if (list == nullptr || list->size() != 1 || list->front().string() == nullptr) {
    root.refuse(kBadCheckpoint, "architectures", "a list of one name");
  }
  std::string known;
  for (const Architecture& architecture : kArchitectures) {
    if (*list->front().string() == architecture.name) {
      root.only_string("model_type", architecture.model_type);
      return architecture;
    }
    known += (known.empty() ? "[\"" : ", [\"") + std::string(architecture.name) + "\"]";
  }
  root.refuse(kUnsupportedModel, "architectures", known);
}

// Fields by which other families, or variants of these, change the arithmetic. What a checkpoint
// says with them, nothing here would do.
void refuse_foreign_features(const JsonSection& root) {
  for (const char* name :
       {"final_logit_softcapping", "attn_logit_softcapping", "query_pre_attn_scalar", "clip_qkv",
        "num_local_experts", "num_experts", "moe_intermediate_size", "no_rope_layers",
        "sliding_window_pattern", "attention_chunk_size", "use_qk_norm", "qk_layernorm",
        "use_logn_attn", "use_dynamic_ntk", "use_mrope", "dim_model_base", "alibi",
        "vision_config"}) {
    root.only_absent(name);
  }
  for (const char* name : {"logit_scale", "logits_scaling", "embedding_multiplier",
                           "residual_multiplier", "scale_emb", "scale_depth"}) {
    root.only_number(name, 1);
  }
  root.only_absent("attention_multiplier");
  root.only_false("rope_interleaved");
  root.only_string("position_embedding_type", "rope");
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
  config->max_positions = root.integer("max_position_embeddings", 1, kMaxPositions);
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

void check_heads(const ModelConfig& config) {
  if (config.head_dim % 2 != 0) {
    throw Error(kBadCheckpoint, "config.json: head_dim is " + std::to_string(config.head_dim) +
                                    "; allowed: an even number (rotary embedding turns pairs)");
  }
  if (config.qkv_size() > 4 * kMaxDimension) {
    throw Error(kBadCheckpoint, "config.json: heads and head_dim make " +
                                    std::to_string(config.qkv_size()) +
                                    " outputs of q, k and v; allowed: at most " +
                                    std::to_string(4 * kMaxDimension));
  }
}

}  // namespace

void read_llama_shape(const JsonSection& root, ModelConfig* config) {
  read_sizes(root, config);
  read_rope(root, config);
  config->norm_eps = root.positive("rms_norm_eps", 1.0);
  root.only_string("hidden_act", "silu");
}

void read_windows(const JsonSection& root, int64_t window, int64_t first_layer,
                  ModelConfig* config) {
  const std::string allowed =
      "\"full_attention\" or, with a window, \"sliding_attention\", for each of " +
      std::to_string(config->layers) + " layers";
  const Json* types = root.find("layer_types");
  const Json::Array* list = types == nullptr ? nullptr : types->array();
  if (types != nullptr &&
      (list == nullptr || list->size() != static_cast<size_t>(config->layers))) {
    root.refuse(kBadCheckpoint, "layer_types", allowed);
  }
  if (types == nullptr && window == 0) return;
  for (int64_t layer = 0; layer < config->layers; ++layer) {
    bool slides = layer >= first_layer;
    if (list != nullptr) {
      const std::string* type = (*list)[static_cast<size_t>(layer)].string();
      slides = type != nullptr && *type == "sliding_attention";
      if (slides ? window == 0 : type == nullptr || *type != "full_attention")
        root.refuse(kUnsupportedModel, "layer_types", allowed);
    }
    config->windows.push_back(slides ? window : 0);
  }
}

ModelConfig parse_model_config(std::string_view text) {
  Json json = parse_json(text, "config.json");
  if (json.object() == nullptr) {
    throw Error(kBadCheckpoint, "config.json holds " + json.text() + "; allowed: an object");
  }
  JsonSection root(json, "config.json: ");
  const Architecture& architecture = find_architecture(root);
  ModelConfig config;
  config.architecture = architecture.name;
  refuse_foreign_features(root);
  architecture.read(root, &config);
  check_heads(config);
  config.tied_head = root.boolean("tie_word_embeddings", false);
  config.bos_tokens = read_token_ids(root, "bos_token_id", config.vocab_size);
  config.eos_tokens = read_token_ids(root, "eos_token_id", config.vocab_size);
  if (const Json* quantization = root.find("quantization_config")) {
    config.quantization = read_quantization_config(*quantization);
  }
  // transformers 5 writes dtype.
  config.dtype = root.string("dtype", root.string("torch_dtype", "").c_str());
  for (const char* name : kIdleFields) root.has(name);
  config.unread_fields = root.unread();
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
  refuse_lfs_pointer(text, "config.json");
  return parse_model_config(text);
}

}  // namespace loadmark
