// Mistral: Llama whose layers see a window of the last positions. transformers reads a missing
// sliding_window as 4096 and a missing num_key_value_heads as 8; neither is guessed here.
#include "base/error.h"
#include "model/architectures.h"

namespace loadmark {

void read_mistral(const JsonSection& root, ModelConfig* config) {
  if (root.find("num_key_value_heads") == nullptr)
    root.refuse(kBadCheckpoint, "num_key_value_heads", "an integer");
  read_llama_shape(root, config);
  root.only_false("attention_bias");
  root.only_false("mlp_bias");
  if (!root.has("sliding_window"))
    root.refuse(kBadCheckpoint, "sliding_window", "an integer above 0, or null for no window");
  const int64_t none = 0;
  read_windows(root, root.integer("sliding_window", 1, kMaxPositions, &none), 0, config);
}

}  // namespace loadmark
