// One function a block type, straight from its layout.
#include "quant/ggml_blocks.h"

#include <cmath>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/float16.h"

namespace loadmark {
namespace {

constexpr int64_t kSmall = 32;   // values of Q4_0 .. Q8_0
constexpr int64_t kLarge = 256;  // values of Q4_K .. Q6_K

float half_at(const uint8_t* bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, sizeof bits);
  return float16_to_float(bits);
}

int nibble(const uint8_t* bytes, int i, int run) {
  return i < run ? bytes[i] & 15 : bytes[i - run] >> 4;
}

void decode_q4_0(const uint8_t* block, float* out) {
  const float d = half_at(block);
  for (int i = 0; i < kSmall; ++i) out[i] = d * static_cast<float>(nibble(block + 2, i, 16) - 8);
}

void decode_q4_1(const uint8_t* block, float* out) {
  const float d = half_at(block), m = half_at(block + 2);
  for (int i = 0; i < kSmall; ++i) out[i] = d * static_cast<float>(nibble(block + 4, i, 16)) + m;
}

// Nibble i with its fifth bit.
int five_bits(const uint8_t* high, const uint8_t* low, int i) {
  return nibble(low, i, 16) | ((high[i / 8] >> (i % 8)) & 1) << 4;
}

void decode_q5_0(const uint8_t* block, float* out) {
  const float d = half_at(block);
  for (int i = 0; i < kSmall; ++i)
    out[i] = d * static_cast<float>(five_bits(block + 2, block + 6, i) - 16);
}

void decode_q5_1(const uint8_t* block, float* out) {
  const float d = half_at(block), m = half_at(block + 2);
  for (int i = 0; i < kSmall; ++i)
    out[i] = d * static_cast<float>(five_bits(block + 4, block + 8, i)) + m;
}

void decode_q8_0(const uint8_t* block, float* out) {
  const float d = half_at(block);
  for (int i = 0; i < kSmall; ++i)
    out[i] = d * static_cast<float>(static_cast<int8_t>(block[2 + i]));
}

struct ScaleMin {
  int scale, min;
};
// Run j's pair of 12 bytes: four pairs in six bits each, the upper bits of the rest above them.
ScaleMin scale_min(const uint8_t* bytes, int j) {
  if (j < 4) return {bytes[j] & 63, bytes[j + 4] & 63};
  return {(bytes[j + 4] & 15) | (bytes[j - 4] >> 6) << 4, (bytes[j + 4] >> 4) | (bytes[j] >> 6)
                                                                                    << 4};
}

// `high` is null for Q4_K: bit j of byte i is the fifth bit of value i of run j.
void decode_k(const uint8_t* block, const uint8_t* high, const uint8_t* low, float* out) {
  const float d = half_at(block), dm = half_at(block + 2);
  for (int j = 0; j < 8; ++j) {
    const ScaleMin pair = scale_min(block + 4, j);
    const float scale = d * static_cast<float>(pair.scale);
    const float min = dm * static_cast<float>(pair.min);
    for (int i = 0; i < 32; ++i) {
      int q = nibble(low + j / 2 * 32, i + j % 2 * 32, 32);
      if (high != nullptr) q |= ((high[i] >> j) & 1) << 4;
      out[32 * j + i] = scale * static_cast<float>(q) - min;
    }
  }
}

void decode_q6_k(const uint8_t* block, float* out) {
  const float d = half_at(block + 208);
  for (int i = 0; i < kLarge; ++i) {
    // Halves of 128; in each, four runs of 32 share 64 bytes of nibbles and 32 of pairs.
    const int half = i / 128, run = i % 128 / 32, at = i % 32;
    const uint8_t low = block[64 * half + 32 * (run % 2) + at];
    const uint8_t high = block[128 + 32 * half + at];
    const int q = (run < 2 ? low & 15 : low >> 4) | ((high >> (2 * run)) & 3) << 4;
    const float scale = d * static_cast<float>(static_cast<int8_t>(block[192 + i / 16]));
    out[i] = scale * static_cast<float>(q - 32);
  }
}

float finite_half(const uint8_t* at, const char* what, int64_t row, int64_t block) {
  const float value = half_at(at);
  if (std::isfinite(value)) return value;
  throw Error(kBadCheckpoint, std::string("the ") + what + " of row " + std::to_string(row) +
                                  ", block " + std::to_string(block) + " is " +
                                  std::to_string(value) + "; allowed: finite ones");
}

}  // namespace

void decode_blocks(BlockFormat format, const uint8_t* blocks, int64_t count, float* out) {
  const auto each = [&](int64_t bytes, int64_t values, auto decode) {
    for (int64_t i = 0; i < count; ++i) decode(blocks + i * bytes, out + i * values);
  };
  switch (format) {
    case BlockFormat::kQ4_0:
      return each(18, kSmall, decode_q4_0);
    case BlockFormat::kQ4_1:
      return each(20, kSmall, decode_q4_1);
    case BlockFormat::kQ5_0:
      return each(22, kSmall, decode_q5_0);
    case BlockFormat::kQ5_1:
      return each(24, kSmall, decode_q5_1);
    case BlockFormat::kQ8_0:
      return each(34, kSmall, decode_q8_0);
    case BlockFormat::kQ4_K:
      return each(144, kLarge, [](const uint8_t* block, float* to) {
        decode_k(block, nullptr, block + 16, to);
      });
    case BlockFormat::kQ5_K:
      return each(176, kLarge, [](const uint8_t* block, float* to) {
        decode_k(block, block + 16, block + 48, to);
      });
    case BlockFormat::kQ6_K:
      return each(210, kLarge, decode_q6_k);
  }
  throw Error(kInternal, "no such block format");
}

Int4Weight unpack_q4_0(const uint8_t* blocks, int64_t n, int64_t k) {
  Int4Weight weight{.n = n, .k = k, .group_size = kSmall};
  const int64_t groups = k / kSmall;
  weight.q.resize(static_cast<size_t>(n * k));
  weight.scale.resize(static_cast<size_t>(groups * n));
  weight.zero.resize(weight.scale.size());
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t g = 0; g < groups; ++g) {
      const uint8_t* block = blocks + (row * groups + g) * 18;
      const float d = finite_half(block, "scale", row, g);
      const bool turned = std::signbit(d);
      const size_t at = static_cast<size_t>(g * n + row);
      weight.scale[at] = std::fabs(d);
      weight.zero[at] = turned ? 7 : 8;
      weight.symmetric = weight.symmetric && !turned;
      uint8_t* q = weight.q.data() + row * k + g * kSmall;
      for (int i = 0; i < kSmall; ++i) {
        const int value = nibble(block + 2, i, 16);
        q[i] = static_cast<uint8_t>(turned ? 15 - value : value);
      }
    }
  }
  return weight;
}

Int4Weight unpack_q4_1(const uint8_t* blocks, int64_t n, int64_t k) {
  Int4Weight weight{.n = n, .k = k, .group_size = kSmall, .symmetric = false};
  const int64_t groups = k / kSmall;
  weight.q.resize(static_cast<size_t>(n * k));
  weight.scale.resize(static_cast<size_t>(groups * n));
  weight.offset.resize(weight.scale.size());
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t g = 0; g < groups; ++g) {
      const uint8_t* block = blocks + (row * groups + g) * 20;
      const auto at = static_cast<size_t>(g * n + row);
      weight.scale[at] = finite_half(block, "scale", row, g);
      weight.offset[at] = finite_half(block + 2, "offset", row, g);
      uint8_t* q = weight.q.data() + row * k + g * kSmall;
      for (int i = 0; i < kSmall; ++i) q[i] = static_cast<uint8_t>(nibble(block + 4, i, 16));
    }
  }
  return weight;
}

Int8Groups unpack_q8_0(const uint8_t* blocks, int64_t n, int64_t k) {
  Int8Groups weight;
  weight.n = n, weight.k = k, weight.group_size = kSmall;
  weight.q.resize(static_cast<size_t>(n * k));
  weight.scale.resize(static_cast<size_t>(n * weight.groups()));
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t g = 0; g < weight.groups(); ++g) {
      const uint8_t* block = blocks + (row * weight.groups() + g) * 34;
      weight.scale[static_cast<size_t>(g * n + row)] = finite_half(block, "scale", row, g);
      std::memcpy(weight.q.data() + row * k + g * kSmall, block + 2, kSmall);
    }
  }
  return weight;
}

}  // namespace loadmark
