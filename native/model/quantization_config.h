// Which quantizer does config.json say wrote the checkpoint? Its method and terms, or a refusal by
// name of what the engine cannot honour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "quant/int4_format.h"

namespace loadmark {

enum class QuantMethod { kGptq, kAwq, kCompressedTensors, kMarlin, kBitsAndBytes4, kBitsAndBytes8 };
const char* quant_method_name(QuantMethod method);  // "gptq", "awq", ...

struct QuantizationConfig {
  QuantMethod method = QuantMethod::kGptq;
  int64_t bits = 4;
  int64_t group_size = 128;  // 32, 64, 128, or -1: one scale a row; int4 methods only
  bool symmetric = true;
  bool act_order = false;                    // g_idx is needed: "desc_act", or "actorder": "group"
  std::optional<ZeroConvention> convention;  // GPTQ; nothing where the file does not say
  // Parts of the names of modules that were left as floats, as the file says.
  std::vector<std::string> unconverted = {};
};

// `json` is config.json's quantization_config.
QuantizationConfig read_quantization_config(const Json& json);

}  // namespace loadmark
