// What architecture does config.json describe? Reads what this engine can honour and refuses the
// rest by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/quantization_config.h"

namespace loadmark {

struct ModelConfig {
  std::string architecture;  // "LlamaForCausalLM"
  int64_t layers = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab_size = 0;
  int64_t max_positions = 0;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000.0;
  bool tied_head = false;
  std::vector<int32_t> bos_tokens, eos_tokens;
  std::optional<QuantizationConfig> quantization;

  int64_t q_size() const { return heads * head_dim; }
  int64_t kv_size() const { return kv_heads * head_dim; }
  int64_t qkv_size() const { return q_size() + 2 * kv_size(); }
};

// `text` is the content of a config.json. Throws Error(kBadCheckpoint) where it contradicts its
// format and Error(kUnsupportedModel) where it asks for what this engine does not do.
ModelConfig parse_model_config(std::string_view text);

// Reads `folder`/config.json, or the metadata of a .gguf file.
ModelConfig read_model_config(const std::string& folder);

}  // namespace loadmark
