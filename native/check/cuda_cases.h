// What the checks of GPU operators share: the device, buffers that are poisoned before and looked
// at past their end after, and 16-bit values the way the device rounds them.
#pragma once

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "base/float16.h"
#include "check/ops_cases.h"
#include "ops/cuda/ops_cuda.h"

namespace loadmark::check {

namespace gpu_ops = ops::cuda;

struct GpuCases {
  Reporter& report;
  Cases& cases;
  ops::Context cpu;
  const gpu_ops::Gpu& gpu;
};

inline float round_activation(gpu_ops::Activation activation, float value) {
  return activation == gpu_ops::Activation::kFloat16 ? float16_to_float(float_to_float16(value))
                                                     : bfloat16_to_float(float_to_bfloat16(value));
}
// Half a unit in the last place, relative.
inline double rounding_of(gpu_ops::Activation activation) {
  return activation == gpu_ops::Activation::kFloat16 ? 0x1p-11 : 0x1p-8;
}
inline std::vector<uint16_t> to_bits(gpu_ops::Activation activation,
                                     const std::vector<float>& values) {
  std::vector<uint16_t> bits(values.size());
  std::transform(values.begin(), values.end(), bits.begin(), [&](float value) {
    return activation == gpu_ops::Activation::kFloat16 ? float_to_float16(value)
                                                       : float_to_bfloat16(value);
  });
  return bits;
}
inline std::vector<float> from_bits(gpu_ops::Activation activation,
                                    const std::vector<uint16_t>& bits) {
  std::vector<float> values(bits.size());
  std::transform(bits.begin(), bits.end(), values.begin(), [&](uint16_t value) {
    return activation == gpu_ops::Activation::kFloat16 ? float16_to_float(value)
                                                       : bfloat16_to_float(value);
  });
  return values;
}

// e4m3: bias 7, subnormals, no infinities, 448 the largest, to which larger values are cut.
inline uint8_t to_float8(float value) {
  const auto bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffffu;
  const uint32_t sign = bits >> 24 & 0x80;
  if (std::fabs(value) < 0x1p-6f)
    return static_cast<uint8_t>(sign |
                                static_cast<uint32_t>(std::nearbyint(std::fabs(value) * 512)));
  const uint32_t rounded = (magnitude + 0x7ffffu + (magnitude >> 20 & 1)) >> 20;
  return static_cast<uint8_t>(sign | std::min(rounded - (120u << 3), 0x7eu));
}
inline float from_float8(uint8_t bits) {
  const uint32_t magnitude = bits & 0x7fu;
  const float value = magnitude < 8 ? static_cast<float>(magnitude) * 0x1p-9f
                                    : std::bit_cast<float>((magnitude + (120u << 3)) << 20);
  return bits & 0x80 ? -value : value;
}

template <class T>
gpu_ops::DeviceBuffer to_gpu(const std::vector<T>& values) {
  return gpu_ops::upload(values.data(), values.size() * sizeof(T));
}
template <class T>
std::vector<T> from_gpu(const GpuCases& c, const gpu_ops::DeviceBuffer& buffer, size_t count) {
  std::vector<T> values(count);
  gpu_ops::copy_to_host(c.gpu.stream(), values.data(), buffer.as<void>(), count * sizeof(T));
  c.gpu.synchronize();
  return values;
}

// Output memory: NaN everywhere before, and past its end still NaN after.
class Poisoned {
 public:
  Poisoned(const GpuCases& c, size_t bytes) : bytes_(bytes), buffer_(bytes + kGuard) {
    gpu_ops::fill_bytes(c.gpu.stream(), buffer_.as<void>(), 0xff, bytes + kGuard);
  }
  void* data() const { return buffer_.as<void>(); }
  template <class T>
  std::vector<T> take(const GpuCases& c, const std::string& what) const {
    std::vector<uint8_t> all = from_gpu<uint8_t>(c, buffer_, bytes_ + kGuard);
    const bool kept = std::all_of(all.begin() + static_cast<std::ptrdiff_t>(bytes_), all.end(),
                                  [](uint8_t byte) { return byte == 0xff; });
    c.report.expect(kept, what + ": wrote past its end");
    std::vector<T> values(bytes_ / sizeof(T));
    std::memcpy(values.data(), all.data(), bytes_);
    return values;
  }

 private:
  static constexpr size_t kGuard = 256;
  size_t bytes_;
  gpu_ops::DeviceBuffer buffer_;
};

}  // namespace loadmark::check
