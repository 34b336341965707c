// Turns a checkpoint's tensors into packed linears: float, GPTQ int4 or int8 made at load, each
// linear by itself, and fuses those that share an input where their formats allow it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/model_config.h"
#include "model/source_linear.h"
#include "model/stored_linear.h"
#include "model/tensor_shard.h"
#include "ops/ops.h"

namespace loadmark {

const char* linear_kind_name(LinearKind kind);  // "qkv", "o", "gate_up", "down"
// Module names inside a layer, in the order of the outputs: {"self_attn.q_proj",
// "self_attn.k_proj", ...}.
const std::vector<std::string>& linear_module_names(const ModelConfig& config, LinearKind kind);
// "model.layers.3.self_attn.q_proj"
std::string linear_module_path(const ModelConfig& config, int64_t layer, const std::string& module);
// Output features of each module of a kind, and the input features they share.
std::vector<int64_t> linear_output_sizes(const ModelConfig& config, LinearKind kind);
int64_t linear_input_size(const ModelConfig& config, LinearKind kind);

// Linears over one input whose outputs stand side by side: one part when they could be fused, else
// in order. Or one linear in slices of its inputs, whose products are added, halves to halves.
struct Linear {
  std::vector<ops::LinearWeight> parts;
  int64_t n = 0, k = 0;
  int64_t slices = 1;       // > 1: of so many parts each takes k / slices of the inputs
  std::vector<float> bias;  // (n); empty: none
  int64_t bytes() const;
};

struct Norm {
  std::vector<float> weight, bias;  // (dim); the bias of NormKind::kLayer
  int64_t bytes() const;
};

struct LayerWeights {
  Norm attention_norm, mlp_norm;      // (hidden); a parallel layer has the first alone
  std::vector<float> q_norm, k_norm;  // (head_dim); empty: none
  Linear qkv, o, gate_up, down;
  Linear& linear(LinearKind kind);
  const Linear& linear(LinearKind kind) const;
  int64_t norm_bytes() const;
};

struct ModelWeights {
  std::vector<uint8_t> embedding;  // (vocab, hidden) of embedding_type
  ops::WeightType embedding_type = ops::WeightType::kFloat32;
  std::vector<LayerWeights> layers;
  Norm final_norm;     // (hidden)
  Linear head;         // (vocab or a shard's part of it, hidden)
  std::string format;  // of the layers' linears, as describe_linear says it
  int64_t parameters = 0;
};

// Distinct descriptions in the order of their first use.
class FormatList {
 public:
  void add(const std::string& format);
  std::string text() const;  // joined by commas

 private:
  std::vector<std::string> formats_;
};
// "bf16", "int4 g64 sym (gptq)", "int8 (per channel, rounded at load)", "fp16 (decoded from Q4_K)":
// of a linear that a device holds as `held`.
std::string describe_linear(const ModelConfig& config, const StoredLinear& stored,
                            ops::WeightType held, WeightFormat format);
int64_t count_parameters(const ModelConfig& config);
// Weights that every token is multiplied with: of the layers' linears, without biases and head.
int64_t count_linear_weights(const ModelConfig& config);
// Of all norms and biases, in fp32.
int64_t norm_and_bias_bytes(const ModelConfig& config);
// A norm of the checkpoint, by its path: "model.norm".
Norm read_norm(const ModelConfig& config, const Checkpoint& checkpoint, const std::string& path);
// The module whose weight the head multiplies by: "lm_head", or the embedding where they are tied.
std::string head_path(const ModelConfig& config);
// Bytes that load_weights will hold for one of `ranks` devices, from the headers alone.
int64_t plan_weight_bytes(const ModelConfig& config, const Checkpoint& checkpoint,
                          WeightFormat format, int64_t ranks = 1);
// Bytes that load_weights takes besides, for a moment, to join and pack the largest linear. An
// estimate from above.
int64_t plan_loading_bytes(const ModelConfig& config, const Checkpoint& checkpoint,
                           WeightFormat format);
// What `shard` holds of the whole model that `config` describes, o and down in `row_slices` slices.
// Throws Error(kBadCheckpoint) naming the tensor that is missing, misshapen, mistyped or not
// finite.
ModelWeights load_weights(const ModelConfig& config, const Checkpoint& checkpoint,
                          WeightFormat format, const TensorShard& shard = {},
                          int64_t row_slices = 1);
// Packs a linear for the CPU's kernels, in so many slices of its inputs.
void pack_linear(const SourceLinear& source, int64_t slices, Linear* linear);
// One linear of the checkpoint in fp32 (n, k), decoded where it is quantized.
std::vector<float> read_linear_float32(const ModelConfig& config, const Checkpoint& checkpoint,
                                       const std::string& module_path, int64_t n, int64_t k);

}  // namespace loadmark
