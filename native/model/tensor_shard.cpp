// Ranges are of whole heads, of equal parts of the MLP and of the vocabulary.
#include "model/tensor_shard.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "model/weights.h"

namespace loadmark {
namespace {

// Equal parts of `count`.
Range equal_part(int64_t count, const TensorShard& shard) {
  return {count / shard.ranks * shard.rank, count / shard.ranks};
}

Range kv_part(const ModelConfig& whole, const TensorShard& shard) {
  const int64_t heads = std::max<int64_t>(1, whole.kv_heads / shard.ranks);
  return {shard.rank * whole.kv_heads / shard.ranks * whole.head_dim, heads * whole.head_dim};
}

}  // namespace

bool splits_inputs(LinearKind kind) { return kind == LinearKind::kO || kind == LinearKind::kDown; }

ModulePart whole_module(std::string path, int64_t n, int64_t k) {
  return {std::move(path), n, k, {0, n}, {0, k}};
}

std::vector<ModulePart> linear_parts(const ModelConfig& whole, int64_t layer, LinearKind kind,
                                     const TensorShard& shard) {
  const std::vector<std::string>& modules = linear_module_names(whole, kind);
  const std::vector<int64_t> sizes = linear_output_sizes(whole, kind);
  const int64_t k = linear_input_size(whole, kind);
  std::vector<ModulePart> parts;
  for (size_t i = 0; i < modules.size(); ++i) {
    ModulePart part = whole_module(linear_module_path(whole, layer, modules[i]), sizes[i], k);
    if (splits_inputs(kind)) {
      part.inputs = equal_part(k, shard);
    } else if (kind == LinearKind::kQkv && i > 0) {
      part.outputs = kv_part(whole, shard);
    } else {
      part.outputs = equal_part(sizes[i], shard);
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

ModulePart head_part(const ModelConfig& whole, const TensorShard& shard) {
  ModulePart part = whole_module(head_path(whole), whole.vocab_size, whole.hidden_size);
  part.outputs = equal_part(whole.vocab_size, shard);
  return part;
}

ModelConfig shard_config(const ModelConfig& whole, int64_t ranks) {
  ModelConfig config = whole;
  config.heads /= ranks;
  config.kv_heads = std::max<int64_t>(1, whole.kv_heads / ranks);
  config.intermediate_size /= ranks;
  return config;
}

ShardLimits::ShardLimits(const ModelConfig& config, const Checkpoint& checkpoint)
    : config_(config) {
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      if (!splits_inputs(kind)) continue;
      for (const ModulePart& part : linear_parts(config, layer, kind, {})) {
        const StoredLinear stored = find_linear(config, checkpoint, part.path, part.n, part.k);
        const bool grouped = stored.group_size > 0 && stored.group_size < part.k;
        add(part.path, part.k, grouped && !stored.act_order ? stored.group_size : 1);
      }
    }
  }
}

ShardLimits::ShardLimits(const ModelConfig& config) : config_(config) {
  for (const LinearKind kind : kLinearKinds) {
    if (!splits_inputs(kind)) continue;
    for (const ModulePart& part : linear_parts(config, 0, kind, {})) {
      const int64_t group = effective_group(*config.quantization, part.k);
      add(part.path, part.k, group < part.k ? group : 1);
    }
  }
}

void ShardLimits::add(const std::string& path, int64_t k, int64_t unit) {
  const bool known = std::any_of(inputs_.begin(), inputs_.end(), [&](const Inputs& inputs) {
    return inputs.k == k && inputs.unit == unit;
  });
  if (!known) inputs_.push_back({path, k, unit});
}

std::string ShardLimits::fault(int64_t ranks) const {
  if (ranks == 1) return "";  // nothing is cut, not even a last group that is short
  const std::pair<const char*, int64_t> sizes[] = {
      {"the number of attention heads", config_.heads},
      {"the MLP's intermediate size", config_.intermediate_size},
      {"the vocabulary", config_.vocab_size}};
  for (const auto& [name, size] : sizes) {
    if (size % ranks != 0)
      return std::string(name) + " is " + std::to_string(size) + ", no multiple of that";
  }
  if (config_.kv_heads % ranks != 0 && ranks % config_.kv_heads != 0) {
    return "the number of KV heads is " + std::to_string(config_.kv_heads) +
           ", neither a multiple nor a divisor of that";
  }
  for (const Inputs& inputs : inputs_) {
    if (inputs.k / ranks % inputs.unit == 0) continue;
    return inputs.path + " has scales for groups of " + std::to_string(inputs.unit) +
           " inputs, and a device would have " + std::to_string(inputs.k / ranks) +
           " inputs, which cuts a group";
  }
  return "";
}

std::vector<int64_t> ShardLimits::allowed() const {
  std::vector<int64_t> numbers;
  for (int64_t ranks = 1; ranks <= config_.heads; ++ranks) {
    if (fault(ranks).empty()) numbers.push_back(ranks);
  }
  return numbers;
}

void ShardLimits::check(int64_t ranks) const {
  const std::string why = fault(ranks);
  if (why.empty()) return;
  std::string numbers;
  for (const int64_t each : allowed())
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(each);
  throw Error(kBadArgument, "tensorParallelDevices names " + std::to_string(ranks) +
                                " devices: " + why + "; allowed for this model: " + numbers);
}

int64_t ShardLimits::row_slices(int64_t ranks) const {
  int64_t slices = 4;
  while (slices > 1 && !fault(slices).empty()) slices /= 2;
  return slices % ranks == 0 ? slices / ranks : 1;
}

}  // namespace loadmark
