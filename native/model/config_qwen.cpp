// Qwen 2 and 2.5: Llama with biases on q, k and v. Qwen 3: no biases, but an RMSNorm over each head
// of q and k, and heads whose size is no matter of hidden_size.
#include "base/error.h"
#include "model/architectures.h"

namespace loadmark {
namespace {

// The window holds where use_sliding_window says so, from layer max_window_layers on.
void read_qwen_windows(const JsonSection& root, ModelConfig* config) {
  if (!root.boolean("use_sliding_window", false)) {
    // There, and without effect.
    root.has("sliding_window");
    root.has("max_window_layers");
    return read_windows(root, 0, 0, config);
  }
  const int64_t window = root.integer("sliding_window", 1, kMaxPositions);
  const bool listed = root.find("layer_types") != nullptr;
  const int64_t absent = 0;
  const int64_t first =
      root.integer("max_window_layers", 0, kMaxDimension, listed ? &absent : nullptr);
  read_windows(root, window, first, config);
}

}  // namespace

void read_qwen2(const JsonSection& root, ModelConfig* config) {
  read_llama_shape(root, config);
  config->bias[LinearKind::kQkv] = true;
  root.only_false("mlp_bias");
  read_qwen_windows(root, config);
}

void read_qwen3(const JsonSection& root, ModelConfig* config) {
  if (root.find("head_dim") == nullptr) root.refuse(kBadCheckpoint, "head_dim", "an even number");
  read_llama_shape(root, config);
  config->qk_norm = true;
  const bool attention_bias = root.boolean("attention_bias", false);
  config->bias[LinearKind::kQkv] = config->bias[LinearKind::kO] = attention_bias;
  root.only_false("mlp_bias");
  read_qwen_windows(root, config);
}

}  // namespace loadmark
