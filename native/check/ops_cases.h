// What the operator checks share: the instruction sets at hand, random inputs, 16-bit formats
// computed independently.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "check/reporter.h"
#include "ops/ops.h"

namespace loadmark::check {

struct Cases {
  Reporter& report;
  std::mt19937_64 random;
  bool quick;
  ThreadPool& one;
  ThreadPool& two;
  ThreadPool& three;
  std::vector<ops::Isa> isas;

  std::vector<float> normal(int64_t count, float deviation = 1.0f) {
    std::normal_distribution<float> draw(0.0f, deviation);
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = draw(random);
    return values;
  }
  int64_t below(int64_t limit) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(limit));
  }
};

inline std::vector<float> poisoned(int64_t count) {
  return std::vector<float>(static_cast<size_t>(count), NAN);
}

inline std::string isa_tag(ops::Isa isa) { return std::string(" [") + ops::isa_name(isa) + "]"; }

// Rounds to the nearest value with `mantissa` stored bits and exponents from `lowest` on, ties to
// even.
inline double round_to(double value, int mantissa, int lowest, double largest) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int exponent = std::max(std::ilogb(value), lowest);
  const double unit = std::ldexp(1.0, exponent - mantissa);
  const double rounded = std::nearbyint(value / unit) * unit;
  return std::fabs(rounded) > largest ? std::copysign(INFINITY, value) : rounded;
}
inline double round_to_float16(double value) { return round_to(value, 10, -14, 65504.0); }
inline double round_to_bfloat16(double value) {
  return round_to(value, 7, -126, 3.3895313892515355e38);
}

// The bits of a value that is exactly representable.
inline uint16_t bfloat16_bits(double value) {
  const auto single = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &single, 4);
  return static_cast<uint16_t>(bits >> 16);
}
inline uint16_t float16_bits(double value) {
  const int sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(value);
  if (std::isinf(magnitude)) return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < std::ldexp(1.0, -14))
    return static_cast<uint16_t>(sign | static_cast<int>(std::ldexp(magnitude, 24)));
  const int exponent = std::ilogb(magnitude);
  const auto fraction = static_cast<int>(std::ldexp(magnitude, 10 - exponent)) - 1024;
  return static_cast<uint16_t>(sign | (exponent + 15) << 10 | fraction);
}

}  // namespace loadmark::check
