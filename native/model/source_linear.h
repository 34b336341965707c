// What does the checkpoint hold for linears that share an input? Reads them and joins those that
// can be one; formats are linear_formats.h's, packing for the kernels is weights.cpp's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/linear_formats.h"
#include "model/model_config.h"

namespace loadmark {

// A linear, or several that share their inputs, as the checkpoint holds them, before packing.
struct SourceLinear {
  std::string path;
  int64_t n = 0, k = 0;
  LinearContent content;
  std::vector<StoredLinear> stored;  // one a module
};

// The linear of module `path`, (n, k), without its bias (linear_bias.h).
SourceLinear read_linear(const ModelConfig& config, const Checkpoint& checkpoint,
                         const std::string& path, int64_t n, int64_t k);

bool can_fuse(const SourceLinear& a, const SourceLinear& b);
// a's outputs, then b's.
void fuse_into(SourceLinear* a, const SourceLinear& b);
// The linears of modules that share k inputs, outputs in order: fused into one where all can be.
std::vector<SourceLinear> read_fused(const ModelConfig& config, const Checkpoint& checkpoint,
                                     const std::vector<std::string>& paths,
                                     const std::vector<int64_t>& sizes, int64_t k);
// `count` values from the first on.
void to_float32(const FloatLinear& source, int64_t count, float* out);

// A float linear rounded per output channel, scale = absmax / 127.
struct RoundedInt8 {
  std::vector<int8_t> q;     // (n, k)
  std::vector<float> scale;  // (n)
};
RoundedInt8 round_to_int8(const FloatLinear& source, int64_t n, int64_t k);
// Integers with offsets, or int8 in groups, as fp16: what a device does that has no kernel for
// them.
FloatLinear as_float16(const SourceLinear& source);
// The same of rows that are int8 already.
RoundedInt8 as_rounded(const Int8Linear& source);

}  // namespace loadmark
