// A format shows in its tensors' names; config.json must agree.
#include "model/stored_linear.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/float16.h"
#include "model/json_section.h"

namespace loadmark {
namespace {

constexpr const char* kNf4State = ".weight.quant_state.bitsandbytes__nf4";
constexpr const char* kFp4State = ".weight.quant_state.bitsandbytes__fp4";

int64_t bytes_of(const Checkpoint& checkpoint, const std::string& path,
                 std::initializer_list<const char*> suffixes) {
  int64_t total = 0;
  for (const char* suffix : suffixes) {
    if (checkpoint.has(path + suffix)) total += checkpoint.find(path + suffix).bytes;
  }
  return total;
}

// The configuration that tensor `name` needs.
const QuantizationConfig& require_method(const ModelConfig& config, const std::string& name,
                                         std::initializer_list<QuantMethod> methods) {
  if (!config.quantization.has_value()) {
    throw Error(kBadCheckpoint,
                "tensor " + name + " needs a quantization_config; config.json has none");
  }
  std::string names;
  for (const QuantMethod method : methods)
    names += (names.empty() ? "" : " or ") + std::string(quant_method_name(method));
  const bool fits =
      std::find(methods.begin(), methods.end(), config.quantization->method) != methods.end();
  if (!fits) {
    throw Error(kBadCheckpoint, "tensor " + name + " is of " + names +
                                    "; config.json's quantization_config says " +
                                    quant_method_name(config.quantization->method));
  }
  return *config.quantization;
}

StoredLinear find_packed(const QuantizationConfig& quantization, const Checkpoint& checkpoint,
                         const std::string& path, int64_t k) {
  StoredLinear linear{.format = LinearFormat::kCompressedTensors,
                      .name = "compressed-tensors",
                      .held = ops::WeightType::kInt4,
                      .group_size = effective_group(quantization, k),
                      .symmetric = quantization.symmetric,
                      .act_order = quantization.act_order,
                      .reason = {}};
  linear.stored_bytes = bytes_of(
      checkpoint, path, {".weight_packed", ".weight_scale", ".weight_zero_point", ".weight_g_idx"});
  if (!scales_fit_float16(checkpoint.find(path + ".weight_scale"))) {
    linear.held = ops::WeightType::kFloat32;
    linear.reason = "some scale is no fp16 number, which int4 needs: decoded to fp32";
  }
  return linear;
}

StoredLinear find_nf4(const Checkpoint& checkpoint, const std::string& path, int64_t n, int64_t k) {
  const Nf4State state = read_nf4_state(checkpoint, path, n, k);
  StoredLinear linear{.format = LinearFormat::kNf4,
                      .name = "nf4",
                      .held = float_weight_type(state.type),
                      .reason = {}};
  if (state.nested) linear.name += ", double quantized";
  linear.stored_bytes = bytes_of(checkpoint, path,
                                 {".weight", ".weight.absmax", ".weight.quant_map",
                                  ".weight.nested_absmax", ".weight.nested_quant_map"});
  linear.reason = std::string("its levels are not evenly spaced: decoded to ") +
                  weight_type_name(linear.held) + ", which bitsandbytes computes with";
  return linear;
}

StoredLinear find_plain(const Checkpoint& checkpoint, const std::string& path, int64_t n,
                        int64_t k) {
  const Tensor& tensor = find_float(checkpoint, path + ".weight", {n, k});
  StoredLinear linear{.name = data_type_name(tensor.type),
                      .held = float_weight_type(held_type(tensor.type)),
                      .stored_bytes = tensor.bytes,
                      .reason = {}};
  if (!is_block(tensor.type)) {
    linear.name = weight_type_name(linear.held);
    return linear;
  }
  linear.format = LinearFormat::kBlocks;
  if (tensor.type == DataType::kQ4_0) {
    linear.held = ops::WeightType::kInt4;
    linear.group_size = 32;
    linear.symmetric = false;  // where scales are negative, zero points are 7
  } else if (tensor.type == DataType::kQ4_1) {
    linear.held = ops::WeightType::kInt4;
    linear.group_size = 32;
    linear.symmetric = false;
    linear.offsets = linear.gpu_decodes = true;
  } else if (tensor.type == DataType::kQ8_0) {
    linear.held = ops::WeightType::kInt8;
    linear.group_size = 32;
    linear.gpu_decodes = true;
  } else {
    linear.reason = "its blocks are no int4 with whole zero points: decoded to fp16";
  }
  return linear;
}

}  // namespace

StoredLinear find_linear(const ModelConfig& config, const Checkpoint& checkpoint,
                         const std::string& path, int64_t n, int64_t k) {
  const auto int4 = [&](LinearFormat format, const QuantizationConfig& quantization,
                        std::initializer_list<const char*> tensors) {
    return StoredLinear{.format = format,
                        .name = quant_method_name(quantization.method),
                        .held = ops::WeightType::kInt4,
                        .group_size = effective_group(quantization, k),
                        .symmetric = quantization.symmetric,
                        .act_order = quantization.act_order,
                        .stored_bytes = bytes_of(checkpoint, path, tensors),
                        .reason = {}};
  };
  if (checkpoint.has(path + ".qweight")) {
    const QuantizationConfig& quantization =
        require_method(config, path + ".qweight", {QuantMethod::kGptq, QuantMethod::kAwq});
    const bool awq = quantization.method == QuantMethod::kAwq;
    return int4(awq ? LinearFormat::kAwq : LinearFormat::kGptq, quantization,
                {".qweight", ".qzeros", ".scales", ".g_idx"});
  }
  if (checkpoint.has(path + ".weight_packed")) {
    return find_packed(
        require_method(config, path + ".weight_packed", {QuantMethod::kCompressedTensors}),
        checkpoint, path, k);
  }
  if (checkpoint.has(path + ".B")) {
    return int4(LinearFormat::kMarlin, require_method(config, path + ".B", {QuantMethod::kMarlin}),
                {".B", ".s"});
  }
  if (checkpoint.has(path + kFp4State)) {
    throw Error(kUnsupportedModel,
                "tensor " + path + ".weight is fp4 of bitsandbytes; allowed: nf4");
  }
  if (checkpoint.has(path + kNf4State)) {
    require_method(config, path + kNf4State, {QuantMethod::kBitsAndBytes4});
    return find_nf4(checkpoint, path, n, k);
  }
  if (checkpoint.has(path + ".SCB")) {
    require_method(config, path + ".SCB", {QuantMethod::kBitsAndBytes8});
    return {.format = LinearFormat::kLlmInt8,
            .name = "llm.int8",
            .held = ops::WeightType::kInt8,
            .stored_bytes = bytes_of(checkpoint, path, {".weight", ".SCB"}),
            .reason = {}};
  }
  return find_plain(checkpoint, path, n, k);
}

int64_t held_bytes(const StoredLinear& linear, int64_t n, int64_t k) {
  switch (linear.held) {
    case ops::WeightType::kInt4:  // a scale, a zero and their product per group, a column order
      return n * k / 2 + (k + linear.group_size - 1) / linear.group_size * n * 12 + 4 * k +
             (linear.act_order ? n * k / 2 : 0);  // scattered groups, filled up where they are cut
    case ops::WeightType::kInt8:
      if (linear.group_size > 0)
        return n * k + (k + linear.group_size - 1) / linear.group_size * n * 4;
      return n * k + 8 * n;
    case ops::WeightType::kFloat32:
      return 4 * n * k;
    default:
      return 2 * n * k;
  }
}

int64_t effective_group(const QuantizationConfig& quantization, int64_t k) {
  return quantization.group_size < 0 ? k : std::min(quantization.group_size, k);
}

const Tensor& find_float(const Checkpoint& checkpoint, const std::string& name,
                         const std::vector<int64_t>& shape) {
  const Tensor& tensor = checkpoint.find(name, shape);
  if (!is_float(tensor.type) && !is_block(tensor.type)) {
    throw Error(kBadCheckpoint, "tensor " + name + " has dtype " + data_type_name(tensor.type) +
                                    "; allowed: F32, BF16, F16");
  }
  return tensor;
}

DataType held_type(DataType type) { return is_block(type) ? DataType::kFloat16 : type; }

int64_t held_float_bytes(const Tensor& tensor) {
  return tensor.count() * data_type_bytes(held_type(tensor.type));
}

ops::WeightType float_weight_type(DataType type) {
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

const char* weight_type_name(ops::WeightType type) {
  constexpr const char* kNames[] = {"fp32", "bf16", "fp16", "int8", "int4"};
  return kNames[static_cast<int>(type)];
}

bool scales_fit_float16(const Tensor& scales) {
  if (scales.type == DataType::kFloat16) return true;
  for (const float value : decode_float32(scales)) {
    if (std::isfinite(value) && float16_to_float(float_to_float16(value)) != value) return false;
  }
  return true;
}

Nf4State read_nf4_state(const Checkpoint& checkpoint, const std::string& path, int64_t n,
                        int64_t k) {
  const std::string name = path + kNf4State;
  const Tensor& tensor = checkpoint.find(name);
  const Json json =
      parse_json({reinterpret_cast<const char*>(tensor.data), static_cast<size_t>(tensor.bytes)},
                 "tensor " + name);
  const JsonSection section(json, "tensor " + name + ": ");
  if (section.string("quant_type", "") != "nf4")
    section.refuse(kUnsupportedModel, "quant_type", "\"nf4\"");
  Nf4State state;
  state.block = section.integer("blocksize", 1, int64_t{1} << 20);
  const std::string type = section.string("dtype", "");
  if (type == "bfloat16") {
    state.type = DataType::kBFloat16;
  } else if (type == "float16") {
    state.type = DataType::kFloat16;
  } else if (type != "float32") {
    section.refuse(kUnsupportedModel, "dtype", "\"bfloat16\", \"float16\" or \"float32\"");
  }
  const Json* shape = section.find("shape");
  const Json::Array* sizes = shape == nullptr ? nullptr : shape->array();
  const auto is = [&](size_t at, int64_t size) {
    const int64_t* found = (*sizes)[at].integer();
    return found != nullptr && *found == size;
  };
  if (sizes == nullptr || sizes->size() != 2 || !is(0, n) || !is(1, k))
    section.refuse(kBadCheckpoint, "shape", shape_text({n, k}) + ", which config.json asks for");
  state.nested = section.find("nested_blocksize") != nullptr;
  if (state.nested) {
    state.nested_block = section.integer("nested_blocksize", 1, int64_t{1} << 20);
    double offset = 0;
    const Json* value = section.find("nested_offset");
    if (value == nullptr || !value->number(&offset) || !std::isfinite(offset))
      section.refuse(kBadCheckpoint, "nested_offset", "a number");
    state.nested_offset = static_cast<float>(offset);
  }
  return state;
}

}  // namespace loadmark
