// The plain C++ forms of the linear kernels: the arithmetic every tuned form must reproduce.
#include <algorithm>
#include <bit>
#include <cmath>

#include "base/float16.h"
#include "ops/cpu/linear_kernels.h"

namespace loadmark::ops {
namespace {

void store(const LinearBlock& block, int64_t row, int64_t panel, const float* sum) {
  const int64_t lanes = std::min(kPanel, block.n - panel * kPanel);
  float* y = block.y + row * block.y_stride + panel * kPanel;
  for (int64_t lane = 0; lane < lanes; ++lane) y[lane] = sum[lane];
}

template <class T, class ToFloat>
void multiply_floats(const LinearBlock& block, ToFloat to_float) {
  for (int64_t panel = 0; panel < block.panels; ++panel) {
    const T* w = reinterpret_cast<const T*>(block.w + panel * block.panel_bytes);
    for (int64_t row = 0; row < block.rows; ++row) {
      const float* x = block.x + row * block.x_stride;
      float sum[kPanel] = {};
      for (int64_t column = 0; column < block.k; ++column) {
        for (int64_t lane = 0; lane < kPanel; ++lane)
          sum[lane] += x[column] * to_float(w[column * kPanel + lane]);
      }
      store(block, row, panel, sum);
    }
  }
}

// q of (padded column, lane) in an int4 panel.
int int4_value(const uint8_t* panel, int64_t column, int64_t lane) {
  const uint8_t byte = panel[column / 8 * (kPanel * 4) + lane * 4 + column % 4];
  return column % 8 < 4 ? byte & 15 : byte >> 4;
}

int int8_value(const uint8_t* panel, int64_t column, int64_t lane) {
  return panel[column / 4 * (kPanel * 4) + lane * 4 + column % 4];
}

int64_t group_at(const LinearBlock& block, int64_t panel, int64_t group, int64_t lane) {
  return (panel * block.groups + group) * kPanel + lane;
}

int zero_of(const LinearBlock& block, int64_t at) {
  if (block.offset != nullptr) return 0;
  return block.zero == nullptr ? 8 : block.zero[at];
}

float int8_scale(const LinearBlock& block, int64_t panel, int64_t group, int64_t lane) {
  return block.scale8 == nullptr
             ? float16_to_float(block.group_scale[group_at(block, panel, group, lane)])
             : block.scale8[panel * kPanel + lane];
}

template <class Value>
int32_t dot(const uint8_t* panel, const int8_t* x, const Segment& segment, int64_t lane,
            Value value) {
  int32_t sum = 0;
  for (int64_t column = segment.begin; column < segment.begin + segment.steps * 8; ++column) {
    sum += x[column] * value(panel, column, lane);
  }
  return sum;
}

}  // namespace

void linear_float32_plain(const LinearBlock& block) {
  multiply_floats<float>(block, [](float w) { return w; });
}

void linear_bfloat16_plain(const LinearBlock& block) {
  multiply_floats<uint16_t>(block, bfloat16_to_float);
}

void linear_float16_plain(const LinearBlock& block) {
  multiply_floats<uint16_t>(block, float16_to_float);
}

void linear_int8_dequantized_plain(const LinearBlock& block) {
  for (int64_t panel = 0; panel < block.panels; ++panel) {
    const uint8_t* w = block.w + panel * block.panel_bytes;
    for (int64_t row = 0; row < block.rows; ++row) {
      const float* x = block.x + row * block.x_stride;
      float sum[kPanel] = {};
      for (int64_t s = 0; s < block.segment_count; ++s) {
        const Segment& segment = block.segments[s];
        for (int64_t column = segment.begin; column < segment.begin + segment.steps * 8; ++column) {
          for (int64_t lane = 0; lane < kPanel; ++lane) {
            const float scale = int8_scale(block, panel, segment.group, lane);
            sum[lane] +=
                x[column] * (scale * static_cast<float>(int8_value(w, column, lane) - 128));
          }
        }
      }
      store(block, row, panel, sum);
    }
  }
}

void linear_int4_dequantized_plain(const LinearBlock& block) {
  for (int64_t panel = 0; panel < block.panels; ++panel) {
    const uint8_t* w = block.w + panel * block.panel_bytes;
    for (int64_t row = 0; row < block.rows; ++row) {
      const float* x = block.x + row * block.x_stride;
      float sum[kPanel] = {};
      for (int64_t s = 0; s < block.segment_count; ++s) {
        const Segment& segment = block.segments[s];
        for (int64_t column = segment.begin; column < segment.begin + segment.steps * 8; ++column) {
          for (int64_t lane = 0; lane < kPanel; ++lane) {
            const int64_t at = group_at(block, panel, segment.group, lane);
            const int q = int4_value(w, column, lane) - zero_of(block, at);
            float value = float16_to_float(block.group_scale[at]) * static_cast<float>(q);
            if (block.offset != nullptr) value += float16_to_float(block.offset[at]);
            sum[lane] += x[column] * value;
          }
        }
      }
      store(block, row, panel, sum);
    }
  }
}

void linear_int8_plain(const LinearBlock& block) {
  for (int64_t panel = 0; panel < block.panels; ++panel) {
    const uint8_t* w = block.w + panel * block.panel_bytes;
    for (int64_t row = 0; row < block.rows; ++row) {
      const int8_t* x = block.xq + row * block.k;
      float sum[kPanel] = {};
      for (int64_t s = 0; s < block.segment_count; ++s) {
        const int64_t at = s * block.x_rows + row;
        for (int64_t lane = 0; lane < kPanel; ++lane) {
          const int32_t exact =
              dot(w, x, block.segments[s], lane, int8_value) - 128 * block.x_sum[at];
          const float scale =
              block.scale8 == nullptr
                  ? int8_scale(block, panel, block.segments[s].group, lane) * block.x_scale[at]
                  : block.x_scale[at];
          sum[lane] = std::fma(static_cast<float>(exact), scale, sum[lane]);
        }
      }
      for (int64_t lane = 0; block.scale8 != nullptr && lane < kPanel; ++lane)
        sum[lane] *= block.scale8[panel * kPanel + lane];
      store(block, row, panel, sum);
    }
  }
}

void linear_int4_plain(const LinearBlock& block) {
  for (int64_t panel = 0; panel < block.panels; ++panel) {
    const uint8_t* w = block.w + panel * block.panel_bytes;
    for (int64_t row = 0; row < block.rows; ++row) {
      const int8_t* x = block.xq + row * block.k;
      float sum[kPanel] = {};
      for (int64_t s = 0; s < block.segment_count; ++s) {
        const int64_t at = s * block.x_rows + row;
        for (int64_t lane = 0; lane < kPanel; ++lane) {
          const int64_t group = group_at(block, panel, block.segments[s].group, lane);
          const int32_t exact = dot(w, x, block.segments[s], lane, int4_value) -
                                zero_of(block, group) * block.x_sum[at];
          const float scale = float16_to_float(block.group_scale[group]) * block.x_scale[at];
          sum[lane] = std::fma(static_cast<float>(exact), scale, sum[lane]);
          if (block.offset == nullptr) continue;
          sum[lane] = std::fma(float16_to_float(block.offset[group]),
                               static_cast<float>(block.x_sum[at]) * block.x_scale[at], sum[lane]);
        }
      }
      store(block, row, panel, sum);
    }
  }
}

void quantize_row_plain(const float* x, const Segment* segments, int64_t count, int8_t* q,
                        float* scale, int32_t* sum, int64_t stride) {
  for (int64_t s = 0; s < count; ++s) {
    const int64_t begin = segments[s].begin, end = begin + segments[s].steps * 8;
    // The largest magnitude as bits: integer order is the order of magnitudes, with NaN above
    // infinity above the rest.
    uint32_t largest = 0;
    for (int64_t i = begin; i < end; ++i)
      largest = std::max(largest, std::bit_cast<uint32_t>(x[i]) & 0x7fffffffu);
    const float absmax = std::bit_cast<float>(largest);
    const float inverse = absmax > 0 ? 127.0f / absmax : 0.0f;
    scale[s * stride] = absmax / 127.0f;
    int32_t total = 0;
    for (int64_t i = begin; i < end; ++i) {
      // inverse overflows for absmax below 127 / FLT_MAX: the clamp gives +-127 there, NaN (0 *
      // inf) gives 0
      const float scaled = x[i] * inverse;
      const float clamped = scaled > 127.0f     ? 127.0f
                            : scaled > -127.0f  ? scaled
                            : scaled <= -127.0f ? -127.0f
                                                : 0.0f;
      q[i] = static_cast<int8_t>(std::nearbyint(clamped));
      total += q[i];
    }
    sum[s * stride] = total;
  }
}

}  // namespace loadmark::ops
