// rope: angles (shared by all heads of a row), dispatch and the plain rotation.
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "ops/cpu/row_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {

void rope_row_plain(float* x, const float* cosine, const float* sine, int64_t heads,
                    int64_t head_dim, int64_t dims) {
  const int64_t half = dims / 2;
  for (int64_t head = 0; head < heads; ++head) {
    float* first = x + head * head_dim;
    float* second = first + half;
    for (int64_t i = 0; i < half; ++i) {
      const float a = first[i], b = second[i];
      first[i] = a * cosine[i] - b * sine[i];
      second[i] = b * cosine[i] + a * sine[i];
    }
  }
}

namespace {

// The pairs (2 i, 2 i + 1), on every instruction set: rare, and little work beside the linears.
void rope_row_interleaved(float* x, const float* cosine, const float* sine, int64_t heads,
                          int64_t head_dim, int64_t dims) {
  for (int64_t head = 0; head < heads; ++head) {
    float* values = x + head * head_dim;
    for (int64_t i = 0; i < dims / 2; ++i) {
      const float a = values[2 * i], b = values[2 * i + 1];
      values[2 * i] = a * cosine[i] - b * sine[i];
      values[2 * i + 1] = b * cosine[i] + a * sine[i];
    }
  }
}

// Cosines and sines of recent positions: the layers of a step, and q and k, ask for the same ones
// again. Direct-mapped by position, a few hundred kilobytes a thread at most; forgotten when the
// frequencies change.
class AngleCache {
 public:
  // (half) cosines then (half) sines. Valid until the next call.
  const float* find(int32_t position, const float* inv_freq, int64_t half) {
    if (frequencies_.size() != static_cast<size_t>(half) ||
        std::memcmp(frequencies_.data(), inv_freq, frequencies_.size() * sizeof(float)) != 0) {
      frequencies_.assign(inv_freq, inv_freq + half);
      positions_.assign(kEntries, -1);
      values_.resize(static_cast<size_t>(kEntries * 2 * half));
    }
    const auto entry = static_cast<int64_t>(static_cast<uint32_t>(position) % kEntries);
    float* values = values_.data() + entry * 2 * half;
    int32_t& held = positions_[static_cast<size_t>(entry)];
    if (held != position || position < 0) {
      for (int64_t i = 0; i < half; ++i) {
        // The angle is rounded to fp32 first, as PyTorch models do; its sine and cosine are then
        // libm's.
        const float angle = static_cast<float>(position) * inv_freq[i];
        values[i] = std::cos(angle);
        values[half + i] = std::sin(angle);
      }
      held = position;
    }
    return values;
  }

 private:
  static constexpr int64_t kEntries = 512;
  std::vector<float> frequencies_, values_;
  std::vector<int32_t> positions_;
};

}  // namespace

void rope(const Context& context, float* x, int64_t stride, const int32_t* positions,
          const Rotary& rotary, int64_t rows, int64_t heads, int64_t head_dim) {
  if (rotary.dims % 2 != 0 || rotary.dims > head_dim) {
    throw Error(kBadArgument, "rotary dims are " + std::to_string(rotary.dims) +
                                  "; allowed: even numbers to head_dim, " +
                                  std::to_string(head_dim));
  }
  const auto kernel = rotary.interleaved ? rope_row_interleaved : row_kernels(context.isa).rope_row;
  const int64_t half = rotary.dims / 2;
  run_rows(context, rows, heads * head_dim + head_dim * 4, [&](int64_t row) {
    thread_local AngleCache cache;
    const float* angles = cache.find(positions[row], rotary.inv_freq, half);
    kernel(x + row * stride, angles, angles + half, heads, head_dim, rotary.dims);
  });
}

}  // namespace loadmark::ops
