// Figures from the models' own config.json files (llama-1b: meta-llama/Llama-3.2-1B, with a head of
// its own and 8k positions; meta-llama/Llama-2-7b-hf, Meta-Llama-3-8B, Llama-2-70b-hf,
// BAAI/AquilaChat2-34B); `tiny` is the built-in checkpoint's shape.
#include "model/model_shapes.h"

#include <cstdlib>

#include "base/error.h"

namespace loadmark {
namespace {

struct Shape {
  const char* name;
  int64_t layers, hidden, intermediate, heads, kv_heads, head_dim, vocab, positions, group;
  double theta;
};

constexpr Shape kShapes[] = {
    {"llama-1b", 16, 2048, 8192, 32, 8, 64, 128256, 8192, 128, 500000},
    {"llama-2-7b", 32, 4096, 11008, 32, 32, 128, 32000, 4096, 128, 10000},
    {"llama-3-8b", 32, 4096, 14336, 32, 8, 128, 128256, 8192, 128, 500000},
    {"aquila2-34b", 60, 6144, 24576, 48, 8, 128, 100008, 4096, 128, 10000},
    {"llama-2-70b", 80, 8192, 28672, 64, 8, 128, 32000, 4096, 128, 10000},
    {"tiny", 6, 256, 640, 4, 2, 64, 1024, 1024, 64, 10000},
};

ModelConfig config_of(const Shape& shape) {
  ModelConfig config;
  config.architecture = "LlamaForCausalLM";
  config.layers = shape.layers;
  config.hidden_size = shape.hidden;
  config.intermediate_size = shape.intermediate;
  config.heads = shape.heads;
  config.kv_heads = shape.kv_heads;
  config.head_dim = shape.head_dim;
  config.vocab_size = shape.vocab;
  config.max_positions = shape.positions;
  config.norm_eps = 1e-5;
  config.rope.theta = shape.theta;
  config.rope.dims = shape.head_dim;
  config.quantization = QuantizationConfig{};
  config.quantization->group_size = shape.group;
  return config;
}

}  // namespace

std::optional<SyntheticModel> parse_synthetic_model(const std::string& path) {
  const std::string prefix = "synthetic:";
  if (path.rfind(prefix, 0) != 0) return std::nullopt;
  const size_t colon = path.find(':', prefix.size());
  const std::string name =
      path.substr(prefix.size(), colon == std::string::npos ? colon : colon - prefix.size());
  std::string known;
  for (const Shape& shape : kShapes) {
    known += (known.empty() ? "" : ", ") + std::string(shape.name);
    if (name != shape.name) continue;
    const uint64_t seed =
        colon == std::string::npos ? 1 : std::strtoull(path.c_str() + colon + 1, nullptr, 10);
    return SyntheticModel{config_of(shape), seed};
  }
  throw Error(kBadArgument, "synthetic model \"" + name + "\" is not known; allowed: " + known);
}

}  // namespace loadmark
