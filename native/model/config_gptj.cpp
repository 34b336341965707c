// GPT-J: one LayerNorm a layer, read by attention and MLP side by side; rotary embedding of
// neighbouring pairs in a head's first rotary_dim dimensions; biases in the MLP and the head. Its
// config.json and tensors have names of their own. The vocabulary is padded (50400 rows for 50257
// tokens): the rows beyond are the model's own, as in transformers.
#include "base/error.h"
#include "model/architectures.h"

namespace loadmark {
namespace {

const TensorNames& kGptjNames =
    *new TensorNames{.embedding = "transformer.wte",
                     .layers = "transformer.h.",
                     .attention_norm = "ln_1",
                     .mlp_norm = nullptr,
                     .final_norm = "transformer.ln_f",
                     .modules = {{{{"attn.q_proj", "attn.k_proj", "attn.v_proj"},
                                   {"attn.out_proj"},
                                   {"mlp.fc_in"},
                                   {"mlp.fc_out"}}}}};

}  // namespace

void read_gptj(const JsonSection& root, ModelConfig* config) {
  config->names = &kGptjNames;
  config->layers = root.integer("n_layer", 1, kMaxLayers);
  config->hidden_size = root.integer("n_embd", 1, kMaxDimension);
  const int64_t four_times = 4 * config->hidden_size;
  config->intermediate_size = root.integer("n_inner", 1, kMaxDimension, &four_times);
  config->vocab_size = root.integer("vocab_size", 1, kMaxDimension);
  config->heads = root.integer("n_head", 1, kMaxDimension);
  config->kv_heads = config->heads;
  if (config->hidden_size % config->heads != 0) {
    root.refuse(kBadCheckpoint, "n_head",
                "a divisor of n_embd, which is " + std::to_string(config->hidden_size));
  }
  config->head_dim = config->hidden_size / config->heads;
  config->max_positions = root.integer("n_positions", 1, kMaxPositions);
  config->norm = NormKind::kLayer;
  config->norm_eps = root.positive("layer_norm_epsilon", 1.0);
  config->mlp = MlpKind::kGeluNew;
  root.only_string("activation_function", "gelu_new");
  config->parallel = true;
  config->rope.interleaved = true;
  config->rope.dims = root.integer("rotary_dim", 2, config->head_dim);
  if (!root.boolean("rotary", true)) root.refuse(kUnsupportedModel, "rotary", "true");
  if (config->rope.dims % 2 != 0) root.refuse(kBadCheckpoint, "rotary_dim", "an even number");
  config->bias = {false, false, true, true};
  config->head_bias = true;
  if (!root.boolean("scale_attn_weights", true))
    root.refuse(kUnsupportedModel, "scale_attn_weights", "true");
  for (const char* name : {"rope_theta", "rope_scaling", "rope_parameters", "sliding_window"})
    root.only_absent(name);
}

}  // namespace loadmark
