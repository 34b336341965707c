// What does the checkpoint hold for one linear? Reads and checks its tensors, and joins linears
// that share an input; packing them for the kernels is weights.cpp's.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/model_config.h"
#include "model/safetensors.h"
#include "quant/int4_format.h"

namespace loadmark {

// A linear as the checkpoint holds it, before packing. The bits are an aligned copy, (n, k): a
// vector's memory is aligned for every scalar.
struct FloatLinear {
  DataType type;
  std::vector<uint8_t> bits;
};
struct SourceLinear {
  std::string path;
  int64_t n = 0, k = 0;
  std::variant<FloatLinear, Int4Weight> content;
};

// An F32, BF16 or F16 tensor of this shape; throws Error(kBadCheckpoint) otherwise.
const Tensor& find_float(const Checkpoint& checkpoint, const std::string& name,
                         const std::vector<int64_t>& shape);
// A copy of such a tensor, every value finite.
FloatLinear read_float(const Checkpoint& checkpoint, const std::string& name,
                       const std::vector<int64_t>& shape);
// Whether the module `path` is stored as GPTQ int4.
bool is_gptq(const ModelConfig& config, const Checkpoint& checkpoint, const std::string& path);
// Columns a scale covers in a linear of k inputs.
int64_t effective_group(const QuantizationConfig& quantization, int64_t k);
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

}  // namespace loadmark
