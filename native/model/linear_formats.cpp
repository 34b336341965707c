// A tensor of another shape or type than n and k ask for is refused before it is read.
#include "model/linear_formats.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/float16.h"
#include "model/linear_tensors.h"
#include "quant/awq_format.h"
#include "quant/marlin_format.h"
#include "quant/nf4.h"
#include "quant/packed_format.h"

namespace loadmark {
namespace {

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

// One linear's tensors, checked by their headers.
struct LinearReader {
  const LinearTensors tensors;
  const Checkpoint& checkpoint;
  const std::string& path;
  int64_t n, k;

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
  std::vector<float> floats(const Tensor& tensor) const {
    return checkpoint.read_float32(tensor.name, tensor.shape);
  }
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
  const int64_t group = effective_group(quantization, k);
  const auto qweight = aligned_copy<int32_t>(*tensors.weight);
  const auto qzeros = aligned_copy<int32_t>(*tensors.zeros);
  const auto scales = aligned_copy<uint16_t>(*tensors.scales);
  std::vector<int32_t> g_idx;
  if (tensors.order != nullptr) g_idx = aligned_copy<int32_t>(*tensors.order);
  const int32_t* order = g_idx.empty() ? nullptr : g_idx.data();
  std::optional<ZeroConvention> convention = quantization.convention;
  if (!convention) {
    convention =
        named([&] { return detect_convention(qweight.data(), qzeros.data(), order, n, k, group); });
  }
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
  const int64_t group = effective_group(quantization, k);
  const auto qweight = aligned_copy<int32_t>(*tensors.weight);
  const auto qzeros = aligned_copy<int32_t>(*tensors.zeros);
  const auto scales = aligned_copy<uint16_t>(*tensors.scales);
  Int4Weight weight =
      named([&] { return unpack_awq(qweight.data(), qzeros.data(), scales.data(), n, k, group); });
  if (quantization.symmetric) require_symmetric(weight);
  return weight;
}

// Scales stay fp32 here: where one is no fp16 number, the caller decodes.
Int4Weight LinearReader::packed(const QuantizationConfig& quantization) const {
  const int64_t group = effective_group(quantization, k);
  const auto weights = aligned_copy<int32_t>(*tensors.weight);
  const auto scales = floats(*tensors.scales);
  std::vector<int32_t> zeros, g_idx;
  if (tensors.zeros != nullptr) zeros = aligned_copy<int32_t>(*tensors.zeros);
  if (tensors.order != nullptr) g_idx = aligned_copy<int32_t>(*tensors.order);
  return named([&] {
    return unpack_packed(weights.data(), scales, zeros.empty() ? nullptr : zeros.data(),
                         g_idx.empty() ? nullptr : g_idx.data(), n, k, group);
  });
}

Int4Weight LinearReader::marlin(const QuantizationConfig& quantization) const {
  const int64_t group = effective_group(quantization, k);
  const auto b = aligned_copy<int32_t>(*tensors.weight);
  const auto s = aligned_copy<uint16_t>(*tensors.scales);
  return named([&] { return unpack_marlin(b.data(), s.data(), n, k, group); });
}

LinearContent LinearReader::blocks() const {
  const Tensor& tensor = *tensors.weight;
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
  if (tensors.levels != nullptr) {
    const std::vector<float> levels = floats(*tensors.levels);
    if (!std::equal(levels.begin(), levels.end(), kNf4Levels.begin())) {
      throw Error(kUnsupportedModel,
                  "tensor " + path + ".weight.quant_map holds other levels than NF4's 16");
    }
  }
  std::vector<float> absmax;
  if (state.nested) {
    absmax =
        decode_absmax({aligned_copy<uint8_t>(*tensors.scales), floats(*tensors.nested_levels),
                       floats(*tensors.nested_scales), state.nested_block, state.nested_offset});
  } else {
    absmax = floats(*tensors.scales);
  }
  std::vector<float> values(static_cast<size_t>(n * k));
  decode_nf4(tensors.weight->data, absmax, state.block, n * k, values.data());
  return values;
}

Int8Linear LinearReader::int8() const {
  Int8Linear linear;
  linear.q = aligned_copy<int8_t>(*tensors.weight);
  linear.absmax = floats(*tensors.scales);
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
  const LinearReader reader{find_linear_tensors(stored, config, checkpoint, path, n, k), checkpoint,
                            path, n, k};
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
  const LinearReader reader{find_linear_tensors(stored, config, checkpoint, path, n, k), checkpoint,
                            path, n, k};
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
