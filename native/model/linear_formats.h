// Reads one linear's tensors in the format they have, each checked as it is copied.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/stored_linear.h"

namespace loadmark {

// Bits (n, k) of a float type, an aligned copy: a vector's memory is aligned for every scalar.
struct FloatLinear {
  DataType type;
  std::vector<uint8_t> bits;
};
// LLM.int8(): w = q absmax[n] / 127.
struct Int8Linear {
  std::vector<int8_t> q;      // (n, k)
  std::vector<float> absmax;  // (n)
};
// w = q scale[n]: what a checkpoint's int8 or, at load, float rows become.
struct RoundedInt8 {
  std::vector<int8_t> q;     // (n, k)
  std::vector<float> scale;  // (n)
};
using LinearContent = std::variant<FloatLinear, Int4Weight, Int8Linear, Int8Groups, RoundedInt8>;

// Of the linear that find_linear found, as stored: no RoundedInt8. Throws Error(kBadCheckpoint)
// naming the tensor.
LinearContent read_content(const StoredLinear& stored, const ModelConfig& config,
                           const Checkpoint& checkpoint, const std::string& path, int64_t n,
                           int64_t k);
// A float tensor as it is, a block tensor as fp16; every value finite.
FloatLinear read_float(const Checkpoint& checkpoint, const std::string& name,
                       const std::vector<int64_t>& shape);
// The linear in fp32 (n, k), exactly what the format's reference computes, before the engine rounds
// it to what it holds.
std::vector<float> decode_linear(const ModelConfig& config, const Checkpoint& checkpoint,
                                 const std::string& path, int64_t n, int64_t k);

}  // namespace loadmark
