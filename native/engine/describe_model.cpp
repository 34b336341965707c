// Facts of the configuration alone: nothing here looks at a tensor.
#include "engine/describe_model.h"

#include "base/error.h"
#include "engine/gpu_plan.h"
#include "engine/kv_cache.h"
#include "model/weights.h"

namespace loadmark {
namespace {

Json words(const std::string& text) { return Json(text); }

Json::Object describe_rope(const ModelConfig& config) {
  const RopeConfig& rope = config.rope;
  constexpr const char* kScalings[] = {"none", "linear", "llama3"};
  return {{"theta", Json(rope.theta)},
          {"dims", Json(rope.dims)},
          {"interleaved", Json(rope.interleaved)},
          {"scaling", words(rope.factors.empty() ? kScalings[static_cast<int>(rope.scaling)]
                                                 : "by factors of the file")},
          {"factor", Json(rope.factor)}};
}

// Modules of a layer, and the head, that have one.
Json::Array list_biases(const ModelConfig& config) {
  Json::Array biases;
  for (const LinearKind kind : kLinearKinds) {
    if (!config.bias[kind]) continue;
    for (const std::string& name : linear_module_names(config, kind))
      biases.push_back(words(name.substr(name.rfind('.') + 1)));
  }
  if (config.head_bias) biases.push_back(words("lm_head"));
  return biases;
}

Json gpu_refusal(const ModelConfig& config) {
  try {
    check_gpu_model(config);
    return Json();
  } catch (const Error& error) {
    return words(error.what());
  }
}

Json describe_quantization(const ModelConfig& config) {
  if (!config.quantization) return Json();
  const QuantizationConfig& said = *config.quantization;
  // bitsandbytes has fixed blocks, which its configuration does not name
  const bool fixed =
      said.method == QuantMethod::kBitsAndBytes4 || said.method == QuantMethod::kBitsAndBytes8;
  Json group_size, symmetric, format;
  if (!fixed) {
    group_size = Json(said.group_size);
    symmetric = Json(said.symmetric);
  }
  if (said.convention) format = words(*said.convention == ZeroConvention::kV1 ? "gptq" : "gptq_v2");
  return Json(Json::Object{{"method", words(quant_method_name(said.method))},
                           {"bits", Json(said.bits)},
                           {"groupSize", group_size},
                           {"symmetric", symmetric},
                           {"actOrder", Json(said.act_order)},
                           {"checkpointFormat", format}});
}

}  // namespace

Json::Object describe_model(const ModelConfig& config) {
  const auto number = [](int64_t value) { return Json(value); };
  Json::Array windows;
  for (int64_t layer = 0; layer < config.layers; ++layer)
    windows.push_back(number(config.window(layer)));
  return {{"architecture", words(config.architecture)},
          {"layers", number(config.layers)},
          {"hiddenSize", number(config.hidden_size)},
          {"intermediateSize", number(config.intermediate_size)},
          {"heads", number(config.heads)},
          {"kvHeads", number(config.kv_heads)},
          {"headDim", number(config.head_dim)},
          {"vocabSize", number(config.vocab_size)},
          {"maxPositions", number(config.max_positions)},
          {"tiedHead", Json(config.tied_head)},
          {"parameters", number(count_parameters(config))},
          {"kvBytesPerToken16", number(KvCache::token_bytes(config, ops::KvType::kFloat16))},
          {"windows", Json(std::move(windows))},
          {"norm", words(config.norm == NormKind::kRms ? "rms" : "layer")},
          {"normEpsilon", Json(config.norm_eps)},
          {"mlp", words(config.mlp == MlpKind::kSiluGated ? "silu gated" : "gelu")},
          {"parallel", Json(config.parallel)},
          {"qkNorm", Json(config.qk_norm)},
          {"biases", Json(list_biases(config))},
          {"rope", Json(describe_rope(config))},
          {"gpuRefusal", gpu_refusal(config)},
          {"quantization", describe_quantization(config)}};
}

}  // namespace loadmark
