// Keys and names as llama.cpp's converters write them (gguf-py's constants and tensor map).
#include "model/gguf_config.h"

#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "model/gguf_keys.h"
#include "model/mapped_file.h"

namespace loadmark {
namespace {

struct Architecture {
  const char* name;        // general.architecture
  const char* class_name;  // config.json's architectures
  bool interleaves;        // rows of q and k, for rotary embedding of neighbours
};
constexpr size_t kMaxConfigText = size_t{1} << 20;  // nothing is cut
constexpr float kMinRopeFactor = 1e-6f, kMaxRopeFactor = 1e6f;

constexpr Architecture kArchitectures[] = {{"llama", "LlamaForCausalLM", true},
                                           {"qwen2", "Qwen2ForCausalLM", false},
                                           {"qwen3", "Qwen3ForCausalLM", false}};

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Metadata by key, each of one type.
class Metadata {
 public:
  Metadata(const Gguf& gguf, const std::string& file) : gguf_(gguf), file_(file) {}

  [[noreturn]] void refuse(const std::string& key, const std::string& what,
                           const char* code = kBadCheckpoint) const {
    throw Error(code, file_ + ": " + key + " " + what);
  }

  std::optional<int64_t> integer(const std::string& key) const {
    return get<int64_t>(key, "an integer");
  }
  std::optional<double> real(const std::string& key) const {
    const std::optional<double> value = get<double>(key, "a float");
    if (value && !std::isfinite(*value)) refuse(key, "is not finite; allowed: a number");
    return value;
  }
  std::optional<std::string> string(const std::string& key) const {
    const auto value = get<std::string_view>(key, "a string");
    return value ? std::optional<std::string>(*value) : std::nullopt;
  }
  bool has(const std::string& key) const { return gguf_.metadata.count(key) > 0; }
  // Of a key that is there, for quoting.
  std::string text(const std::string& key) const {
    return gguf_value_text(gguf_.metadata.find(key)->second);
  }
  int64_t required(const std::string& key) const {
    const std::optional<int64_t> value = integer(key);
    if (!value) refuse(key, "is missing; allowed: an integer");
    return *value;
  }

 private:
  template <class T>
  std::optional<T> get(const std::string& key, const char* allowed) const {
    const auto found = gguf_.metadata.find(key);
    if (found == gguf_.metadata.end()) return std::nullopt;
    const T* value = std::get_if<T>(&found->second);
    if (value == nullptr)
      refuse(key, "is " + gguf_value_text(found->second) + "; allowed: " + allowed);
    return *value;
  }
  const Gguf& gguf_;
  const std::string& file_;
};

const Architecture& find_architecture(const Metadata& metadata) {
  const std::optional<std::string> name = metadata.string("general.architecture");
  if (!name) metadata.refuse("general.architecture", "is missing; allowed: a name");
  for (const Architecture& each : kArchitectures) {
    if (*name == each.name) return each;
  }
  metadata.refuse("general.architecture",
                  "is " + quoted(*name) + "; allowed: \"llama\", \"qwen2\", \"qwen3\"",
                  kUnsupportedModel);
}

const Tensor* find_tensor(const Gguf& gguf, const char* stored, const char* translated) {
  for (const Tensor& tensor : gguf.tensors) {
    if (tensor.name == stored || tensor.name == translated) return &tensor;
  }
  return nullptr;
}

Json rope_scaling(const Metadata& metadata, const std::string& prefix) {
  const std::string key = prefix + "rope.scaling.factor";
  const std::string type = metadata.string(prefix + "rope.scaling.type").value_or("");
  const std::optional<double> linear = metadata.real(prefix + "rope.scale_linear");
  const double factor = metadata.real(key).value_or(linear.value_or(1.0));
  const bool scales = factor != 1.0 && factor != 0.0;  // llama.cpp takes 0 for none
  if (type == "none" && scales) {
    metadata.refuse(metadata.has(key) ? key : prefix + "rope.scale_linear",
                    "is " + Json(factor).text() + ", and rope.scaling.type \"none\"; allowed: 1");
  }
  if (!scales && (type.empty() || type == "none" || type == "linear")) return Json();
  return Json(Json::Object{{"rope_type", Json(type.empty() ? std::string("linear") : type)},
                           {"factor", Json(factor)}});
}

// A layer's module and whether its rows turn: 1 by query heads, 2 by key heads.
struct Module {
  const char* stored;
  const char* translated;
  int turned;
};
constexpr Module kModules[] = {
    {"attn_norm", "input_layernorm", 0},    {"ffn_norm", "post_attention_layernorm", 0},
    {"attn_q", "self_attn.q_proj", 1},      {"attn_k", "self_attn.k_proj", 2},
    {"attn_v", "self_attn.v_proj", 0},      {"attn_output", "self_attn.o_proj", 0},
    {"attn_q_norm", "self_attn.q_norm", 0}, {"attn_k_norm", "self_attn.k_norm", 0},
    {"ffn_gate", "mlp.gate_proj", 0},       {"ffn_up", "mlp.up_proj", 0},
    {"ffn_down", "mlp.down_proj", 0}};

// Of the last positions; 0: all. A pattern of layers with and without would have to be guessed.
int64_t sliding_window(const Metadata& metadata, const Architecture& architecture) {
  const std::string key = std::string(architecture.name) + ".attention.sliding_window";
  const int64_t window = metadata.integer(key).value_or(0);
  if (window != 0 && !architecture.interleaves)
    metadata.refuse(key, "is " + std::to_string(window) + "; allowed: 0, or none",
                    kUnsupportedModel);
  const std::string pattern = key + "_pattern";
  if (window != 0 && metadata.has(pattern)) {
    metadata.refuse(pattern,
                    "is " + metadata.text(pattern) + "; allowed: none, a window for every layer",
                    kUnsupportedModel);
  }
  return window;
}

// The config.json of this file.
std::string config_text(const Gguf& gguf, const std::string& file) {
  const Metadata metadata(gguf, file);
  const Architecture& architecture = find_architecture(metadata);
  const std::string prefix = std::string(architecture.name) + ".";
  const int64_t files = metadata.integer("split.count").value_or(1);
  if (files > 1) {
    metadata.refuse("split.count",
                    "is " + std::to_string(files) + "; allowed: 1, a model in one file",
                    kUnsupportedModel);
  }
  refuse_foreign_keys(gguf, file, prefix);
  const Tensor* table = find_tensor(gguf, "token_embd.weight", "model.embed_tokens.weight");
  if (table == nullptr || table->shape.size() != 2)
    throw Error(kBadCheckpoint, file + ": lacks a matrix \"token_embd.weight\"");

  const auto number = [&](const char* key) { return Json(metadata.required(prefix + key)); };
  const int64_t hidden = metadata.required(prefix + "embedding_length");
  const int64_t heads = metadata.required(prefix + "attention.head_count");
  const int64_t window = sliding_window(metadata, architecture);
  // GGUF calls Mistral "llama", which has no window.
  const std::string class_name = window == 0 ? architecture.class_name : "MistralForCausalLM";
  Json::Object config = {
      {"architectures", Json(Json::Array{Json(class_name)})},
      {"model_type", Json(std::string(window == 0 ? architecture.name : "mistral"))},
      {"hidden_act", Json(std::string("silu"))},
      {"num_hidden_layers", number("block_count")},
      {"hidden_size", Json(hidden)},
      {"intermediate_size", number("feed_forward_length")},
      {"num_attention_heads", Json(heads)},
      {"num_key_value_heads",
       Json(metadata.integer(prefix + "attention.head_count_kv").value_or(heads))},
      {"vocab_size", Json(table->shape.front())},
      {"max_position_embeddings", number("context_length")},
      {"rope_scaling", rope_scaling(metadata, prefix)},
      {"tie_word_embeddings",
       Json(find_tensor(gguf, "output.weight", "lm_head.weight") == nullptr)}};
  if (window != 0) config.emplace_back("sliding_window", Json(window));
  int64_t head_dim = heads > 0 ? hidden / heads : 0;
  if (const auto length = metadata.integer(prefix + "attention.key_length")) {
    head_dim = *length;
    config.emplace_back("head_dim", Json(head_dim));
  }
  const int64_t value_dim = metadata.integer(prefix + "attention.value_length").value_or(head_dim);
  if (value_dim != head_dim) {
    metadata.refuse(prefix + "attention.value_length",
                    "is " + std::to_string(value_dim) + "; allowed: " + std::to_string(head_dim) +
                        ", the length of a key",
                    kUnsupportedModel);
  }
  const int64_t turned = metadata.integer(prefix + "rope.dimension_count").value_or(head_dim);
  if (turned != head_dim && head_dim > 0)
    config.emplace_back("partial_rotary_factor",
                        Json(static_cast<double>(turned) / static_cast<double>(head_dim)));
  const std::string epsilon = prefix + "attention.layer_norm_rms_epsilon";
  if (!metadata.has(epsilon)) metadata.refuse(epsilon, "is missing; allowed: a float");
  config.emplace_back("rms_norm_eps", Json(*metadata.real(epsilon)));
  if (const auto theta = metadata.real(prefix + "rope.freq_base"))
    config.emplace_back("rope_theta", Json(*theta));
  for (const char* name : {"bos_token_id", "eos_token_id"}) {
    if (const auto id = metadata.integer(std::string("tokenizer.ggml.") + name))
      config.emplace_back(name, Json(*id));
  }
  return Json(std::move(config)).text(kMaxConfigText);
}

// llama.cpp's converter works Llama 3.1's scaling out and writes what it comes to.
std::vector<float> read_rope_factors(const Gguf& gguf, const std::string& file, int64_t count) {
  const Tensor* tensor = find_tensor(gguf, kRopeFactorsName, kRopeFactorsName);
  if (tensor == nullptr) return {};
  const std::string what = file + ": tensor " + quoted(kRopeFactorsName);
  if (tensor->shape != std::vector<int64_t>{count}) {
    throw Error(kBadCheckpoint, what + " has shape " + shape_text(tensor->shape) + "; allowed: " +
                                    shape_text({count}) + ", a factor for each pair that turns");
  }
  if (tensor->type != DataType::kFloat32) {
    throw Error(kBadCheckpoint,
                what + " has dtype " + data_type_name(tensor->type) + "; allowed: F32");
  }
  std::vector<float> factors = decode_float32(*tensor);
  for (const float factor : factors) {
    if (factor >= kMinRopeFactor && factor <= kMaxRopeFactor) continue;
    throw Error(kBadCheckpoint, what + " holds " + std::to_string(factor) +
                                    "; allowed: numbers from 0.000001 to 1000000");
  }
  return factors;
}

}  // namespace

bool is_gguf_path(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

ModelConfig parse_gguf_config(const Gguf& gguf, const std::string& file) {
  const std::string text = config_text(gguf, file);
  ModelConfig config;
  try {
    config = parse_model_config(text);
  } catch (const Error& error) {
    throw Error(error.code(), file + ", its metadata in config.json's words: " + error.what());
  }
  config.rope.factors = read_rope_factors(gguf, file, config.rope.dims / 2);
  return config;
}

ModelConfig read_gguf_config(const std::string& path) {
  const MappedFile mapped(path);
  const std::string file = base_name(path);
  return parse_gguf_config(parse_gguf(mapped.bytes(), mapped.size(), file), file);
}

void translate_gguf_tensors(Gguf* gguf, const std::string& file) {
  const Metadata metadata(*gguf, file);
  const Architecture& architecture = find_architecture(metadata);
  const std::string prefix = std::string(architecture.name) + ".attention.";
  const int64_t heads = metadata.required(prefix + "head_count");
  const int64_t kv_heads = metadata.integer(prefix + "head_count_kv").value_or(heads);
  for (Tensor& tensor : gguf->tensors) {
    tensor.stored = tensor.name;
    if (tensor.name == "token_embd.weight") tensor.name = "model.embed_tokens.weight";
    if (tensor.name == "output_norm.weight") tensor.name = "model.norm.weight";
    if (tensor.name == "output.weight") tensor.name = "lm_head.weight";
    const size_t layer_end = tensor.name.find('.', 4);
    const size_t kind = tensor.name.rfind('.');
    if (tensor.name.rfind("blk.", 0) != 0 || layer_end == std::string::npos || kind <= layer_end)
      continue;
    const std::string module = tensor.name.substr(layer_end + 1, kind - layer_end - 1);
    for (const Module& each : kModules) {
      if (module != each.stored) continue;
      tensor.name = "model.layers." + tensor.name.substr(4, layer_end - 3) + each.translated +
                    tensor.name.substr(kind);
      const int64_t turned = each.turned == 1 ? heads : each.turned == 2 ? kv_heads : 0;
      if (!architecture.interleaves || turned == 0) continue;
      if (turned < 0 || tensor.shape.empty() || tensor.shape.front() % (2 * turned) != 0) {
        throw Error(kBadCheckpoint, file + ": tensor " + quoted(tensor.stored) + " has shape " +
                                        shape_text(tensor.shape) +
                                        "; allowed: an even number of "
                                        "rows for each of " +
                                        std::to_string(turned) + " heads");
      }
      tensor.interleaved_heads = turned;
    }
  }
}

}  // namespace loadmark
