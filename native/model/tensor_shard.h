// Which part of a model does one of several devices hold? Tensor parallelism as Megatron-LM has it
// (Shoeybi et al., 2019): q, k, v, gate, up and head are split by outputs, o and down by inputs,
// whose products are then added over the devices; the embedding table and the norms are held whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/checkpoint.h"
#include "model/model_config.h"

namespace loadmark {

struct TensorShard {
  int64_t rank = 0, ranks = 1;
};

struct Range {
  int64_t first = 0, count = 0;
};

// A module (n, k) of the checkpoint, and what is held of it.
struct ModulePart {
  std::string path;
  int64_t n = 0, k = 0;
  Range outputs, inputs;
};

// Whether devices share its inputs rather than its outputs.
bool splits_inputs(LinearKind kind);
// A whole module.
ModulePart whole_module(std::string path, int64_t n, int64_t k);
// The modules of a kind of linear, in the order of their outputs.
std::vector<ModulePart> linear_parts(const ModelConfig& whole, int64_t layer, LinearKind kind,
                                     const TensorShard& shard);
// What the head multiplies by, which may be the embedding.
ModulePart head_part(const ModelConfig& whole, const TensorShard& shard);

// The model as each of `ranks` devices sees it: with its own heads and MLP. Of fewer KV heads than
// devices each device has one, which several then hold. Vocabulary and hidden size stay whole.
ModelConfig shard_config(const ModelConfig& whole, int64_t ranks);

// Over how many devices can a model be split? Its sizes decide, and the groups of inputs that share
// a scale in o and down, which are not cut but where an act-order has scattered them anyway.
class ShardLimits {
 public:
  // Reads headers alone.
  ShardLimits(const ModelConfig& config, const Checkpoint& checkpoint);
  // Of a synthetic model.
  explicit ShardLimits(const ModelConfig& config);

  // Numbers of devices, ascending from 1 on.
  std::vector<int64_t> allowed() const;
  // Throws Error(kBadArgument) naming what cannot be split and the numbers that are allowed.
  void check(int64_t ranks) const;
  // In how many slices a device multiplies its inputs of o and down by, so that sums have one order
  // whether 1, 2 or 4 devices share them: a model that allows 4 devices has 4 slices, and so on.
  int64_t row_slices(int64_t ranks) const;

 private:
  // Inputs of a linear that is split by them, of which `unit` stay together.
  struct Inputs {
    std::string path;
    int64_t k, unit;
  };
  void add(const std::string& path, int64_t k, int64_t unit);
  // Why not; empty where it can be.
  std::string fault(int64_t ranks) const;

  const ModelConfig& config_;
  std::vector<Inputs> inputs_;  // distinct shapes
};

}  // namespace loadmark
