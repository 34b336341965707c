// One linear at a time: read what its tensors hold, fuse what can be fused, pack, forget the
// source.
#include "model/weights.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "base/error.h"
#include "model/linear_bias.h"
#include "model/linear_cut.h"

namespace loadmark {
namespace {

ops::LinearWeight pack(const SourceLinear& source) {
  if (const auto* weight = std::get_if<Int4Weight>(&source.content)) return ops::pack_int4(*weight);
  if (const auto* rounded = std::get_if<RoundedInt8>(&source.content))
    return ops::pack_int8(rounded->q.data(), rounded->scale.data(), source.n, source.k);
  if (const auto* groups = std::get_if<Int8Groups>(&source.content)) return ops::pack_int8(*groups);
  const auto& values = std::get<FloatLinear>(source.content);
  if (values.type == DataType::kFloat32) {
    return ops::pack_float32(reinterpret_cast<const float*>(values.bits.data()), source.n,
                             source.k);
  }
  const auto* bits = reinterpret_cast<const uint16_t*>(values.bits.data());
  return values.type == DataType::kBFloat16 ? ops::pack_bfloat16(bits, source.n, source.k)
                                            : ops::pack_float16(bits, source.n, source.k);
}

Linear load_linear(const ModelConfig& config, const Checkpoint& checkpoint,
                   const std::vector<ModulePart>& parts, WeightFormat format, int64_t slices,
                   FormatList* formats) {
  Linear linear;
  for (const SourceLinear& source : read_fused(config, checkpoint, parts, format)) {
    pack_linear(source, slices, &linear);
    for (const StoredLinear& stored : source.stored)
      formats->add(describe_linear(config, stored, linear.parts.back().type, format));
  }
  return linear;
}

// What reading a table takes for a moment: its copy, and blocks decoded to fp32.
int64_t loading_float_bytes(const Tensor& tensor) {
  return held_float_bytes(tensor) + (is_block(tensor.type) ? tensor.count() * 4 + tensor.bytes : 0);
}

void load_embedding(const ModelConfig& config, const Checkpoint& checkpoint,
                    ModelWeights* weights) {
  FloatLinear table = read_float(checkpoint, std::string(config.names->embedding) + ".weight",
                                 {config.vocab_size, config.hidden_size});
  weights->embedding_type = float_weight_type(table.type);
  weights->embedding = std::move(table.bits);
}

// What packing holds of a linear.
int64_t plan_linear_bytes(const ModelConfig& config, const Checkpoint& checkpoint,
                          const ModulePart& part, WeightFormat format) {
  StoredLinear stored = find_linear(config, checkpoint, part.path, part.n, part.k);
  if (format == WeightFormat::kInt8 && stored.group_size == 0) stored.held = ops::WeightType::kInt8;
  return held_bytes(stored, part.outputs.count, part.inputs.count);
}

}  // namespace

void FormatList::add(const std::string& format) {
  if (std::find(formats_.begin(), formats_.end(), format) == formats_.end())
    formats_.push_back(format);
}

std::string FormatList::text() const {
  std::string text;
  for (const std::string& format : formats_) text += (text.empty() ? "" : ", ") + format;
  return text;
}

std::string describe_linear(const ModelConfig& config, const StoredLinear& stored,
                            ops::WeightType held, WeightFormat format) {
  const std::string name = weight_type_name(held);
  if (held == ops::WeightType::kInt8) {
    return stored.format == LinearFormat::kLlmInt8 ? "int8 (llm.int8)"
           : stored.format == LinearFormat::kBlocks && stored.group_size > 0
               ? "int8 g" + std::to_string(stored.group_size) + " (" + stored.name + ")"
           : format == WeightFormat::kInt8 ? "int8 (per channel, rounded at load)"
                                           : name;
  }
  if (held != ops::WeightType::kInt4) {
    return stored.format == LinearFormat::kFloat ? name
                                                 : name + " (decoded from " + stored.name + ")";
  }
  if (stored.format == LinearFormat::kBlocks)
    return "int4 g" + std::to_string(stored.group_size) + " (" + stored.name + ")";
  const QuantizationConfig& quantization = *config.quantization;
  std::string text = "int4 ";
  text += quantization.group_size < 0 ? "row" : "g";
  if (quantization.group_size >= 0) text += std::to_string(quantization.group_size);
  text += quantization.symmetric ? " sym" : " asym";
  if (quantization.act_order) text += " act-order";
  return text + " (" + stored.name + ")";
}

int64_t count_parameters(const ModelConfig& config) {
  const int64_t norm = config.hidden_size * (config.norm == NormKind::kLayer ? 2 : 1);
  int64_t layer = config.norms_of_layer() * norm + (config.qk_norm ? 2 * config.head_dim : 0);
  for (LinearKind kind : kLinearKinds) {
    for (int64_t n : linear_output_sizes(config, kind))
      layer += n * (linear_input_size(config, kind) + (config.bias[kind] ? 1 : 0));
  }
  const int64_t table = config.vocab_size * config.hidden_size;
  return config.layers * layer + norm + (config.tied_head ? table : 2 * table) +
         (config.head_bias ? config.vocab_size : 0);
}

int64_t count_linear_weights(const ModelConfig& config) {
  int64_t layer = 0;
  for (LinearKind kind : kLinearKinds) {
    for (int64_t n : linear_output_sizes(config, kind))
      layer += n * linear_input_size(config, kind);
  }
  return config.layers * layer;
}

int64_t norm_and_bias_bytes(const ModelConfig& config) {
  const int64_t norm = config.hidden_size * (config.norm == NormKind::kLayer ? 2 : 1);
  int64_t layer = config.norms_of_layer() * norm + (config.qk_norm ? 2 * config.head_dim : 0);
  for (LinearKind kind : kLinearKinds) {
    if (!config.bias[kind]) continue;
    for (int64_t n : linear_output_sizes(config, kind)) layer += n;
  }
  const int64_t values = config.layers * layer + norm + (config.head_bias ? config.vocab_size : 0);
  return values * int64_t{sizeof(float)};
}

Norm read_norm(const ModelConfig& config, const Checkpoint& checkpoint, const std::string& path) {
  Norm norm;
  norm.weight = checkpoint.read_float32(path + ".weight", {config.hidden_size});
  if (config.norm == NormKind::kLayer)
    norm.bias = checkpoint.read_float32(path + ".bias", {config.hidden_size});
  return norm;
}

std::string head_path(const ModelConfig& config) {
  return config.tied_head ? config.names->embedding : "lm_head";
}

const char* linear_kind_name(LinearKind kind) {
  constexpr const char* kNames[] = {"qkv", "o", "gate_up", "down"};
  return kNames[static_cast<int>(kind)];
}

const std::vector<std::string>& linear_module_names(const ModelConfig& config, LinearKind kind) {
  return config.names->modules[kind];
}

std::string linear_module_path(const ModelConfig& config, int64_t layer,
                               const std::string& module) {
  return config.names->layers + std::to_string(layer) + "." + module;
}

std::vector<int64_t> linear_output_sizes(const ModelConfig& config, LinearKind kind) {
  switch (kind) {
    case LinearKind::kQkv:
      return {config.q_size(), config.kv_size(), config.kv_size()};
    case LinearKind::kGateUp:
      return std::vector<int64_t>(linear_module_names(config, kind).size(),
                                  config.intermediate_size);
    default:
      return {config.hidden_size};
  }
}

int64_t linear_input_size(const ModelConfig& config, LinearKind kind) {
  switch (kind) {
    case LinearKind::kO:
      return config.q_size();
    case LinearKind::kDown:
      return config.intermediate_size;
    default:
      return config.hidden_size;
  }
}

int64_t Linear::bytes() const {
  int64_t total = 0;
  for (const ops::LinearWeight& part : parts) total += part.bytes;
  return total + static_cast<int64_t>(bias.size() * sizeof(float));
}

int64_t Norm::bytes() const {
  return static_cast<int64_t>((weight.size() + bias.size()) * sizeof(float));
}

int64_t LayerWeights::norm_bytes() const {
  return attention_norm.bytes() + mlp_norm.bytes() +
         static_cast<int64_t>((q_norm.size() + k_norm.size()) * sizeof(float));
}

const Linear& LayerWeights::linear(LinearKind kind) const {
  switch (kind) {
    case LinearKind::kQkv:
      return qkv;
    case LinearKind::kO:
      return o;
    case LinearKind::kGateUp:
      return gate_up;
    case LinearKind::kDown:
      return down;
  }
  throw Error(kInternal, "no such kind of linear");
}

Linear& LayerWeights::linear(LinearKind kind) {
  return const_cast<Linear&>(static_cast<const LayerWeights*>(this)->linear(kind));
}

int64_t plan_weight_bytes(const ModelConfig& config, const Checkpoint& checkpoint,
                          WeightFormat format, int64_t ranks) {
  const TensorShard shard = {0, ranks};
  const int64_t table =
      held_float_bytes(find_float(checkpoint, std::string(config.names->embedding) + ".weight",
                                  {config.vocab_size, config.hidden_size}));
  int64_t total = table + norm_and_bias_bytes(shard_config(config, ranks));
  total += config.tied_head ? table / ranks
                            : plan_linear_bytes(config, checkpoint, head_part(config, shard),
                                                WeightFormat::kCheckpoint);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (LinearKind kind : kLinearKinds) {
      for (const ModulePart& part : linear_parts(config, layer, kind, shard))
        total += plan_linear_bytes(config, checkpoint, part, format);
    }
  }
  return total;
}

int64_t plan_loading_bytes(const ModelConfig& config, const Checkpoint& checkpoint,
                           WeightFormat format) {
  const int64_t vocab_values = config.vocab_size * config.hidden_size;
  // The head's copy, never joined: at most fp32, or a byte a value and the words it came from.
  int64_t most = 2 * vocab_values;
  if (config.tied_head || checkpoint.has("lm_head.weight")) {
    most = loading_float_bytes(find_float(checkpoint, head_path(config) + ".weight",
                                          {config.vocab_size, config.hidden_size}));
  }
  for (LinearKind kind : kLinearKinds) {
    const auto& modules = linear_module_names(config, kind);
    const auto sizes = linear_output_sizes(config, kind);
    const int64_t k = linear_input_size(config, kind);
    int64_t needed = 0;
    for (size_t i = 0; i < modules.size(); ++i) {
      const std::string path = linear_module_path(config, 0, modules[i]);
      const int64_t values = sizes[i] * k;
      const StoredLinear stored = find_linear(config, checkpoint, path, sizes[i], k);
      // Each read, all joined, and a vector that moves as it grows.
      if (stored.held == ops::WeightType::kInt4 || stored.held == ops::WeightType::kInt8) {
        needed += 3 * values;
      } else {
        needed += 3 * held_bytes(stored, sizes[i], k);
        if (stored.format != LinearFormat::kFloat) needed += 4 * values;  // decoded, in fp32
        if (format == WeightFormat::kInt8) needed += 5 * values;          // in fp32 and rounded
      }
    }
    most = std::max(most, needed);
  }
  return most;
}

void pack_linear(const SourceLinear& source, int64_t slices, Linear* linear) {
  linear->n += source.n;
  linear->k = source.k;
  linear->slices = slices;
  if (slices == 1) {
    linear->parts.push_back(pack(source));
    return;
  }
  const int64_t inputs = source.k / slices;
  for (int64_t slice = 0; slice < slices; ++slice)
    linear->parts.push_back(pack(cut_linear(source, {0, source.n}, {slice * inputs, inputs})));
}

ModelWeights load_weights(const ModelConfig& config, const Checkpoint& checkpoint,
                          WeightFormat format, const TensorShard& shard, int64_t row_slices) {
  ModelWeights weights;
  FormatList formats, head_format;
  load_embedding(config, checkpoint, &weights);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    LayerWeights& out = weights.layers.emplace_back();
    const auto path = [&](const std::string& module) {
      return linear_module_path(config, layer, module);
    };
    out.attention_norm = read_norm(config, checkpoint, path(config.names->attention_norm));
    if (!config.parallel)
      out.mlp_norm = read_norm(config, checkpoint, path(config.names->mlp_norm));
    if (config.qk_norm) {
      out.q_norm = checkpoint.read_float32(path("self_attn.q_norm.weight"), {config.head_dim});
      out.k_norm = checkpoint.read_float32(path("self_attn.k_norm.weight"), {config.head_dim});
    }
    for (LinearKind kind : kLinearKinds) {
      const std::vector<ModulePart> parts = linear_parts(config, layer, kind, shard);
      const int64_t slices = splits_inputs(kind) ? row_slices : 1;
      Linear& linear = out.linear(kind);
      linear = load_linear(config, checkpoint, parts, format, slices, &formats);
      linear.bias = read_bias(checkpoint, parts, config.bias[kind]);
    }
  }
  weights.final_norm = read_norm(config, checkpoint, config.names->final_norm);
  ModulePart head = head_part(config, shard);
  weights.head =
      load_linear(config, checkpoint, {head}, WeightFormat::kCheckpoint, 1, &head_format);
  head.path = "lm_head";  // has a bias of its own where the weight is the embedding's
  weights.head.bias = read_bias(checkpoint, {head}, config.head_bias);
  weights.format = formats.text();
  weights.parameters = count_parameters(config);
  return weights;
}

std::vector<float> read_linear_float32(const ModelConfig& config, const Checkpoint& checkpoint,
                                       const std::string& module_path, int64_t n, int64_t k) {
  return decode_linear(config, checkpoint, module_path, n, k);
}

}  // namespace loadmark
