// How does the checkpoint store one linear, and what will the engine hold it as? Answers from
// names, headers and, where only they tell, the scales; reading the weights is linear_formats.h's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/checkpoint.h"
#include "model/model_config.h"
#include "ops/ops.h"

namespace loadmark {

// kCheckpoint: as stored. kInt8: the layers' float linears rounded per output channel, scale =
// absmax / 127; the head stays as stored, where rounding costs most.
enum class WeightFormat { kCheckpoint, kInt8 };

enum class LinearFormat {
  kFloat,
  kBlocks,
  kGptq,
  kAwq,
  kCompressedTensors,
  kMarlin,
  kNf4,
  kLlmInt8
};

struct StoredLinear {
  LinearFormat format = LinearFormat::kFloat;
  std::string name;  // "bf16", "Q4_K", "gptq", "awq", "nf4", ...
  ops::WeightType held = ops::WeightType::kFloat32;
  int64_t group_size = 0;    // of int4, and of int8 where a scale is not a whole row's
  bool symmetric = true;     // of int4: every zero point is 8
  bool act_order = false;    // of int4: columns may be in any order of groups
  bool offsets = false;      // of int4: offsets in place of zero points
  bool gpu_decodes = false;  // a GPU has no kernel for it and holds it as fp16
  int64_t stored_bytes = 0;  // of all its tensors, the bias left out
  std::string reason;        // why it is not held as it is stored; empty where it is
};

// The linear of module `path`, (n, k). Throws Error(kBadCheckpoint) where its tensors contradict
// config.json or one another, Error(kUnsupportedModel) for what is not read.
StoredLinear find_linear(const ModelConfig& config, const Checkpoint& checkpoint,
                         const std::string& path, int64_t n, int64_t k);
// Bytes the engine holds for it, an estimate from above.
int64_t held_bytes(const StoredLinear& linear, int64_t n, int64_t k);

// Columns a scale covers in a linear of k inputs.
int64_t effective_group(const QuantizationConfig& quantization, int64_t k);
// A float or block tensor of this shape; throws Error(kBadCheckpoint) otherwise.
const Tensor& find_float(const Checkpoint& checkpoint, const std::string& name,
                         const std::vector<int64_t>& shape);
// What its values are held as: blocks are fp16, 2 bytes a value that round by 2^-11 at most.
DataType held_type(DataType type);
int64_t held_float_bytes(const Tensor& tensor);
// The weight type of a float type; throws Error(kInternal) for any other.
ops::WeightType float_weight_type(DataType type);
const char* weight_type_name(ops::WeightType type);  // "fp32", "bf16", "fp16", "int8", "int4"

// Whether every scale of a compressed-tensors linear is an fp16 number, as the engine's int4 needs.
bool scales_fit_float16(const Tensor& scales);
// The quant_state of an NF4 linear.
struct Nf4State {
  DataType type = DataType::kFloat32;  // what bitsandbytes computes with
  int64_t block = 64;
  bool nested = false;
  int64_t nested_block = 256;
  float nested_offset = 0;
};
Nf4State read_nf4_state(const Checkpoint& checkpoint, const std::string& path, int64_t n,
                        int64_t k);

}  // namespace loadmark
