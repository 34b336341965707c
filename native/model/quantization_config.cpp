// One reader a method; each knows its own spelling of the same few facts.
#include "model/quantization_config.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/error.h"
#include "model/json_section.h"

namespace loadmark {
namespace {

constexpr const char* kPath = "config.json: quantization_config.";
constexpr int64_t kMaxGroup = 1'000'000;

void check_bits(const JsonSection& section, const char* name) {
  if (section.integer(name, 1, 64) != 4) section.refuse(kUnsupportedModel, name, "4");
}

int64_t read_group_size(const JsonSection& section, const char* name) {
  const int64_t group = section.integer(name, -1, kMaxGroup);
  if (group != -1 && group != 32 && group != 64 && group != 128)
    section.refuse(kUnsupportedModel, name, "32, 64, 128 or -1");
  return group;
}

// Parts of modules' names; regular expressions ("re:") are left out.
std::vector<std::string> read_unconverted(const JsonSection& section, const char* name) {
  std::vector<std::string> modules;
  const Json* value = section.find(name);
  if (value == nullptr) return modules;
  if (value->array() == nullptr) section.refuse(kBadCheckpoint, name, "a list of modules, or null");
  for (const Json& each : *value->array()) {
    const std::string* text = each.string();
    if (text == nullptr) section.refuse(kBadCheckpoint, name, "a list of modules, or null");
    if (text->rfind("re:", 0) != 0) modules.push_back(*text);
  }
  return modules;
}

// What AutoGPTQ and GPTQModel write; "marlin" is another layout of the same numbers.
QuantizationConfig read_gptq(const JsonSection& section) {
  QuantizationConfig quantization;
  check_bits(section, "bits");
  quantization.group_size = read_group_size(section, "group_size");
  quantization.symmetric = section.boolean("sym", true);
  quantization.act_order = section.boolean("desc_act", false);
  const std::string format = section.string("checkpoint_format", "");
  if (format == "gptq") {
    quantization.convention = ZeroConvention::kV1;
  } else if (format == "gptq_v2") {
    quantization.convention = ZeroConvention::kV2;
  } else if (format == "marlin" || section.boolean("is_marlin_format", false)) {
    quantization.method = QuantMethod::kMarlin;
  } else if (!format.empty()) {
    section.refuse(kUnsupportedModel, "checkpoint_format", "\"gptq\", \"gptq_v2\" or \"marlin\"");
  }
  if (section.string("pack_dtype", "int32") != "int32")
    section.refuse(kUnsupportedModel, "pack_dtype", "\"int32\"");
  if (const Json* dynamic = section.find("dynamic")) {
    const Json::Object* rules = dynamic->object();
    if (rules == nullptr || !rules->empty())
      section.refuse(kUnsupportedModel, "dynamic", "null or an empty object");
  }
  return quantization;
}

// The kernel's authors' own checkpoints say no more than the group.
QuantizationConfig read_marlin(const JsonSection& section) {
  QuantizationConfig quantization{.method = QuantMethod::kMarlin, .convention = {}};
  quantization.group_size = read_group_size(section, "group_size");
  return quantization;
}

QuantizationConfig read_awq(const JsonSection& section) {
  QuantizationConfig quantization{.method = QuantMethod::kAwq, .convention = {}};
  // AutoAWQ's own file and transformers spell them differently.
  check_bits(section, section.find("w_bit") != nullptr ? "w_bit" : "bits");
  quantization.group_size = read_group_size(
      section, section.find("q_group_size") != nullptr ? "q_group_size" : "group_size");
  quantization.symmetric = !section.boolean("zero_point", true);
  std::string version = section.string("version", "gemm");
  std::transform(version.begin(), version.end(), version.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (version != "gemm") section.refuse(kUnsupportedModel, "version", "\"gemm\"");
  quantization.unconverted = read_unconverted(section, "modules_to_not_convert");
  return quantization;
}

// The one group of weights that a pack-quantized checkpoint of int4 has.
QuantizationConfig read_compressed_tensors(const JsonSection& section) {
  QuantizationConfig quantization{.method = QuantMethod::kCompressedTensors, .convention = {}};
  if (section.string("format", "") != "pack-quantized")
    section.refuse(kUnsupportedModel, "format", "\"pack-quantized\"");
  for (const char* name : {"kv_cache_scheme", "sparsity_config"}) {
    const Json* value = section.find(name);
    const Json::Object* members = value == nullptr ? nullptr : value->object();
    if (value != nullptr && (members == nullptr || !members->empty()))
      section.refuse(kUnsupportedModel, name, "null");
  }
  quantization.unconverted = read_unconverted(section, "ignore");
  const Json* groups = section.find("config_groups");
  const Json::Object* members = groups == nullptr ? nullptr : groups->object();
  if (members == nullptr || members->size() != 1 || members->front().second.object() == nullptr)
    section.refuse(kUnsupportedModel, "config_groups", "an object of one group");
  const std::string path = std::string(kPath) + "config_groups." + members->front().first + ".";
  const JsonSection group(members->front().second, path);
  for (const char* name : {"input_activations", "output_activations"}) {
    if (group.find(name) != nullptr) group.refuse(kUnsupportedModel, name, "null");
  }
  const Json* stored = group.find("weights");
  if (stored == nullptr || stored->object() == nullptr)
    group.refuse(kBadCheckpoint, "weights", "an object");
  const JsonSection weights(*stored, path + "weights.");
  check_bits(weights, "num_bits");
  if (weights.string("type", "int") != "int") weights.refuse(kUnsupportedModel, "type", "\"int\"");
  const std::string strategy = weights.string("strategy", "");
  if (strategy == "channel") {
    quantization.group_size = -1;
  } else if (strategy == "group") {
    quantization.group_size = read_group_size(weights, "group_size");
  } else {
    weights.refuse(kUnsupportedModel, "strategy", "\"group\" or \"channel\"");
  }
  quantization.symmetric = weights.boolean("symmetric", true);
  if (const Json* order = weights.find("actorder")) {
    const std::string* text = order->string();
    const bool* flag = order->boolean();
    quantization.act_order = text != nullptr ? *text == "group" : flag != nullptr && *flag;
    const bool known =
        flag != nullptr ||
        (text != nullptr && (*text == "group" || *text == "weight" || *text == "static"));
    if (!known)
      weights.refuse(kUnsupportedModel, "actorder", "null, \"group\", \"weight\" or \"static\"");
  }
  return quantization;
}

QuantizationConfig read_bits_and_bytes(const JsonSection& section) {
  const bool four = section.boolean("load_in_4bit", false);
  if (four == section.boolean("load_in_8bit", false))
    section.refuse(kBadCheckpoint, "load_in_4bit", "true where load_in_8bit is not, else false");
  QuantizationConfig quantization;
  quantization.method = four ? QuantMethod::kBitsAndBytes4 : QuantMethod::kBitsAndBytes8;
  quantization.bits = four ? 4 : 8;
  if (four && section.string("bnb_4bit_quant_type", "fp4") != "nf4")
    section.refuse(kUnsupportedModel, "bnb_4bit_quant_type", "\"nf4\"");
  if (section.string("bnb_4bit_quant_storage", "uint8") != "uint8")
    section.refuse(kUnsupportedModel, "bnb_4bit_quant_storage", "\"uint8\"");
  quantization.unconverted = read_unconverted(section, "llm_int8_skip_modules");
  return quantization;
}

}  // namespace

const char* quant_method_name(QuantMethod method) {
  constexpr const char* kNames[] = {"gptq",   "awq",          "compressed-tensors",
                                    "marlin", "bitsandbytes", "bitsandbytes"};
  return kNames[static_cast<int>(method)];
}

QuantizationConfig read_quantization_config(const Json& json) {
  if (json.object() == nullptr) {
    throw Error(kBadCheckpoint, "config.json: quantization_config is " + json.text() +
                                    "; allowed: an object or null");
  }
  const JsonSection section(json, kPath);
  const std::string method = section.string("quant_method", "");
  if (method == "gptq") return read_gptq(section);
  if (method == "awq") return read_awq(section);
  if (method == "compressed-tensors") return read_compressed_tensors(section);
  if (method == "marlin") return read_marlin(section);
  if (method == "bitsandbytes") return read_bits_and_bytes(section);
  section.refuse(kUnsupportedModel, "quant_method",
                 "\"gptq\", \"awq\", \"compressed-tensors\", \"marlin\" or \"bitsandbytes\"");
}

}  // namespace loadmark
