#include "model/random_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/float16.h"
#include "model/linear_cut.h"

namespace loadmark {
namespace {

// SplitMix64 (Steele, Lea and Flood, 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

int64_t output_size(const ModelConfig& config, LinearKind kind) {
  int64_t n = 0;
  for (const int64_t part : linear_output_sizes(config, kind)) n += part;
  return n;
}

// Integers of either sign alike, around a zero point of 8, so that no common direction grows from
// layer to layer; one scale everywhere, which keeps the output as large as the input.
Int4Weight random_int4(int64_t n, int64_t k, int64_t group_size, Random* random) {
  Int4Weight weight;
  weight.n = n;
  weight.k = k;
  weight.group_size = std::min(group_size, k);
  weight.q.resize(static_cast<size_t>(n * k));
  uint64_t bits = 0;
  for (size_t i = 0; i < weight.q.size(); ++i) {
    bits = i % 16 == 0 ? random->next() : bits >> 4;
    const auto nibble = static_cast<uint8_t>(bits & 15);
    weight.q[i] = nibble == 0 ? 8 : nibble;
  }
  const double mean_square = 17.5;  // of 1 to 15 around 8, 8 twice as often
  const auto scale = static_cast<float>(1 / std::sqrt(mean_square * static_cast<double>(k)));
  const auto groups = static_cast<size_t>(weight.groups() * n);
  weight.scale.assign(groups, float16_to_float(float_to_float16(scale)));
  weight.zero.assign(groups, 8);
  return weight;
}

// fp16 of either sign, evenly within `spread` of 0 but for the lowest bits.
std::vector<uint16_t> random_float16(int64_t count, double spread, Random* random) {
  std::vector<uint16_t> table(1 << 12);
  for (size_t i = 0; i < table.size(); ++i) {
    const double place = (static_cast<double>(i) + 0.5) / static_cast<double>(table.size());
    table[i] = float_to_float16(static_cast<float>(spread * (2 * place - 1)));
  }
  std::vector<uint16_t> values(static_cast<size_t>(count));
  uint64_t bits = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    bits = i % 5 == 0 ? random->next() : bits >> 12;
    values[i] = table[bits & 0xfff];
  }
  return values;
}

// What the shard holds of modules that lie fused in `whole`.
SourceLinear cut_fused(const SourceLinear& whole, const std::vector<ModulePart>& parts) {
  SourceLinear fused;
  int64_t first = 0;
  for (const ModulePart& part : parts) {
    SourceLinear cut =
        cut_linear(whole, {first + part.outputs.first, part.outputs.count}, part.inputs);
    first += part.n;
    if (&part == &parts.front()) {
      fused = std::move(cut);
    } else {
      fuse_into(&fused, cut);
    }
  }
  return fused;
}

}  // namespace

int64_t plan_random_bytes(const ModelConfig& config, int64_t ranks) {
  const ModelConfig rank = shard_config(config, ranks);
  StoredLinear linear;
  linear.held = ops::WeightType::kInt4;
  int64_t layer = 0;
  for (const LinearKind kind : kLinearKinds) {
    const int64_t k = linear_input_size(rank, kind);
    linear.group_size = effective_group(*config.quantization, k);
    layer += held_bytes(linear, output_size(rank, kind), k);
  }
  const int64_t table = 2 * config.vocab_size * config.hidden_size;
  return config.layers * layer + table + table / ranks + norm_and_bias_bytes(rank);
}

int64_t plan_random_making_bytes(const ModelConfig& config) {
  int64_t most = 2 * config.vocab_size * config.hidden_size;  // the head before it is packed
  for (const LinearKind kind : kLinearKinds) {
    const int64_t values = output_size(config, kind) * linear_input_size(config, kind);
    most = std::max(most, 2 * (values + values / 8));  // a byte an integer, its groups; and cut
  }
  return most;
}

ModelWeights random_weights(const SyntheticModel& model, const TensorShard& shard,
                            int64_t row_slices) {
  const ModelConfig& config = model.config;
  const int64_t group = config.quantization->group_size;
  Random random(model.seed);
  const Norm ones = {std::vector<float>(static_cast<size_t>(config.hidden_size), 1.0f), {}};
  ModelWeights weights;
  for (int64_t index = 0; index < config.layers; ++index) {
    LayerWeights& layer = weights.layers.emplace_back();
    layer.attention_norm = ones;
    layer.mlp_norm = ones;
    for (const LinearKind kind : kLinearKinds) {
      const int64_t n = output_size(config, kind), k = linear_input_size(config, kind);
      SourceLinear source{"", n, k, random_int4(n, k, group, &random), {}};
      if (shard.ranks > 1) source = cut_fused(source, linear_parts(config, index, kind, shard));
      pack_linear(source, splits_inputs(kind) ? row_slices : 1, &layer.linear(kind));
    }
  }
  weights.final_norm = ones;
  const int64_t values = config.vocab_size * config.hidden_size;
  // Uniform values have a variance of a third of their spread's square: logits of about 1.
  const double spread = std::sqrt(3.0 / static_cast<double>(config.hidden_size));
  const Range rows = head_part(config, shard).outputs;
  weights.head.n = rows.count;
  weights.head.k = config.hidden_size;
  weights.head.parts.push_back(ops::pack_float16(
      random_float16(values, spread, &random).data() + rows.first * config.hidden_size, rows.count,
      config.hidden_size));
  const std::vector<uint16_t> table = random_float16(values, 1, &random);
  weights.embedding_type = ops::WeightType::kFloat16;
  weights.embedding.resize(table.size() * sizeof(uint16_t));
  std::memcpy(weights.embedding.data(), table.data(), weights.embedding.size());
  weights.format = "int4 g" + std::to_string(group) + " sym (random), head fp16";
  weights.parameters = count_parameters(config);
  return weights;
}

}  // namespace loadmark
