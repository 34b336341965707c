// Outputs are joined row after row; int4's scales stand side by side.
#include "model/source_linear.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/float16.h"
#include "model/linear_cut.h"

namespace loadmark {
namespace {

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

// Rows that are int8 already, and float ones where the format asks for it.
void round_rows(WeightFormat format, SourceLinear* linear) {
  if (auto* rows = std::get_if<Int8Linear>(&linear->content)) {
    RoundedInt8 rounded{std::move(rows->q), std::move(rows->absmax)};
    for (float& scale : rounded.scale) scale /= 127.0f;
    linear->content = std::move(rounded);
  } else if (const auto* values = std::get_if<FloatLinear>(&linear->content)) {
    if (format == WeightFormat::kInt8)
      linear->content = round_to_int8(*values, linear->n, linear->k);
  }
}

}  // namespace

SourceLinear read_linear(const ModelConfig& config, const Checkpoint& checkpoint,
                         const std::string& path, int64_t n, int64_t k) {
  const StoredLinear stored = find_linear(config, checkpoint, path, n, k);
  return {path, n, k, read_content(stored, config, checkpoint, path, n, k), {stored}};
}

bool can_fuse(const SourceLinear& a, const SourceLinear& b) {
  if (a.content.index() != b.content.index()) return false;
  if (const auto* x = std::get_if<FloatLinear>(&a.content)) {
    return x->type == std::get<FloatLinear>(b.content).type;
  }
  if (std::holds_alternative<Int8Linear>(a.content) ||
      std::holds_alternative<RoundedInt8>(a.content)) {
    return true;
  }
  if (const auto* x = std::get_if<Int8Groups>(&a.content))
    return x->group_size == std::get<Int8Groups>(b.content).group_size;
  const auto& x = std::get<Int4Weight>(a.content);
  const auto& y = std::get<Int4Weight>(b.content);
  return x.group_size == y.group_size && x.g_idx == y.g_idx && x.offset.empty() == y.offset.empty();
}

void fuse_into(SourceLinear* a, const SourceLinear& b) {
  if (auto* x = std::get_if<FloatLinear>(&a->content)) {
    const auto& y = std::get<FloatLinear>(b.content);
    x->bits.insert(x->bits.end(), y.bits.begin(), y.bits.end());
  } else if (auto* rows = std::get_if<Int8Linear>(&a->content)) {
    const auto& y = std::get<Int8Linear>(b.content);
    rows->q.insert(rows->q.end(), y.q.begin(), y.q.end());
    rows->absmax.insert(rows->absmax.end(), y.absmax.begin(), y.absmax.end());
  } else if (auto* rounded = std::get_if<RoundedInt8>(&a->content)) {
    const auto& y = std::get<RoundedInt8>(b.content);
    rounded->q.insert(rounded->q.end(), y.q.begin(), y.q.end());
    rounded->scale.insert(rounded->scale.end(), y.scale.begin(), y.scale.end());
  } else if (auto* groups = std::get_if<Int8Groups>(&a->content)) {
    const auto& y = std::get<Int8Groups>(b.content);
    groups->scale = beside(groups->scale, y.scale, groups->groups());
    groups->q.insert(groups->q.end(), y.q.begin(), y.q.end());
    groups->n += y.n;
  } else {
    auto& w = std::get<Int4Weight>(a->content);
    const auto& y = std::get<Int4Weight>(b.content);
    w.scale = beside(w.scale, y.scale, w.groups());
    w.zero = beside(w.zero, y.zero, w.groups());
    w.offset = beside(w.offset, y.offset, w.groups());
    w.q.insert(w.q.end(), y.q.begin(), y.q.end());
    w.symmetric = w.symmetric && y.symmetric;
    w.n += y.n;
  }
  a->n += b.n;
  a->stored.insert(a->stored.end(), b.stored.begin(), b.stored.end());
}

std::vector<SourceLinear> read_fused(const ModelConfig& config, const Checkpoint& checkpoint,
                                     const std::vector<ModulePart>& parts, WeightFormat format) {
  std::vector<SourceLinear> sources;
  for (const ModulePart& part : parts) {
    SourceLinear whole = read_linear(config, checkpoint, part.path, part.n, part.k);
    // Before it is cut: a scale is that of a whole row.
    round_rows(format, &whole);
    const bool cuts = part.outputs.count < part.n || part.inputs.count < part.k;
    sources.push_back(cuts ? cut_linear(whole, part.outputs, part.inputs) : std::move(whole));
  }
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

FloatLinear as_float16(const SourceLinear& source) {
  std::vector<float> values(static_cast<size_t>(source.n * source.k));
  if (const auto* groups = std::get_if<Int8Groups>(&source.content)) {
    dequantize(*groups, values.data());
  } else {
    dequantize(std::get<Int4Weight>(source.content), values.data());
  }
  FloatLinear out{DataType::kFloat16, std::vector<uint8_t>(2 * values.size())};
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t bits = float_to_float16(values[i]);
    if ((bits & 0x7c00) == 0x7c00) {
      throw Error(kBadCheckpoint, source.path + " holds " + std::to_string(values[i]) +
                                      "; allowed: values that fp16 can hold");
    }
    std::memcpy(out.bits.data() + 2 * i, &bits, 2);
  }
  return out;
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
