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

int64_t int4_bytes(const StoredLinear& linear, int64_t n, int64_t k, bool gate_up) {
  const ops::cuda::PackedBytes bytes = ops::cuda::packed_int4_bytes(
      n, k, linear.group_size, gate_up, !linear.symmetric, linear.act_order);
  return allocated(bytes.blocks) + allocated(bytes.meta) + allocated(bytes.order);
}

// Linears over one input, fused where all of them are int4; others are as large side by side.
int64_t linear_bytes(const ModelConfig& config, const Checkpoint& checkpoint,
                     const std::vector<std::string>& paths, const std::vector<int64_t>& sizes,
                     int64_t k, WeightFormat format, bool gate_up) {
  std::vector<StoredLinear> linears;
  for (size_t i = 0; i < paths.size(); ++i)
    linears.push_back(find_linear(config, checkpoint, paths[i], sizes[i], k));
  const StoredLinear& first = linears.front();
  int64_t int4_n = 0, total = 0;
  const bool fused = std::all_of(linears.begin(), linears.end(), [&](const StoredLinear& linear) {
    return linear.held == ops::WeightType::kInt4 && !linear.gpu_decodes &&
           linear.group_size == first.group_size;
  });
  for (size_t i = 0; i < paths.size(); ++i) {
    if (fused) {
      int4_n += sizes[i];
    } else if (linears[i].gpu_decodes) {
      total += allocated(sizes[i] * k * 2);
    } else if (linears[i].held == ops::WeightType::kInt4) {
      total += int4_bytes(linears[i], sizes[i], k, false);
    } else {
      const bool int8 = format == WeightFormat::kInt8 || linears[i].held == ops::WeightType::kInt8;
      total += int8 ? allocated(sizes[i] * k) + allocated(sizes[i] * int64_t{sizeof(float)})
                    : allocated(sizes[i] * k * 2);
    }
  }
  return fused ? int4_bytes(first, int4_n, k, gate_up) : total;
}

}  // namespace

int64_t gpu_weight_bytes(const ModelConfig& config, const Checkpoint& checkpoint,
                         WeightFormat format) {
  const int64_t vocab = config.vocab_size, hidden = config.hidden_size;
  const std::string table = std::string(config.names->embedding) + ".weight";
  int64_t total = norm_and_bias_bytes(config) +
                  allocated(held_float_bytes(find_float(checkpoint, table, {vocab, hidden}))) +
                  linear_bytes(config, checkpoint, {head_path(config)}, {vocab}, hidden,
                               WeightFormat::kCheckpoint, false);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      std::vector<std::string> paths;
      for (const std::string& module : linear_module_names(config, kind))
        paths.push_back(linear_module_path(config, layer, module));
      total +=
          linear_bytes(config, checkpoint, paths, linear_output_sizes(config, kind),
                       linear_input_size(config, kind), format, interleaves_gate(config, kind));
    }
  }
  return total;
}

int64_t gpu_weight_bytes(const ModelConfig& config) {
  int64_t layer = 0;
  for (const LinearKind kind : kLinearKinds) {
    int64_t n = 0;
    for (const int64_t size : linear_output_sizes(config, kind)) n += size;
    const int64_t k = linear_input_size(config, kind);
    const StoredLinear linear{.held = ops::WeightType::kInt4,
                              .group_size = effective_group(*config.quantization, k),
                              .symmetric = config.quantization->symmetric};
    layer += int4_bytes(linear, n, k, kind == LinearKind::kGateUp);
  }
  const int64_t table = allocated(config.vocab_size * config.hidden_size * 2);
  return norm_and_bias_bytes(config) + 2 * table + config.layers * layer;
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
