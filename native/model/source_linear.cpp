// Reading by module path: a float weight, or the tensors of a GPTQ linear, each checked as it is
// copied.
#include "model/source_linear.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/float16.h"

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

}  // namespace

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

int64_t effective_group(const QuantizationConfig& quantization, int64_t k) {
  return quantization.group_size < 0 ? k : std::min(quantization.group_size, k);
}

bool is_gptq(const ModelConfig& config, const Checkpoint& checkpoint, const std::string& path) {
  if (!checkpoint.has(path + ".qweight")) return false;
  if (!config.quantization.has_value()) {
    throw Error(kBadCheckpoint,
                "tensor " + path + ".qweight needs a quantization_config; config.json has none");
  }
  return true;
}

FloatLinear read_float(const Checkpoint& checkpoint, const std::string& name,
                       const std::vector<int64_t>& shape) {
  const Tensor& tensor = find_float(checkpoint, name, shape);
  FloatLinear source{tensor.type, aligned_copy<uint8_t>(tensor)};
  require_finite(tensor, source.bits.data());
  return source;
}

SourceLinear read_linear(const ModelConfig& config, const Checkpoint& checkpoint,
                         const std::string& path, int64_t n, int64_t k) {
  if (is_gptq(config, checkpoint, path)) {
    return {path, n, k, read_gptq(*config.quantization, checkpoint, path, n, k)};
  }
  return {path, n, k, read_float(checkpoint, path + ".weight", {n, k})};
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

std::vector<SourceLinear> read_fused(const ModelConfig& config, const Checkpoint& checkpoint,
                                     const std::vector<std::string>& paths,
                                     const std::vector<int64_t>& sizes, int64_t k) {
  std::vector<SourceLinear> sources;
  for (size_t i = 0; i < paths.size(); ++i)
    sources.push_back(read_linear(config, checkpoint, paths[i], sizes[i], k));
  const bool fused = std::all_of(sources.begin(), sources.end(), [&](const SourceLinear& other) {
    return can_fuse(sources.front(), other);
  });
  if (fused) {
    for (size_t i = 1; i < sources.size(); ++i) fuse_into(&sources.front(), sources[i]);
    sources.resize(1);
  }
  return sources;
}

RoundedInt8 round_to_int8(const FloatLinear& source, int64_t n, int64_t k) {
  std::vector<float> values(static_cast<size_t>(n * k));
  to_float32(source, n * k, values.data());
  RoundedInt8 rounded;
  rounded.q.resize(values.size());
  rounded.scale.resize(static_cast<size_t>(n));
  for (int64_t row = 0; row < n; ++row) {
    const float* w = values.data() + row * k;
    float absmax = 0;
    for (int64_t i = 0; i < k; ++i) absmax = std::max(absmax, std::fabs(w[i]));
    // 1 for a row of zeros, or of subnormals so small that their scale would be 0.
    const float scale = absmax / 127.0f > 0 ? absmax / 127.0f : 1.0f;
    rounded.scale[static_cast<size_t>(row)] = scale;
    for (int64_t i = 0; i < k; ++i) {
      const float value = std::nearbyint(w[i] / scale);
      rounded.q[static_cast<size_t>(row * k + i)] =
          static_cast<int8_t>(std::clamp(value, -127.0f, 127.0f));
    }
  }
  return rounded;
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

}  // namespace loadmark
