// Shapes follow from n and k alone: a tensor of another shape is refused before it is read.
#include "model/linear_formats.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/float16.h"
#include "quant/awq_format.h"
#include "quant/marlin_format.h"
#include "quant/nf4.h"
#include "quant/packed_format.h"

namespace loadmark {
namespace {

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

// One linear's tensors by their suffix.
struct LinearReader {
  const Checkpoint& checkpoint;
  const std::string& path;
  int64_t n, k;

  std::vector<int32_t> words(const char* suffix, std::vector<int64_t> shape) const {
    return aligned_copy<int32_t>(find_typed(checkpoint, path + suffix, shape, DataType::kInt32));
  }
  std::vector<uint16_t> halves(const char* suffix, std::vector<int64_t> shape) const {
    return aligned_copy<uint16_t>(find_typed(checkpoint, path + suffix, shape, DataType::kFloat16));
  }
  std::vector<float> floats(const std::string& suffix, std::vector<int64_t> shape) const {
    find_typed(checkpoint, path + suffix, shape, DataType::kFloat32);
    return checkpoint.read_float32(path + suffix, shape);
  }
  void require_multiples(int64_t of_n, int64_t of_k, const char* format) const {
    if (n % of_n == 0 && k % of_k == 0) return;
    throw Error(kBadCheckpoint, path + " is " + std::to_string(n) + " x " + std::to_string(k) +
                                    "; allowed for " + format + ": multiples of " +
                                    std::to_string(of_n) + " and " + std::to_string(of_k));
  }
  // What a decoder says, with the linear's name before it.
  template <class Call>
  auto named(Call call) const {
    try {
      return call();
    } catch (const Error& error) {
      throw Error(error.code(), path + ": " + error.what());
    }
  }

  Int4Weight gptq(const QuantizationConfig& quantization) const;
  Int4Weight awq(const QuantizationConfig& quantization) const;
  Int4Weight packed(const QuantizationConfig& quantization) const;
  Int4Weight marlin(const QuantizationConfig& quantization) const;
  LinearContent blocks() const;
  std::vector<float> nf4() const;
  Int8Linear int8() const;

 private:
  void require_symmetric(const Int4Weight& weight) const;
};

void LinearReader::require_symmetric(const Int4Weight& weight) const {
  const auto other =
      std::find_if(weight.zero.begin(), weight.zero.end(), [](uint8_t zero) { return zero != 8; });
  if (other == weight.zero.end()) return;
  throw Error(kBadCheckpoint, path + ": a zero point is " + std::to_string(*other) +
                                  "; with sym true every one must be 8 (is checkpoint_format "
                                  "right?)");
}

Int4Weight LinearReader::gptq(const QuantizationConfig& quantization) const {
  require_multiples(8, 8, "GPTQ int4");
  const int64_t group = effective_group(quantization, k);
  const int64_t groups = (k + group - 1) / group;
  const auto qweight = words(".qweight", {k / 8, n});
  const auto qzeros = words(".qzeros", {groups, n / 8});
  const auto scales = halves(".scales", {groups, n});
  std::vector<int32_t> g_idx;
  if (quantization.act_order || checkpoint.has(path + ".g_idx")) g_idx = words(".g_idx", {k});
  const int32_t* order = g_idx.empty() ? nullptr : g_idx.data();
  std::optional<ZeroConvention> convention = quantization.convention;
  if (!convention)
    convention = detect_convention(qweight.data(), qzeros.data(), order, n, k, group);
  if (!convention) {
    throw Error(kBadCheckpoint,
                path +
                    ": its zero points fit neither of GPTQ's formats (v1 stores them less 1, v2 "
                    "as they are), and quantization_config has no checkpoint_format; allowed: "
                    "\"gptq\" or \"gptq_v2\" there");
  }
  Int4Weight weight = named([&] {
    return unpack_gptq(qweight.data(), qzeros.data(), scales.data(), order, n, k, group,
                       *convention);
  });
  if (quantization.symmetric) require_symmetric(weight);
  return weight;
}

Int4Weight LinearReader::awq(const QuantizationConfig& quantization) const {
  require_multiples(8, 1, "AWQ");
  const int64_t group = effective_group(quantization, k);
  const int64_t groups = (k + group - 1) / group;
  const auto qweight = words(".qweight", {k, n / 8});
  const auto qzeros = words(".qzeros", {groups, n / 8});
  const auto scales = halves(".scales", {groups, n});
  Int4Weight weight =
      named([&] { return unpack_awq(qweight.data(), qzeros.data(), scales.data(), n, k, group); });
  if (quantization.symmetric) require_symmetric(weight);
  return weight;
}

// Scales stay fp32 here: where one is no fp16 number, the caller decodes.
Int4Weight LinearReader::packed(const QuantizationConfig& quantization) const {
  const int64_t group = effective_group(quantization, k);
  const int64_t groups = (k + group - 1) / group;
  const std::string shape_name = path + ".weight_shape";
  if (checkpoint.has(shape_name)) {
    const auto shape =
        aligned_copy<int64_t>(find_typed(checkpoint, shape_name, {2}, DataType::kInt64));
    if (shape[0] != n || shape[1] != k) {
      throw Error(kBadCheckpoint, "tensor " + shape_name + " holds " + shape_text(shape) +
                                      "; config.json asks for " + shape_text({n, k}));
    }
  }
  const auto weights = words(".weight_packed", {n, (k + 7) / 8});
  const auto scales = checkpoint.read_float32(path + ".weight_scale", {n, groups});
  std::vector<int32_t> zeros, g_idx;
  if (!quantization.symmetric) zeros = words(".weight_zero_point", {(n + 7) / 8, groups});
  if (quantization.act_order) g_idx = words(".weight_g_idx", {k});
  return named([&] {
    return unpack_packed(weights.data(), scales, zeros.empty() ? nullptr : zeros.data(),
                         g_idx.empty() ? nullptr : g_idx.data(), n, k, group);
  });
}

Int4Weight LinearReader::marlin(const QuantizationConfig& quantization) const {
  require_multiples(256, 128, "Marlin");
  if (quantization.group_size != -1 && quantization.group_size != 128) {
    throw Error(kUnsupportedModel, "config.json: quantization_config.group_size is " +
                                       std::to_string(quantization.group_size) +
                                       "; allowed for Marlin: 128 or -1");
  }
  const int64_t group = effective_group(quantization, k);
  const auto b = words(".B", {k / 16, 2 * n});
  const auto s = halves(".s", {k / group, n});
  return named([&] { return unpack_marlin(b.data(), s.data(), n, k, group); });
}

LinearContent LinearReader::blocks() const {
  const Tensor& tensor = find_float(checkpoint, path + ".weight", {n, k});
  const std::vector<uint8_t> bytes = copy_bytes(tensor);
  return named([&]() -> LinearContent {
    if (tensor.type == DataType::kQ4_0) return unpack_q4_0(bytes.data(), n, k);
    if (tensor.type == DataType::kQ4_1) return unpack_q4_1(bytes.data(), n, k);
    if (tensor.type == DataType::kQ8_0) return unpack_q8_0(bytes.data(), n, k);
    throw Error(kInternal, std::string("no kernel takes blocks of ") + data_type_name(tensor.type));
  });
}

std::vector<float> LinearReader::nf4() const {
  const Nf4State state = read_nf4_state(checkpoint, path, n, k);
  const int64_t count = n * k, blocks = (count + state.block - 1) / state.block;
  const Tensor& weight =
      find_typed(checkpoint, path + ".weight", {(count + 1) / 2, 1}, DataType::kUInt8);
  if (checkpoint.has(path + ".weight.quant_map")) {
    const std::vector<float> levels = floats(".weight.quant_map", {16});
    if (!std::equal(levels.begin(), levels.end(), kNf4Levels.begin())) {
      throw Error(kUnsupportedModel,
                  "tensor " + path + ".weight.quant_map holds other levels than NF4's 16");
    }
  }
  std::vector<float> absmax;
  if (state.nested) {
    const auto code = aligned_copy<uint8_t>(
        find_typed(checkpoint, path + ".weight.absmax", {blocks}, DataType::kUInt8));
    const int64_t nested = (blocks + state.nested_block - 1) / state.nested_block;
    absmax = decode_absmax({code, floats(".weight.nested_quant_map", {256}),
                            floats(".weight.nested_absmax", {nested}), state.nested_block,
                            state.nested_offset});
  } else {
    absmax = floats(".weight.absmax", {blocks});
  }
  std::vector<float> values(static_cast<size_t>(count));
  decode_nf4(weight.data, absmax, state.block, count, values.data());
  return values;
}

Int8Linear LinearReader::int8() const {
  if (checkpoint.has(path + ".weight_format")) {
    const Tensor& format = checkpoint.find(path + ".weight_format");
    if (format.type != DataType::kUInt8 || format.bytes != 1 || format.data[0] != 0) {
      throw Error(kUnsupportedModel,
                  "tensor " + path + ".weight_format is not 0; allowed: 0, row after row");
    }
  }
  Int8Linear linear;
  linear.q =
      aligned_copy<int8_t>(find_typed(checkpoint, path + ".weight", {n, k}, DataType::kInt8));
  linear.absmax = floats(".SCB", {n});
  for (const float absmax : linear.absmax) {
    if (absmax < 0) {
      throw Error(kBadCheckpoint, "tensor " + path + ".SCB holds " + std::to_string(absmax) +
                                      "; allowed: at least 0");
    }
  }
  return linear;
}

// Rounded to `type`, a float of 16 or 32 bits.
FloatLinear hold(const std::vector<float>& values, DataType type, const std::string& name) {
  FloatLinear out{type, {}};
  out.bits.resize(values.size() * static_cast<size_t>(data_type_bytes(type)));
  for (size_t i = 0; i < values.size(); ++i) {
    if (type == DataType::kFloat32) {
      std::memcpy(out.bits.data() + 4 * i, &values[i], 4);
      continue;
    }
    const bool half = type == DataType::kFloat16;
    const uint16_t bits = half ? float_to_float16(values[i]) : float_to_bfloat16(values[i]);
    if ((bits & (half ? 0x7c00 : 0x7f80)) == (half ? 0x7c00 : 0x7f80)) {
      throw Error(kBadCheckpoint, "tensor " + name + " holds " + std::to_string(values[i]) +
                                      " at element " + std::to_string(i) +
                                      "; allowed: finite values that " + (half ? "fp16" : "bf16") +
                                      " can hold");
    }
    std::memcpy(out.bits.data() + 2 * i, &bits, 2);
  }
  return out;
}

std::vector<float> dequantized(const Int4Weight& weight) {
  std::vector<float> values(static_cast<size_t>(weight.n * weight.k));
  dequantize(weight, values.data());
  return values;
}

}  // namespace

FloatLinear read_float(const Checkpoint& checkpoint, const std::string& name,
                       const std::vector<int64_t>& shape) {
  const Tensor& tensor = find_float(checkpoint, name, shape);
  if (is_block(tensor.type)) return hold(decode_float32(tensor), DataType::kFloat16, name);
  FloatLinear source{tensor.type, copy_bytes(tensor)};
  require_finite(tensor, source.bits.data());
  return source;
}

LinearContent read_content(const StoredLinear& stored, const ModelConfig& config,
                           const Checkpoint& checkpoint, const std::string& path, int64_t n,
                           int64_t k) {
  const LinearReader reader{checkpoint, path, n, k};
  switch (stored.format) {
    case LinearFormat::kFloat:
      break;
    case LinearFormat::kBlocks:
      if (stored.group_size > 0) return reader.blocks();
      break;
    case LinearFormat::kGptq:
      return reader.gptq(*config.quantization);
    case LinearFormat::kAwq:
      return reader.awq(*config.quantization);
    case LinearFormat::kMarlin:
      return reader.marlin(*config.quantization);
    case LinearFormat::kCompressedTensors: {
      const bool fits = stored.held == ops::WeightType::kInt4;
      Int4Weight weight = reader.packed(*config.quantization);
      if (fits) return weight;
      return hold(dequantized(weight), DataType::kFloat32, path + ".weight_packed");
    }
    case LinearFormat::kNf4:
      return hold(reader.nf4(), read_nf4_state(checkpoint, path, n, k).type, path + ".weight");
    case LinearFormat::kLlmInt8:
      return reader.int8();
  }
  return read_float(checkpoint, path + ".weight", {n, k});
}

std::vector<float> decode_linear(const ModelConfig& config, const Checkpoint& checkpoint,
                                 const std::string& path, int64_t n, int64_t k) {
  const StoredLinear stored = find_linear(config, checkpoint, path, n, k);
  const LinearReader reader{checkpoint, path, n, k};
  if (stored.format == LinearFormat::kFloat || stored.format == LinearFormat::kBlocks)
    return checkpoint.read_float32(path + ".weight", {n, k});
  if (stored.format == LinearFormat::kNf4) return reader.nf4();
  const LinearContent content = read_content(stored, config, checkpoint, path, n, k);
  if (const auto* weight = std::get_if<Int4Weight>(&content)) return dequantized(*weight);
  std::vector<float> values(static_cast<size_t>(n * k));
  if (const auto* rows = std::get_if<Int8Linear>(&content)) {
    // bitsandbytes' order: by the row's absmax, then by its constant for 1 / 127.
    constexpr float kOver127 = 7.874015718698502e-3f;
    for (int64_t i = 0; i < n * k; ++i) {
      values[static_cast<size_t>(i)] = static_cast<float>(rows->q[static_cast<size_t>(i)]) *
                                       rows->absmax[static_cast<size_t>(i / k)] * kOver127;
    }
    return values;
  }
  const auto& floats = std::get<FloatLinear>(content);  // fp32: scales that int4 cannot hold
  std::memcpy(values.data(), floats.bits.data(), floats.bits.size());
  return values;
}

}  // namespace loadmark
