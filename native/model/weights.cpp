// One linear at a time: read what its tensors hold, fuse what can be fused, pack, forget the
// source.
#include "model/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <variant>

#include "base/error.h"
#include "base/float16.h"

namespace loadmark {
namespace {

// A linear as the checkpoint holds it, before packing. The bits are an aligned copy, (n, k): a
// vector's memory is aligned for every scalar.
struct FloatLinear {
  DataType type;
  std::vector<uint8_t> bits;
};
struct SourceLinear {
  std::string path;
  int64_t n = 0, k = 0;
  std::variant<FloatLinear, Int4Weight> content;
};

ops::WeightType weight_type(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return ops::WeightType::kFloat32;
    case DataType::kBFloat16:
      return ops::WeightType::kBFloat16;
    case DataType::kFloat16:
      return ops::WeightType::kFloat16;
    default:
      throw Error(kInternal, "no float weight type");
  }
}

const Tensor& find_float(const Checkpoint& checkpoint, const std::string& name,
                         const std::vector<int64_t>& shape) {
  const Tensor& tensor = checkpoint.find(name, shape);
  if (tensor.type != DataType::kFloat32 && tensor.type != DataType::kBFloat16 &&
      tensor.type != DataType::kFloat16) {
    throw Error(kBadCheckpoint, "tensor " + name + " has dtype " + data_type_name(tensor.type) +
                                    "; allowed: F32, BF16, F16");
  }
  return tensor;
}

const Tensor& find_typed(const Checkpoint& checkpoint, const std::string& name,
                         const std::vector<int64_t>& shape, DataType type) {
  const Tensor& tensor = checkpoint.find(name, shape);
  if (tensor.type != type) {
    throw Error(kBadCheckpoint, "tensor " + name + " has dtype " + data_type_name(tensor.type) +
                                    "; allowed: " + data_type_name(type));
  }
  return tensor;
}

// An infinity or NaN has every exponent bit set.
void require_finite(const Tensor& tensor, const uint8_t* aligned) {
  int64_t bad = -1;
  if (tensor.type == DataType::kFloat32) {
    const auto* bits = reinterpret_cast<const uint32_t*>(aligned);
    for (int64_t i = 0; i < tensor.count() && bad < 0; ++i) {
      if ((bits[i] & 0x7f800000u) == 0x7f800000u) bad = i;
    }
  } else {
    const uint16_t exponent = tensor.type == DataType::kBFloat16 ? 0x7f80 : 0x7c00;
    const auto* bits = reinterpret_cast<const uint16_t*>(aligned);
    for (int64_t i = 0; i < tensor.count() && bad < 0; ++i) {
      if ((bits[i] & exponent) == exponent) bad = i;
    }
  }
  if (bad >= 0) {
    throw Error(kBadCheckpoint, "tensor " + tensor.name + " holds an infinity or NaN at element " +
                                    std::to_string(bad) + "; allowed: finite values");
  }
}

template <class T>
std::vector<T> aligned_copy(const Tensor& tensor) {
  std::vector<T> copy((static_cast<size_t>(tensor.bytes) + sizeof(T) - 1) / sizeof(T));
  if (tensor.bytes > 0) std::memcpy(copy.data(), tensor.data, static_cast<size_t>(tensor.bytes));
  return copy;
}

int64_t effective_group(const QuantizationConfig& quantization, int64_t k) {
  return quantization.group_size < 0 ? k : std::min(quantization.group_size, k);
}

Int4Weight read_gptq(const QuantizationConfig& quantization, const Checkpoint& checkpoint,
                     const std::string& path, int64_t n, int64_t k) {
  if (n % 8 != 0 || k % 8 != 0) {
    throw Error(kBadCheckpoint, path + " is " + std::to_string(n) + " x " + std::to_string(k) +
                                    "; allowed for GPTQ int4: multiples of 8");
  }
  const int64_t group = effective_group(quantization, k);
  const int64_t groups = (k + group - 1) / group;
  const auto words = [&](const char* name, std::vector<int64_t> shape) {
    return aligned_copy<int32_t>(find_typed(checkpoint, path + name, shape, DataType::kInt32));
  };
  const auto qweight = words(".qweight", {k / 8, n});
  const auto qzeros = words(".qzeros", {groups, n / 8});
  const auto scales = aligned_copy<uint16_t>(
      find_typed(checkpoint, path + ".scales", {groups, n}, DataType::kFloat16));
  std::vector<int32_t> g_idx;
  if (quantization.act_order || checkpoint.has(path + ".g_idx")) g_idx = words(".g_idx", {k});
  Int4Weight weight;
  try {
    weight =
        unpack_gptq(qweight.data(), qzeros.data(), scales.data(),
                    g_idx.empty() ? nullptr : g_idx.data(), n, k, group, quantization.convention);
  } catch (const Error& error) {
    throw Error(error.code(), path + ": " + error.what());
  }
  if (quantization.symmetric && !weight.symmetric) {
    const auto other = std::find_if(weight.zero.begin(), weight.zero.end(),
                                    [](uint8_t zero) { return zero != 8; });
    throw Error(kBadCheckpoint,
                path + ": a zero point is " + std::to_string(*other) +
                    "; with sym true every one must be 8 (is checkpoint_format right?)");
  }
  return weight;
}

void refuse_bias(const Checkpoint& checkpoint, const std::string& path, int64_t n) {
  const std::string name = path + ".bias";
  if (!checkpoint.has(name)) return;
  for (float value : checkpoint.read_float32(name, {n})) {
    if (value != 0.0f) {
      throw Error(kUnsupportedModel, "tensor " + name + " holds " + std::to_string(value) +
                                         "; allowed: no bias, or zeros");
    }
  }
}

bool is_gptq(const ModelConfig& config, const Checkpoint& checkpoint, const std::string& path) {
  if (!checkpoint.has(path + ".qweight")) return false;
  if (!config.quantization.has_value()) {
    throw Error(kBadCheckpoint,
                "tensor " + path + ".qweight needs a quantization_config; config.json has none");
  }
  return true;
}

SourceLinear read_linear(const ModelConfig& config, const Checkpoint& checkpoint,
                         const std::string& path, int64_t n, int64_t k) {
  refuse_bias(checkpoint, path, n);
  if (is_gptq(config, checkpoint, path)) {
    return {path, n, k, read_gptq(*config.quantization, checkpoint, path, n, k)};
  }
  const Tensor& tensor = find_float(checkpoint, path + ".weight", {n, k});
  FloatLinear source{tensor.type, aligned_copy<uint8_t>(tensor)};
  require_finite(tensor, source.bits.data());
  return {path, n, k, std::move(source)};
}

bool can_fuse(const SourceLinear& a, const SourceLinear& b) {
  if (a.content.index() != b.content.index()) return false;
  if (const auto* x = std::get_if<FloatLinear>(&a.content)) {
    return x->type == std::get<FloatLinear>(b.content).type;
  }
  const auto& x = std::get<Int4Weight>(a.content);
  const auto& y = std::get<Int4Weight>(b.content);
  return x.group_size == y.group_size && x.g_idx == y.g_idx;
}

// (groups, a.n) and (groups, b.n) -> (groups, a.n + b.n)
template <class T>
std::vector<T> beside(const std::vector<T>& a, const std::vector<T>& b, int64_t groups) {
  const int64_t a_n = static_cast<int64_t>(a.size()) / groups,
                b_n = static_cast<int64_t>(b.size()) / groups;
  std::vector<T> out;
  out.reserve(a.size() + b.size());
  for (int64_t g = 0; g < groups; ++g) {
    out.insert(out.end(), a.begin() + g * a_n, a.begin() + (g + 1) * a_n);
    out.insert(out.end(), b.begin() + g * b_n, b.begin() + (g + 1) * b_n);
  }
  return out;
}

void fuse_into(SourceLinear* a, const SourceLinear& b) {
  if (auto* x = std::get_if<FloatLinear>(&a->content)) {
    const auto& y = std::get<FloatLinear>(b.content);
    x->bits.insert(x->bits.end(), y.bits.begin(), y.bits.end());
  } else {
    auto& w = std::get<Int4Weight>(a->content);
    const auto& y = std::get<Int4Weight>(b.content);
    w.scale = beside(w.scale, y.scale, w.groups());
    w.zero = beside(w.zero, y.zero, w.groups());
    w.q.insert(w.q.end(), y.q.begin(), y.q.end());
    w.symmetric = w.symmetric && y.symmetric;
    w.n += y.n;
  }
  a->n += b.n;
}

void to_float32(const FloatLinear& source, int64_t count, float* out) {
  if (source.type == DataType::kFloat32) {
    std::memcpy(out, source.bits.data(), static_cast<size_t>(count) * sizeof(float));
    return;
  }
  const auto* bits = reinterpret_cast<const uint16_t*>(source.bits.data());
  for (int64_t i = 0; i < count; ++i) {
    out[i] =
        source.type == DataType::kBFloat16 ? bfloat16_to_float(bits[i]) : float16_to_float(bits[i]);
  }
}

ops::LinearWeight pack_rounded_int8(const FloatLinear& source, int64_t n, int64_t k) {
  std::vector<float> values(static_cast<size_t>(n * k));
  to_float32(source, n * k, values.data());
  std::vector<int8_t> q(values.size());
  std::vector<float> scales(static_cast<size_t>(n));
  for (int64_t row = 0; row < n; ++row) {
    const float* w = values.data() + row * k;
    float absmax = 0;
    for (int64_t i = 0; i < k; ++i) absmax = std::max(absmax, std::fabs(w[i]));
    const float scale = absmax > 0 ? absmax / 127.0f : 1.0f;
    scales[static_cast<size_t>(row)] = scale;
    for (int64_t i = 0; i < k; ++i) {
      const float rounded = std::nearbyint(w[i] / scale);
      q[static_cast<size_t>(row * k + i)] =
          static_cast<int8_t>(std::clamp(rounded, -127.0f, 127.0f));
    }
  }
  return ops::pack_int8(q.data(), scales.data(), n, k);
}

ops::LinearWeight pack(const SourceLinear& source, WeightFormat format) {
  if (const auto* weight = std::get_if<Int4Weight>(&source.content)) return ops::pack_int4(*weight);
  const auto& values = std::get<FloatLinear>(source.content);
  if (format == WeightFormat::kInt8) return pack_rounded_int8(values, source.n, source.k);
  if (values.type == DataType::kFloat32) {
    return ops::pack_float32(reinterpret_cast<const float*>(values.bits.data()), source.n,
                             source.k);
  }
  const auto* bits = reinterpret_cast<const uint16_t*>(values.bits.data());
  return values.type == DataType::kBFloat16 ? ops::pack_bfloat16(bits, source.n, source.k)
                                            : ops::pack_float16(bits, source.n, source.k);
}

Linear load_linear(const ModelConfig& config, const Checkpoint& checkpoint,
                   const std::vector<std::string>& paths, const std::vector<int64_t>& sizes,
                   int64_t k, WeightFormat format) {
  std::vector<SourceLinear> sources;
  for (size_t i = 0; i < paths.size(); ++i) {
    sources.push_back(read_linear(config, checkpoint, paths[i], sizes[i], k));
  }
  const bool fused = std::all_of(sources.begin(), sources.end(), [&](const SourceLinear& other) {
    return can_fuse(sources.front(), other);
  });
  if (fused) {
    for (size_t i = 1; i < sources.size(); ++i) fuse_into(&sources.front(), sources[i]);
    sources.resize(1);
  }
  Linear linear;
  linear.k = k;
  for (const SourceLinear& source : sources) {
    linear.n += source.n;
    linear.parts.push_back(pack(source, format));
  }
  return linear;
}

void load_embedding(const ModelConfig& config, const Checkpoint& checkpoint,
                    ModelWeights* weights) {
  const Tensor& tensor =
      find_float(checkpoint, "model.embed_tokens.weight", {config.vocab_size, config.hidden_size});
  weights->embedding = aligned_copy<uint8_t>(tensor);
  require_finite(tensor, weights->embedding.data());
  weights->embedding_type = weight_type(tensor.type);
}

std::string describe_format(const ModelConfig& config, const ModelWeights& weights,
                            WeightFormat format) {
  const ops::LinearWeight& first = weights.layers.front().qkv.parts.front();
  switch (first.type) {
    case ops::WeightType::kFloat32:
      return "fp32";
    case ops::WeightType::kBFloat16:
      return "bf16";
    case ops::WeightType::kFloat16:
      return "fp16";
    case ops::WeightType::kInt8:
      return format == WeightFormat::kInt8 ? "int8 (per channel, rounded at load)" : "int8";
    case ops::WeightType::kInt4:
      break;
  }
  const QuantizationConfig& quantization = *config.quantization;
  std::string text = "int4 ";
  text += quantization.group_size < 0 ? "row" : "g";
  if (quantization.group_size >= 0) text += std::to_string(quantization.group_size);
  text += quantization.symmetric ? " sym" : " asym";
  if (quantization.act_order) text += " act-order";
  return text + " (gptq)";
}

int64_t count_parameters(const ModelConfig& config) {
  int64_t layer = 2 * config.hidden_size;
  for (LinearKind kind : kLinearKinds) {
    for (int64_t n : linear_output_sizes(config, kind))
      layer += n * linear_input_size(config, kind);
  }
  const int64_t table = config.vocab_size * config.hidden_size;
  return config.layers * layer + config.hidden_size + (config.tied_head ? table : 2 * table);
}

// What packing holds for a linear: int4 adds a scale, a zero and their product per group, and a
// column order.
int64_t plan_linear_bytes(const ModelConfig& config, const Checkpoint& checkpoint,
                          const std::string& path, int64_t n, int64_t k, WeightFormat format) {
  if (is_gptq(config, checkpoint, path)) {
    const int64_t group = effective_group(*config.quantization, k);
    return n * k / 2 + (k + group - 1) / group * n * 12 + 4 * k;
  }
  if (format == WeightFormat::kInt8) return n * k + 8 * n;
  return find_float(checkpoint, path + ".weight", {n, k}).bytes;
}

}  // namespace

const char* linear_kind_name(LinearKind kind) {
  constexpr const char* kNames[] = {"qkv", "o", "gate_up", "down"};
  return kNames[static_cast<int>(kind)];
}

std::vector<std::string> linear_module_names(LinearKind kind) {
  switch (kind) {
    case LinearKind::kQkv:
      return {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    case LinearKind::kO:
      return {"self_attn.o_proj"};
    case LinearKind::kGateUp:
      return {"mlp.gate_proj", "mlp.up_proj"};
    case LinearKind::kDown:
      return {"mlp.down_proj"};
  }
  throw Error(kInternal, "no such kind of linear");
}

std::string linear_module_path(int64_t layer, const std::string& module) {
  return "model.layers." + std::to_string(layer) + "." + module;
}

std::vector<int64_t> linear_output_sizes(const ModelConfig& config, LinearKind kind) {
  switch (kind) {
    case LinearKind::kQkv:
      return {config.q_size(), config.kv_size(), config.kv_size()};
    case LinearKind::kGateUp:
      return {config.intermediate_size, config.intermediate_size};
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
  return total;
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
                          WeightFormat format) {
  const int64_t table =
      find_float(checkpoint, "model.embed_tokens.weight", {config.vocab_size, config.hidden_size})
          .bytes;
  int64_t total = table + (2 * config.layers + 1) * config.hidden_size * int64_t{sizeof(float)};
  total += config.tied_head ? table
                            : plan_linear_bytes(config, checkpoint, "lm_head", config.vocab_size,
                                                config.hidden_size, WeightFormat::kCheckpoint);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (LinearKind kind : kLinearKinds) {
      const auto modules = linear_module_names(kind);
      const auto sizes = linear_output_sizes(config, kind);
      for (size_t i = 0; i < modules.size(); ++i) {
        total += plan_linear_bytes(config, checkpoint, linear_module_path(layer, modules[i]),
                                   sizes[i], linear_input_size(config, kind), format);
      }
    }
  }
  return total;
}

ModelWeights load_weights(const ModelConfig& config, const Checkpoint& checkpoint,
                          WeightFormat format) {
  ModelWeights weights;
  load_embedding(config, checkpoint, &weights);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    LayerWeights& out = weights.layers.emplace_back();
    const auto norm = [&](const char* module) {
      return checkpoint.read_float32(linear_module_path(layer, module) + ".weight",
                                     {config.hidden_size});
    };
    out.attention_norm = norm("input_layernorm");
    out.mlp_norm = norm("post_attention_layernorm");
    for (LinearKind kind : kLinearKinds) {
      std::vector<std::string> paths;
      for (const std::string& module : linear_module_names(kind))
        paths.push_back(linear_module_path(layer, module));
      out.linear(kind) = load_linear(config, checkpoint, paths, linear_output_sizes(config, kind),
                                     linear_input_size(config, kind), format);
    }
  }
  weights.final_norm = checkpoint.read_float32("model.norm.weight", {config.hidden_size});
  const std::string head = config.tied_head ? "model.embed_tokens" : "lm_head";
  weights.head = load_linear(config, checkpoint, {head}, {config.vocab_size}, config.hidden_size,
                             WeightFormat::kCheckpoint);
  weights.format = describe_format(config, weights, format);
  weights.parameters = count_parameters(config);
  return weights;
}

std::vector<float> read_linear_float32(const ModelConfig& config, const Checkpoint& checkpoint,
                                       const std::string& module_path, int64_t n, int64_t k) {
  const SourceLinear source = read_linear(config, checkpoint, module_path, n, k);
  std::vector<float> values(static_cast<size_t>(n * k));
  if (const auto* weight = std::get_if<Int4Weight>(&source.content)) {
    dequantize(*weight, values.data());
  } else {
    to_float32(std::get<FloatLinear>(source.content), n * k, values.data());
  }
  return values;
}

}  // namespace loadmark
