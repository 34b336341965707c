// What architecture does config.json describe? Reads what this engine can honour and refuses the
// rest by name. An architecture is a set of features here: one forward pass serves them all.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/quantization_config.h"

namespace loadmark {

inline constexpr int64_t kMaxLayers = 10'000;

// The linears of a layer by the input they share: q, k, v are one kind; gate and up another, which
// is GPT-J's fc_in where nothing gates.
enum class LinearKind { kQkv, kO, kGateUp, kDown };
inline constexpr LinearKind kLinearKinds[] = {LinearKind::kQkv, LinearKind::kO, LinearKind::kGateUp,
                                              LinearKind::kDown};

// One value a kind of linear.
template <class Value>
struct ByLinearKind {
  std::array<Value, 4> values{};
  Value& operator[](LinearKind kind) { return values[static_cast<size_t>(kind)]; }
  const Value& operator[](LinearKind kind) const { return values[static_cast<size_t>(kind)]; }
};

enum class NormKind { kRms, kLayer };         // kLayer takes the mean out and has a bias
enum class MlpKind { kSiluGated, kGeluNew };  // down(silu(gate) * up); down(gelu_new(up))

// Rotary position embedding of q and k.
struct RopeConfig {
  enum class Scaling { kNone, kLinear, kLlama3 };
  int64_t dims = 0;          // how many of a head's dimensions turn, from the first on; even
  bool interleaved = false;  // pairs (2 i, 2 i + 1); else (i, i + dims / 2)
  double theta = 10000.0;
  bool theta_assumed = false;  // the configuration says none, and the family has no fixed one
  Scaling scaling = Scaling::kNone;
  double factor = 1;
  double low_frequency_factor = 1, high_frequency_factor = 4;  // kLlama3
  int64_t original_positions = 0;                              // kLlama3
  std::vector<float> factors;  // (dims / 2) each frequency is divided by one too; empty: by none
};

// What a checkpoint calls its tensors; ".weight" and ".bias" follow. lm_head is the head's name
// everywhere.
struct TensorNames {
  const char* embedding;
  const char* layers;  // before a layer's number
  const char* attention_norm;
  const char* mlp_norm;
  const char* final_norm;
  ByLinearKind<std::vector<std::string>> modules;  // in a layer, in the order of the outputs
};
// Never destroyed: process.exit() ends statics while a thread may still be loading.
extern const TensorNames& kLlamaNames;

struct ModelConfig {
  std::string architecture;  // "LlamaForCausalLM"
  const TensorNames* names = &kLlamaNames;
  int64_t layers = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab_size = 0;
  int64_t max_positions = 0;
  NormKind norm = NormKind::kRms;
  double norm_eps = 1e-6;
  MlpKind mlp = MlpKind::kSiluGated;
  RopeConfig rope;
  ByLinearKind<bool> bias;
  bool head_bias = false;
  bool qk_norm = false;          // RMSNorm over each head of q and k, before it turns
  bool parallel = false;         // attention and MLP read one norm's output, side by side
  std::vector<int64_t> windows;  // (layers) last positions that a row sees, 0: all; empty: all
  bool tied_head = false;
  std::vector<int32_t> bos_tokens, eos_tokens;
  std::optional<QuantizationConfig> quantization;
  // For a reader's doubts: the type its floats are said to have, and fields that nobody reads.
  std::string dtype;
  std::vector<std::string> unread_fields;

  int64_t q_size() const { return heads * head_dim; }
  int64_t kv_size() const { return kv_heads * head_dim; }
  int64_t qkv_size() const { return q_size() + 2 * kv_size(); }
  // Outputs of kGateUp.
  int64_t up_size() const {
    return mlp == MlpKind::kSiluGated ? 2 * intermediate_size : intermediate_size;
  }
  int64_t norms_of_layer() const { return parallel ? 1 : 2; }
  int64_t window(int64_t layer) const {
    return windows.empty() ? 0 : windows[static_cast<size_t>(layer)];
  }
  // Last positions that a row of any layer sees; 0: all.
  int64_t widest_window() const;
};

// `text` is the content of a config.json. Throws Error(kBadCheckpoint) where it contradicts its
// format and Error(kUnsupportedModel) where it asks for what this engine does not do.
ModelConfig parse_model_config(std::string_view text);

// Reads `folder`/config.json, or the metadata of a .gguf file.
ModelConfig read_model_config(const std::string& folder);

}  // namespace loadmark
