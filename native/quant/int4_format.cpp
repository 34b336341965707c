// Reads and writes the GPTQ checkpoint layout, value by value; speed is the kernel packers'
// business.
#include "quant/int4_format.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/float16.h"

namespace loadmark {
namespace {

std::string number(int64_t value) { return std::to_string(value); }

void check_shape(int64_t n, int64_t k, int64_t group_size, const char* code) {
  if (n <= 0 || n % 8 != 0 || k <= 0 || k % 8 != 0) {
    throw Error(code, "an int4 weight is " + number(n) + " x " + number(k) +
                          "; both must be positive multiples of 8");
  }
  if (group_size <= 0 || group_size > k) {
    throw Error(code, "group size is " + number(group_size) + "; allowed are 1 to " + number(k));
  }
}

uint32_t nibble(uint32_t word, int64_t index) { return (word >> (4 * (index % 8))) & 15u; }

void require_group(const int32_t* g_idx, int64_t column, int64_t groups) {
  if (g_idx[column] >= 0 && g_idx[column] < groups) return;
  throw Error(kBadCheckpoint, "g_idx[" + number(column) + "] is " + number(g_idx[column]) +
                                  "; allowed are 0 to " + number(groups - 1));
}

}  // namespace

void require_scale(float scale, int64_t group, int64_t row) {
  if (std::isfinite(scale) && !std::signbit(scale)) return;
  throw Error(kBadCheckpoint, "scale[" + number(group) + "][" + number(row) + "] is " +
                                  std::to_string(scale) +
                                  "; scales must be finite and not negative");
}

std::vector<float> read_scales(const uint16_t* scales, int64_t groups, int64_t n) {
  std::vector<float> values(static_cast<size_t>(groups * n));
  for (int64_t i = 0; i < groups * n; ++i) {
    values[static_cast<size_t>(i)] = float16_to_float(scales[i]);
    require_scale(values[static_cast<size_t>(i)], i / n, i % n);
  }
  return values;
}

void take_g_idx(const int32_t* g_idx, Int4Weight* weight) {
  bool ordered = true;
  for (int64_t column = 0; column < weight->k; ++column) {
    require_group(g_idx, column, weight->groups());
    ordered = ordered && g_idx[column] == column / weight->group_size;
  }
  if (!ordered) weight->g_idx.assign(g_idx, g_idx + weight->k);
}

std::optional<ZeroConvention> detect_convention(const int32_t* qweight, const int32_t* qzeros,
                                                const int32_t* g_idx, int64_t n, int64_t k,
                                                int64_t group_size) {
  const int64_t groups = (k + group_size - 1) / group_size;
  const auto all = [&](uint32_t word) {
    return std::all_of(qzeros, qzeros + groups * (n / 8),
                       [&](int32_t each) { return static_cast<uint32_t>(each) == word; });
  };
  if (all(0x77777777u)) return ZeroConvention::kV1;
  if (all(0x88888888u)) return ZeroConvention::kV2;
  int64_t sum = 0;
  for (int64_t column = 0; column < k; ++column) {
    if (g_idx != nullptr) require_group(g_idx, column, groups);
    const int64_t g = g_idx == nullptr ? column / group_size : g_idx[column];
    for (int64_t row = 0; row < n; ++row) {
      sum += nibble(static_cast<uint32_t>(qweight[column / 8 * n + row]), column);
      sum -= nibble(static_cast<uint32_t>(qzeros[g * (n / 8) + row / 8]), row);
    }
  }
  constexpr double kNear = 0.25;  // a step's part; weights are 2 to 4 steps wide, and thousands
  const double mean = static_cast<double>(sum) / static_cast<double>(n * k);
  if (std::fabs(mean) < kNear) return ZeroConvention::kV2;
  if (std::fabs(mean - 1) < kNear) return ZeroConvention::kV1;
  return std::nullopt;
}

Int4Weight unpack_gptq(const int32_t* qweight, const int32_t* qzeros, const uint16_t* scales,
                       const int32_t* g_idx, int64_t n, int64_t k, int64_t group_size,
                       ZeroConvention convention) {
  check_shape(n, k, group_size, kBadCheckpoint);
  Int4Weight weight{.n = n, .k = k, .group_size = group_size};
  const int64_t groups = weight.groups();
  weight.q.resize(static_cast<size_t>(n * k));
  for (int64_t word_row = 0; word_row < k / 8; ++word_row) {
    for (int64_t row = 0; row < n; ++row) {
      const auto word = static_cast<uint32_t>(qweight[word_row * n + row]);
      for (int64_t i = 0; i < 8; ++i) {
        weight.q[static_cast<size_t>(row * k + word_row * 8 + i)] =
            static_cast<uint8_t>(nibble(word, i));
      }
    }
  }
  weight.scale.resize(static_cast<size_t>(groups * n));
  weight.zero.resize(static_cast<size_t>(groups * n));
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t row = 0; row < n; ++row) {
      const size_t at = static_cast<size_t>(g * n + row);
      const float scale = float16_to_float(scales[at]);
      require_scale(scale, g, row);
      const auto word = static_cast<uint32_t>(qzeros[g * (n / 8) + row / 8]);
      const uint32_t stored = nibble(word, row);
      if (convention == ZeroConvention::kV1 && stored == 15) {
        throw Error(kBadCheckpoint, "zero point [" + number(g) + "][" + number(row) +
                                        "] is 16 (stored 15, format v1); allowed are 0 to 15");
      }
      weight.scale[at] = scale;
      weight.zero[at] =
          static_cast<uint8_t>(convention == ZeroConvention::kV1 ? stored + 1 : stored);
      weight.symmetric = weight.symmetric && weight.zero[at] == 8;
    }
  }
  if (g_idx != nullptr) take_g_idx(g_idx, &weight);
  return weight;
}

GptqTensors pack_gptq(const Int4Weight& weight, ZeroConvention convention) {
  const int64_t n = weight.n, k = weight.k, groups = weight.groups();
  check_shape(n, k, weight.group_size, kBadArgument);
  GptqTensors tensors;
  tensors.qweight.resize(static_cast<size_t>(k / 8 * n));
  for (int64_t word_row = 0; word_row < k / 8; ++word_row) {
    for (int64_t row = 0; row < n; ++row) {
      uint32_t word = 0;
      for (int64_t i = 0; i < 8; ++i) {
        const uint32_t q = weight.q[static_cast<size_t>(row * k + word_row * 8 + i)];
        if (q > 15)
          throw Error(kBadArgument, "a weight integer is " + number(q) + "; allowed are 0 to 15");
        word |= q << (4 * i);
      }
      tensors.qweight[static_cast<size_t>(word_row * n + row)] = static_cast<int32_t>(word);
    }
  }
  tensors.qzeros.assign(static_cast<size_t>(groups * (n / 8)), 0);
  tensors.scales.resize(static_cast<size_t>(groups * n));
  const uint32_t lowest = convention == ZeroConvention::kV1 ? 1 : 0;
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t row = 0; row < n; ++row) {
      const size_t at = static_cast<size_t>(g * n + row);
      const float scale = weight.scale[at];
      tensors.scales[at] = float_to_float16(scale);
      if (!std::isfinite(scale) || std::signbit(scale) ||
          float16_to_float(tensors.scales[at]) != scale) {
        throw Error(kBadArgument, "scale[" + number(g) + "][" + number(row) + "] is " +
                                      std::to_string(scale) +
                                      "; scales must be fp16 values, finite and not negative");
      }
      const uint32_t zero = weight.zero[at];
      if (zero < lowest || zero > 15) {
        throw Error(kBadArgument, "zero point [" + number(g) + "][" + number(row) + "] is " +
                                      number(zero) + "; allowed are " + number(lowest) +
                                      " to 15 in this format");
      }
      int32_t& word = tensors.qzeros[static_cast<size_t>(g * (n / 8) + row / 8)];
      word =
          static_cast<int32_t>(static_cast<uint32_t>(word) | ((zero - lowest) << (4 * (row % 8))));
    }
  }
  tensors.g_idx.resize(static_cast<size_t>(k));
  for (int64_t column = 0; column < k; ++column) {
    tensors.g_idx[static_cast<size_t>(column)] = static_cast<int32_t>(weight.group_of(column));
  }
  return tensors;
}

void dequantize(const Int4Weight& weight, float* w) {
  for (int64_t row = 0; row < weight.n; ++row) {
    for (int64_t column = 0; column < weight.k; ++column) {
      const size_t at = static_cast<size_t>(weight.group_of(column) * weight.n + row);
      const int q = weight.q[static_cast<size_t>(row * weight.k + column)];
      const float scale = weight.scale[at];
      w[row * weight.k + column] = weight.offset.empty()
                                       ? scale * static_cast<float>(q - weight.zero[at])
                                       : scale * static_cast<float>(q) + weight.offset[at];
    }
  }
}

}  // namespace loadmark
