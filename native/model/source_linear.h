// What does the checkpoint hold for linears that share an input? Reads them and joins those that
// can be one; formats are linear_formats.h's, packing for the kernels is weights.cpp's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/linear_formats.h"
#include "model/model_config.h"
#include "model/tensor_shard.h"

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
// What is held of modules that share their inputs, outputs in order: rows rounded to int8 where the
// format asks for it, cut, and fused into one where all can be. Holds one whole module at a time.
std::vector<SourceLinear> read_fused(const ModelConfig& config, const Checkpoint& checkpoint,
                                     const std::vector<ModulePart>& parts, WeightFormat format);
// `count` values from the first on.
void to_float32(const FloatLinear& source, int64_t count, float* out);

// A float linear rounded per output channel, scale = absmax / 127.
RoundedInt8 round_to_int8(const FloatLinear& source, int64_t n, int64_t k);
// Integers with offsets, or int8 in groups, as fp16: what a device does that has no kernel for
// them.
FloatLinear as_float16(const SourceLinear& source);

}  // namespace loadmark
