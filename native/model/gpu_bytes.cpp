// Adds up what CudaLlama allocates, piece by piece.
#include "model/gpu_bytes.h"

#include <algorithm>
#include <functional>

#include "model/source_linear.h"
#include "ops/gpu_packed_bytes.h"

namespace loadmark {
namespace {

// As the driver hands it out: what is large in whole pages of 2 MiB.
int64_t allocated(int64_t bytes) {
  constexpr int64_t kPage = int64_t{2} << 20;
  return bytes < kPage / 2 ? bytes : (bytes + kPage - 1) / kPage * kPage;
}

// (n, k) of a linear that has `whole_k` inputs on all GPUs together.
int64_t int4_bytes(const StoredLinear& linear, int64_t n, int64_t k, int64_t whole_k,
                   bool gate_up) {
  int64_t group_size = linear.group_size;
  if (linear.act_order && k < whole_k) {
    // Parts of groups, each filled up to 32 columns (linear_cut.cpp).
    k += (whole_k + group_size - 1) / group_size * 31;
    group_size = 32;
  }
  const ops::cuda::PackedBytes bytes =
      ops::cuda::packed_int4_bytes(n, k, group_size, gate_up, !linear.symmetric, linear.act_order);
  return allocated(bytes.blocks) + allocated(bytes.meta) + allocated(bytes.order);
}

// Linears over one input, fused where all of them are int4; others are as large side by side.
int64_t linear_bytes(const ModelConfig& config, const Checkpoint& checkpoint,
                     const std::vector<ModulePart>& parts, WeightFormat format, bool gate_up) {
  std::vector<StoredLinear> linears;
  for (const ModulePart& part : parts)
    linears.push_back(find_linear(config, checkpoint, part.path, part.n, part.k));
  const StoredLinear& first = linears.front();
  int64_t int4_n = 0, total = 0;
  const bool fused = std::all_of(linears.begin(), linears.end(), [&](const StoredLinear& linear) {
    return linear.held == ops::WeightType::kInt4 && !linear.gpu_decodes &&
           linear.group_size == first.group_size;
  });
  for (size_t i = 0; i < parts.size(); ++i) {
    const int64_t n = parts[i].outputs.count, k = parts[i].inputs.count;
    if (fused) {
      int4_n += n;
    } else if (linears[i].gpu_decodes) {
      total += allocated(n * k * 2);
    } else if (linears[i].held == ops::WeightType::kInt4) {
      total += int4_bytes(linears[i], n, k, parts[i].k, false);
    } else {
      const bool int8 = format == WeightFormat::kInt8 || linears[i].held == ops::WeightType::kInt8;
      total +=
          int8 ? allocated(n * k) + allocated(n * int64_t{sizeof(float)}) : allocated(n * k * 2);
    }
  }
  if (!fused) return total;
  const ModulePart& part = parts.front();
  return int4_bytes(first, int4_n, part.inputs.count, part.k, gate_up);
}

}  // namespace

int64_t gpu_weight_bytes(const ModelConfig& config, const Checkpoint& checkpoint,
                         WeightFormat format, int64_t ranks) {
  const TensorShard shard = {0, ranks};
  const std::string table = std::string(config.names->embedding) + ".weight";
  int64_t total = norm_and_bias_bytes(shard_config(config, ranks)) +
                  allocated(held_float_bytes(
                      find_float(checkpoint, table, {config.vocab_size, config.hidden_size}))) +
                  linear_bytes(config, checkpoint, {head_part(config, shard)},
                               WeightFormat::kCheckpoint, false);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      total += linear_bytes(config, checkpoint, linear_parts(config, layer, kind, shard), format,
                            interleaves_gate(config, kind));
    }
  }
  return total;
}

int64_t gpu_weight_bytes(const ModelConfig& config, int64_t ranks) {
  const ModelConfig rank = shard_config(config, ranks);
  int64_t layer = 0;
  for (const LinearKind kind : kLinearKinds) {
    int64_t n = 0;
    for (const int64_t size : linear_output_sizes(rank, kind)) n += size;
    const int64_t k = linear_input_size(rank, kind);
    const StoredLinear linear{.name = {},
                              .held = ops::WeightType::kInt4,
                              .group_size = effective_group(*config.quantization, k),
                              .symmetric = config.quantization->symmetric,
                              .reason = {}};
    layer += int4_bytes(linear, n, k, k, kind == LinearKind::kGateUp);
  }
  const int64_t table = config.vocab_size * config.hidden_size * 2;
  return norm_and_bias_bytes(rank) + allocated(table) + allocated(table / ranks) +
         config.layers * layer;
}

bool interleaves_gate(const ModelConfig& config, LinearKind kind) {
  return kind == LinearKind::kGateUp && config.mlp == MlpKind::kSiluGated && !config.bias[kind];
}

int64_t gpu_scratch_bytes(const ModelConfig& config, int64_t max_rows, int64_t max_positions) {
  const int64_t widest = std::max({config.hidden_size, config.q_size(), config.intermediate_size});
  const int64_t row = config.hidden_size * 6 + config.qkv_size() * 2 + config.q_size() * 2 +
                      config.intermediate_size * 6 + (widest * 3 / 2 + 128) * 2 +
                      std::max(config.qkv_size(), 2 * config.intermediate_size) * 2;
  return max_rows * row + max_positions * config.head_dim * int64_t{sizeof(float)};
}

}  // namespace loadmark
