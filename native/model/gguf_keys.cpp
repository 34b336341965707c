// Keys as llama.cpp's converters write them and llama.cpp reads them.
#include "model/gguf_keys.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/json.h"

namespace loadmark {
namespace {

// Read by gguf_config.cpp, or descriptive for the architectures read here.
constexpr const char* kAllowed[] = {
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.layer_norm_epsilon",  // beside the RMSNorm's, which all of them have
    "attention.layer_norm_rms_epsilon",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "attention.value_length",
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.scale_linear",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "rope.scaling.original_context_length",  // of yarn, whose type is refused
    "rope.scaling.type",
    "tensor_data_layout",
    "vocab_size",  // of the tokenizer; the table's rows count
};

// Without effect as `neutral`, or as `other`: llama.cpp takes a scale of 0 for none.
struct NeutralKey {
  const char* name;
  double neutral, other;
};
constexpr NeutralKey kNeutral[] = {
    {"attention.causal", 1, 1},  // true
    {"attention.clamp_kqv", 0, 0},
    {"attention.max_alibi_bias", 0, 0},
    {"attention.output_scale", 0, 1},
    {"attention.scale", 0, 0},  // 1 / sqrt(key_length)
    {"attention.temperature_scale", 0, 0},
    {"attn_logit_softcapping", 0, 0},
    {"embedding_scale", 0, 1},
    {"expert_count", 0, 0},
    {"expert_used_count", 0, 0},
    {"final_logit_softcapping", 0, 0},
    {"leading_dense_block_count", 0, 0},
    {"logit_scale", 0, 1},
    {"nextn_predict_layers", 0, 0},
    {"pooling_type", 0, 0},  // every position is answered
    {"residual_scale", 0, 1},
    {"rope.scaling.alpha", 0, 0},
    {"rope.scaling.attn_factor", 0, 1},
    {"rope.scaling.yarn_attn_factor", 1, 1},
    {"rope.scaling.yarn_beta_fast", 32, 32},  // these two are nothing without yarn_ext_factor
    {"rope.scaling.yarn_beta_slow", 1, 1},
    {"rope.scaling.yarn_ext_factor", 0, -1},  // below 0: as the type says
    {"rope.scaling.yarn_log_multiplier", 0, 0},
    {"use_parallel_residual", 0, 0},  // false
};

bool is_number(const GgufValue& value, double* number) {
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    *number = static_cast<double>(*integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    *number = *real;
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    *number = *flag ? 1 : 0;
  } else {
    return false;
  }
  return true;
}

// What a key that may have one value must be; throws where it is another.
void require_neutral(const NeutralKey& key, const GgufValue& value, const std::string& what) {
  double number = 0;
  if (is_number(value, &number) && (number == key.neutral || number == key.other)) return;
  const bool flag = std::holds_alternative<bool>(value);
  const auto text = [&](double allowed) {
    return flag ? std::string(allowed == 1 ? "true" : "false")
                : std::to_string(static_cast<int>(allowed));
  };
  throw Error(kUnsupportedModel, what + text(key.neutral) +
                                     (key.other == key.neutral ? "" : ", " + text(key.other)) +
                                     ", or none");
}

}  // namespace

void refuse_foreign_keys(const Gguf& gguf, const std::string& file, const std::string& prefix) {
  for (auto at = gguf.metadata.lower_bound(prefix);
       at != gguf.metadata.end() && at->first.rfind(prefix, 0) == 0; ++at) {
    const std::string name = at->first.substr(prefix.size());
    const auto is_name = [&](const char* each) { return name == each; };
    if (std::any_of(std::begin(kAllowed), std::end(kAllowed), is_name)) continue;
    const std::string what =
        file + ": " + at->first + " is " + gguf_value_text(at->second) + "; allowed: ";
    const auto* neutral = std::find_if(std::begin(kNeutral), std::end(kNeutral),
                                       [&](const NeutralKey& each) { return is_name(each.name); });
    if (neutral == std::end(kNeutral))
      throw Error(kUnsupportedModel, what + "none, since what it changes is not known here");
    require_neutral(*neutral, at->second, what);
  }
}

}  // namespace loadmark
