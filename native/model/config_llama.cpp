// Llama 2, 3 and 3.x, SmolLM2 (Llama with a tied head), and AquilaChat2, whose config.json and
// tensors are Llama's under another name.
#include "model/architectures.h"

namespace loadmark {

void read_llama(const JsonSection& root, ModelConfig* config) {
  read_llama_shape(root, config);
  const bool attention_bias = root.boolean("attention_bias", false);
  const bool mlp_bias = root.boolean("mlp_bias", false);
  config->bias = {attention_bias, attention_bias, mlp_bias, mlp_bias};
  root.only_absent("sliding_window");
  read_windows(root, 0, 0, config);
}

}  // namespace loadmark
