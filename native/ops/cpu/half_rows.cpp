// Plain conversions of runs of values between fp32 and the 16-bit formats.
#include "base/float16.h"
#include "ops/cpu/row_kernels.h"

namespace loadmark::ops {

void bfloat16_to_float_plain(const uint16_t* x, int64_t count, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = bfloat16_to_float(x[i]);
}

void float16_to_float_plain(const uint16_t* x, int64_t count, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = float16_to_float(x[i]);
}

void float_to_bfloat16_plain(const float* x, int64_t count, uint16_t* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = float_to_bfloat16(x[i]);
}

void float_to_float16_plain(const float* x, int64_t count, uint16_t* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = float_to_float16(x[i]);
}

}  // namespace loadmark::ops
