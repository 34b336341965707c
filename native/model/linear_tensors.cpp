// Shapes follow from n, k and the group size alone.
#include "model/linear_tensors.h"

#include <cstring>

#include "base/error.h"

namespace loadmark {
namespace {

// One linear's tensors by their suffix.
struct TensorFinder {
  const Checkpoint& checkpoint;
  const std::string& path;
  int64_t n, k;

  const Tensor* typed(const char* suffix, const std::vector<int64_t>& shape, DataType type) const {
    const Tensor& tensor = checkpoint.find(path + suffix, shape);
    if (tensor.type != type) {
      throw Error(kBadCheckpoint, "tensor " + path + suffix + " has dtype " +
                                      data_type_name(tensor.type) +
                                      "; allowed: " + data_type_name(type));
    }
    return &tensor;
  }
  const Tensor* words(const char* suffix, const std::vector<int64_t>& shape) const {
    return typed(suffix, shape, DataType::kInt32);
  }
  const Tensor* halves(const char* suffix, const std::vector<int64_t>& shape) const {
    return typed(suffix, shape, DataType::kFloat16);
  }
  void require_multiples(int64_t of_n, int64_t of_k, const char* format) const {
    if (n % of_n == 0 && k % of_k == 0) return;
    throw Error(kBadCheckpoint, path + " is " + std::to_string(n) + " x " + std::to_string(k) +
                                    "; allowed for " + format + ": multiples of " +
                                    std::to_string(of_n) + " and " + std::to_string(of_k));
  }
  int64_t groups(const QuantizationConfig& quantization) const {
    const int64_t group = effective_group(quantization, k);
    return (k + group - 1) / group;
  }

  LinearTensors gptq(const QuantizationConfig& quantization) const;
  LinearTensors awq(const QuantizationConfig& quantization) const;
  LinearTensors packed(const QuantizationConfig& quantization) const;
  LinearTensors marlin(const QuantizationConfig& quantization) const;
  LinearTensors nf4() const;
  LinearTensors int8() const;

 private:
  void check_packed_shape() const;
};

LinearTensors TensorFinder::gptq(const QuantizationConfig& quantization) const {
  require_multiples(8, 8, "GPTQ int4");
  LinearTensors found{.weight = words(".qweight", {k / 8, n})};
  found.zeros = words(".qzeros", {groups(quantization), n / 8});
  found.scales = halves(".scales", {groups(quantization), n});
  if (quantization.act_order || checkpoint.has(path + ".g_idx")) found.order = words(".g_idx", {k});
  return found;
}

LinearTensors TensorFinder::awq(const QuantizationConfig& quantization) const {
  require_multiples(8, 1, "AWQ");
  LinearTensors found{.weight = words(".qweight", {k, n / 8})};
  found.zeros = words(".qzeros", {groups(quantization), n / 8});
  found.scales = halves(".scales", {groups(quantization), n});
  return found;
}

// The sizes that the linear had before it was packed, which the tensor itself holds.
void TensorFinder::check_packed_shape() const {
  if (!checkpoint.has(path + ".weight_shape")) return;
  const Tensor* tensor = typed(".weight_shape", {2}, DataType::kInt64);
  std::vector<int64_t> shape(2);
  std::memcpy(shape.data(), tensor->data, sizeof(int64_t) * 2);
  if (shape[0] != n || shape[1] != k) {
    throw Error(kBadCheckpoint, "tensor " + path + ".weight_shape holds " + shape_text(shape) +
                                    "; config.json asks for " + shape_text({n, k}));
  }
}

LinearTensors TensorFinder::packed(const QuantizationConfig& quantization) const {
  check_packed_shape();
  LinearTensors found{.weight = words(".weight_packed", {n, (k + 7) / 8})};
  found.scales = &find_float(checkpoint, path + ".weight_scale", {n, groups(quantization)});
  if (!quantization.symmetric)
    found.zeros = words(".weight_zero_point", {(n + 7) / 8, groups(quantization)});
  if (quantization.act_order) found.order = words(".weight_g_idx", {k});
  return found;
}

LinearTensors TensorFinder::marlin(const QuantizationConfig& quantization) const {
  require_multiples(256, 128, "Marlin");
  if (quantization.group_size != -1 && quantization.group_size != 128) {
    throw Error(kUnsupportedModel, "config.json: quantization_config.group_size is " +
                                       std::to_string(quantization.group_size) +
                                       "; allowed for Marlin: 128 or -1");
  }
  LinearTensors found{.weight = words(".B", {k / 16, 2 * n})};
  found.scales = halves(".s", {groups(quantization), n});
  return found;
}

LinearTensors TensorFinder::nf4() const {
  const Nf4State state = read_nf4_state(checkpoint, path, n, k);
  const int64_t count = n * k, blocks = (count + state.block - 1) / state.block;
  LinearTensors found{.weight = typed(".weight", {(count + 1) / 2, 1}, DataType::kUInt8)};
  if (checkpoint.has(path + ".weight.quant_map"))
    found.levels = typed(".weight.quant_map", {16}, DataType::kFloat32);
  if (!state.nested) {
    found.scales = typed(".weight.absmax", {blocks}, DataType::kFloat32);
    return found;
  }
  const int64_t nested = (blocks + state.nested_block - 1) / state.nested_block;
  found.scales = typed(".weight.absmax", {blocks}, DataType::kUInt8);
  found.nested_levels = typed(".weight.nested_quant_map", {256}, DataType::kFloat32);
  found.nested_scales = typed(".weight.nested_absmax", {nested}, DataType::kFloat32);
  return found;
}

LinearTensors TensorFinder::int8() const {
  if (checkpoint.has(path + ".weight_format")) {
    const Tensor& format = checkpoint.find(path + ".weight_format");
    if (format.type != DataType::kUInt8 || format.bytes != 1 || format.data[0] != 0) {
      throw Error(kUnsupportedModel,
                  "tensor " + path + ".weight_format is not 0; allowed: 0, row after row");
    }
  }
  LinearTensors found{.weight = typed(".weight", {n, k}, DataType::kInt8)};
  found.scales = typed(".SCB", {n}, DataType::kFloat32);
  return found;
}

}  // namespace

LinearTensors find_linear_tensors(const StoredLinear& stored, const ModelConfig& config,
                                  const Checkpoint& checkpoint, const std::string& path, int64_t n,
                                  int64_t k) {
  const TensorFinder finder{checkpoint, path, n, k};
  switch (stored.format) {
    case LinearFormat::kFloat:
    case LinearFormat::kBlocks:
      return {.weight = &find_float(checkpoint, path + ".weight", {n, k})};
    case LinearFormat::kGptq:
      return finder.gptq(*config.quantization);
    case LinearFormat::kAwq:
      return finder.awq(*config.quantization);
    case LinearFormat::kCompressedTensors:
      return finder.packed(*config.quantization);
    case LinearFormat::kMarlin:
      return finder.marlin(*config.quantization);
    case LinearFormat::kNf4:
      return finder.nf4();
    case LinearFormat::kLlmInt8:
      return finder.int8();
  }
  throw Error(kInternal, "no such format of a linear");
}

}  // namespace loadmark
