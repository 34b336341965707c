// Walks the modules that the architecture has and asks of each what load_weights would; tensors
// that no module asked for are named.
#include "engine/inspect_model.h"

#include <cstring>
#include <map>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "engine/gpu_plan.h"
#include "engine/kv_cache.h"
#include "model/gguf_config.h"
#include "model/linear_bias.h"
#include "model/linear_tensors.h"
#include "model/source_linear.h"
#include "model/weights.h"

namespace loadmark {
namespace {

constexpr size_t kNoLimit = size_t{1} << 40;

struct Module {
  std::string path;
  int64_t n, k;
  std::string bias_path;  // a tied head's own
  bool has_bias;          // as the configuration says
};

std::vector<Module> modules_of(const ModelConfig& config) {
  std::vector<Module> modules;
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      const auto& names = linear_module_names(config, kind);
      const auto sizes = linear_output_sizes(config, kind);
      for (size_t i = 0; i < names.size(); ++i) {
        const std::string path = linear_module_path(config, layer, names[i]);
        modules.push_back(
            {path, sizes[i], linear_input_size(config, kind), path, config.bias[kind]});
      }
    }
  }
  modules.push_back(
      {head_path(config), config.vocab_size, config.hidden_size, "lm_head", config.head_bias});
  return modules;
}

// What its kernels read for a step: held_bytes without the room for what packing may add.
int64_t read_bytes(const StoredLinear& linear, int64_t n, int64_t k) {
  const bool int8 = linear.held == ops::WeightType::kInt8;
  if (int8 && linear.group_size == 0) return n * k + 4 * n;
  if (!int8 && linear.held != ops::WeightType::kInt4) return held_bytes(linear, n, k);
  const int64_t groups = (k + linear.group_size - 1) / linear.group_size;
  if (int8) return n * k + groups * n * 2;
  // fp16 scales, fp16 offsets or zero points of a byte
  return n * k / 2 + groups * n * (linear.offsets ? 4 : linear.symmetric ? 2 : 3);
}

Json words(const std::string& text) { return Json(text); }

bool is_integer(const StoredLinear& linear) {
  return linear.held == ops::WeightType::kInt4 || linear.held == ops::WeightType::kInt8;
}

// What a GPU computes with, in its activations' type where that is a float of 16 bits.
std::string gpu_held(const StoredLinear& linear) {
  return linear.gpu_decodes || !is_integer(linear) ? "16 bits" : weight_type_name(linear.held);
}

int64_t gpu_read_bytes(const StoredLinear& linear, int64_t n, int64_t k) {
  return gpu_held(linear) == "16 bits" ? 2 * n * k : read_bytes(linear, n, k);
}

// The zero points' convention, where `qzeros` alone tells; -1 where it does not.
int plain_convention(const Tensor& qzeros) {
  bool v1 = qzeros.bytes >= 4, v2 = v1;
  for (int64_t at = 0; at + 4 <= qzeros.bytes; at += 4) {
    uint32_t word;
    std::memcpy(&word, qzeros.data + at, sizeof word);
    v1 = v1 && word == 0x77777777u;
    v2 = v2 && word == 0x88888888u;
  }
  return v1 ? 1 : v2 ? 2 : -1;
}

class Inspection {
 public:
  Inspection(const std::string& path, bool verify)
      : config_(read_model_config(path)), checkpoint_(path), verify_(verify) {}

  std::string text() {
    Json::Array linears;
    for (const Module& module : modules_of(config_)) linears.push_back(inspect(module));
    take_embedding();
    take_vectors();
    note_conventions();
    note_config();
    Json::Object object = describe_config();
    object.emplace_back("linears", Json(std::move(linears)));
    object.emplace_back("embedding", embedding_);
    object.emplace_back("tensors", Json(list_tensors()));
    object.emplace_back("weightBytes", Json(weight_bytes_ + embedding_bytes_));
    object.emplace_back("weightBytesPerToken", Json(weight_bytes_));
    object.emplace_back("faults", Json(faults_));
    object.emplace_back("doubts", Json(doubts_));
    return Json(std::move(object)).text(kNoLimit);
  }

 private:
  Json::Object describe_config() const {
    const auto number = [](int64_t value) { return Json(value); };
    Json quantization;
    if (config_.quantization) {
      const QuantizationConfig& said = *config_.quantization;
      const bool fixed =
          said.method == QuantMethod::kBitsAndBytes4 || said.method == QuantMethod::kBitsAndBytes8;
      quantization = Json(Json::Object{
          {"method", words(quant_method_name(said.method))},
          {"bits", number(said.bits)},
          // bitsandbytes has fixed blocks, which its configuration does not name
          {"groupSize", fixed ? Json() : number(said.group_size)},
          {"symmetric", fixed ? Json() : Json(said.symmetric)},
          {"actOrder", Json(said.act_order)},
          {"checkpointFormat",
           !said.convention
               ? Json()
               : words(*said.convention == ZeroConvention::kV1 ? "gptq" : "gptq_v2")}});
    }
    Json::Array windows;
    for (int64_t layer = 0; layer < config_.layers; ++layer)
      windows.push_back(number(config_.window(layer)));
    return {{"container", words(checkpoint_.is_gguf() ? "gguf" : "safetensors")},
            {"architecture", words(config_.architecture)},
            {"layers", number(config_.layers)},
            {"hiddenSize", number(config_.hidden_size)},
            {"intermediateSize", number(config_.intermediate_size)},
            {"heads", number(config_.heads)},
            {"kvHeads", number(config_.kv_heads)},
            {"headDim", number(config_.head_dim)},
            {"vocabSize", number(config_.vocab_size)},
            {"maxPositions", number(config_.max_positions)},
            {"tiedHead", Json(config_.tied_head)},
            {"parameters", number(count_parameters(config_))},
            {"kvBytesPerToken16", number(KvCache::token_bytes(config_, ops::KvType::kFloat16))},
            {"windows", Json(std::move(windows))},
            {"norm", words(config_.norm == NormKind::kRms ? "rms" : "layer")},
            {"normEpsilon", Json(config_.norm_eps)},
            {"mlp", words(config_.mlp == MlpKind::kSiluGated ? "silu gated" : "gelu")},
            {"parallel", Json(config_.parallel)},
            {"qkNorm", Json(config_.qk_norm)},
            {"biases", Json(list_biases())},
            {"rope", Json(describe_rope())},
            {"gpuRefusal", gpu_refusal()},
            {"quantization", quantization}};
  }

  Json::Object describe_rope() const {
    const RopeConfig& rope = config_.rope;
    constexpr const char* kScalings[] = {"none", "linear", "llama3"};
    return {{"theta", Json(rope.theta)},
            {"dims", Json(rope.dims)},
            {"interleaved", Json(rope.interleaved)},
            {"scaling", words(rope.factors.empty() ? kScalings[static_cast<int>(rope.scaling)]
                                                   : "by factors of the file")},
            {"factor", Json(rope.factor)}};
  }

  // Modules of a layer, and the head, that have one.
  Json::Array list_biases() const {
    Json::Array biases;
    for (const LinearKind kind : kLinearKinds) {
      if (!config_.bias[kind]) continue;
      for (const std::string& name : linear_module_names(config_, kind))
        biases.push_back(words(name.substr(name.rfind('.') + 1)));
    }
    if (config_.head_bias) biases.push_back(words("lm_head"));
    return biases;
  }

  Json gpu_refusal() const {
    try {
      check_gpu_model(config_);
      return Json();
    } catch (const Error& error) {
      return words(error.what());
    }
  }

  void use(const std::string& path) {
    for (auto at = checkpoint_.tensors().lower_bound(path + ".");
         at != checkpoint_.tensors().end() && at->first.rfind(path + ".", 0) == 0; ++at)
      used_.insert(at->first);
  }

  Json inspect(const Module& module) {
    use(module.path);
    try {
      const StoredLinear stored =
          find_linear(config_, checkpoint_, module.path, module.n, module.k);
      look_at_format(stored, module.path);
      find_linear_tensors(stored, config_, checkpoint_, module.path, module.n, module.k);
      const int64_t held = read_bytes(stored, module.n, module.k);
      weight_bytes_ += held;
      if (stored.format == LinearFormat::kGptq) look_at_zeros(module);
      if (verify_) read_linear(config_, checkpoint_, module.path, module.n, module.k);
      const ops::Isa isa = ops::detect_isa();
      const auto kernel = [&](ops::ActivationType activations) {
        return words(ops::linear_kernel_name({nullptr, isa, activations}, stored.held));
      };
      return Json(Json::Object{
          {"path", words(module.path)},
          {"n", Json(module.n)},
          {"k", Json(module.k)},
          {"stored", words(stored.name)},
          {"storedBytes", Json(stored.stored_bytes)},
          {"held", words(weight_type_name(stored.held))},
          {"heldBytes", Json(held)},
          {"groupSize",
           is_integer(stored) && stored.group_size > 0 ? Json(stored.group_size) : Json()},
          {"gpuHeld", words(gpu_held(stored))},
          {"gpuHeldBytes", Json(gpu_read_bytes(stored, module.n, module.k))},
          {"reason", stored.reason.empty() ? Json() : words(stored.reason)},
          {"cpuKernel", kernel(ops::ActivationType::kInt8)},
          {"cpuKernelFp32", kernel(ops::ActivationType::kFloat32)}});
    } catch (const Error& error) {
      only_floats_ = false;
      faults_.push_back(words(error.what()));
      return Json(Json::Object{{"path", words(module.path)},
                               {"n", Json(module.n)},
                               {"k", Json(module.k)},
                               {"stored", Json()}});
    }
  }

  // Symmetric words tell the convention outright; of others only their weights do, at load.
  void look_at_zeros(const Module& module) {
    const std::string name = module.path + ".qzeros";
    if (!checkpoint_.has(name)) return;
    const int convention = plain_convention(checkpoint_.find(name));
    ++(convention == 1 ? v1_ : convention == 2 ? v2_ : neither_);
  }

  void look_at_format(const StoredLinear& stored, const std::string& path) {
    if (stored.format == LinearFormat::kFloat) {
      float_types_.insert(stored.name);
      return;
    }
    only_floats_ = false;
    if (!config_.quantization) return;
    for (const std::string& name : config_.quantization->unconverted) {
      if (path.find(name) != std::string::npos) contradicting_.emplace(name, path);
    }
  }

  // What config.json says and the tensors do not.
  void note_config() {
    if (config_.quantization && only_floats_ && !float_types_.empty()) {
      doubt(std::string("config.json says ") + quant_method_name(config_.quantization->method) +
            ", but every linear is stored as floats");
    }
    for (const auto& [name, path] : contradicting_) {
      doubt("quantization_config says that modules named " + quoted(name) +
            " were left as floats, but " + path + " is quantized");
    }
    note_dtype();
    if (config_.rope.theta_assumed) {
      doubt(std::string(checkpoint_.is_gguf() ? "the metadata say no rope.freq_base"
                                              : "config.json says no rope_theta") +
            ": 10000 is taken, as transformers and llama.cpp do");
    }
    if (config_.unread_fields.empty()) return;
    std::string names;
    for (const std::string& name : config_.unread_fields)
      names += (names.empty() ? "" : ", ") + name;
    doubt("config.json has " +
          std::string(config_.unread_fields.size() == 1 ? "a field" : "fields") +
          " that the engine does not read: " + names);
  }

  // Of a model that is not quantized; where it is, the type is what was computed with.
  void note_dtype() {
    if (config_.dtype.empty() || config_.quantization || float_types_.empty()) return;
    const std::map<std::string, std::string> names = {
        {"float32", "fp32"}, {"bfloat16", "bf16"}, {"float16", "fp16"}};
    const auto said = names.find(config_.dtype);
    if (said != names.end() && float_types_.count(said->second) > 0) return;
    std::string stored;
    for (const std::string& type : float_types_) stored += (stored.empty() ? "" : ", ") + type;
    doubt("config.json says that floats are " + config_.dtype + ", but linears are stored as " +
          stored);
  }

  void note_conventions() {
    if (v1_ > 0 && v2_ > 0) {
      doubt("zero points are inconsistent: " + std::to_string(v1_) +
            " linears hold 0x77777777 (v1), " + std::to_string(v2_) + " hold 0x88888888 (v2)");
    }
    if (v1_ + v2_ + neither_ == 0 || !config_.quantization) return;
    const QuantizationConfig& said = *config_.quantization;
    if (!said.convention) {
      doubt(
          "quantization_config has no checkpoint_format: the convention of zero points is told "
          "from the data" +
          std::string(v1_ > 0   ? ", 0x77777777 (v1)"
                      : v2_ > 0 ? ", 0x88888888 (v2)"
                                : ""));
    } else if (v1_ > 0 && *said.convention == ZeroConvention::kV2) {
      doubt("checkpoint_format says gptq_v2, but zero points are 0x77777777, v1's symmetric ones");
    } else if (v2_ > 0 && *said.convention == ZeroConvention::kV1) {
      doubt(
          "checkpoint_format says gptq (v1), but zero points are 0x88888888, v2's symmetric ones");
    }
    if (said.symmetric && neither_ > 0) {
      doubt("quantization_config says sym true, but " + std::to_string(neither_) +
            " linears have zero points that are not all the middle");
    }
    if (!said.symmetric && neither_ == 0)
      doubt("quantization_config says sym false, but every zero point is the middle");
  }

  void take_embedding() {
    const std::string path = config_.names->embedding;
    use(path);
    try {
      const Tensor& table =
          find_float(checkpoint_, path + ".weight", {config_.vocab_size, config_.hidden_size});
      embedding_bytes_ = held_float_bytes(table);
      const std::string held = weight_type_name(float_weight_type(held_type(table.type)));
      embedding_ = Json(
          Json::Object{{"path", words(path)},
                       {"n", Json(config_.vocab_size)},
                       {"k", Json(config_.hidden_size)},
                       {"stored", words(is_block(table.type) ? data_type_name(table.type) : held)},
                       {"storedBytes", Json(table.bytes)},
                       {"held", words(held)},
                       {"heldBytes", Json(embedding_bytes_)}});
      if (verify_) read_float(checkpoint_, path + ".weight", table.shape);
    } catch (const Error& error) {
      faults_.push_back(words(error.what()));
    }
  }

  // What is held in fp32: norms and biases.
  void take_vectors() {
    const auto take = [&](const std::string& name, int64_t count) {
      used_.insert(name);
      try {
        weight_bytes_ += 4 * static_cast<int64_t>(checkpoint_.read_float32(name, {count}).size());
      } catch (const Error& error) {
        faults_.push_back(words(error.what()));
      }
    };
    const auto take_norm = [&](const std::string& path) {
      take(path + ".weight", config_.hidden_size);
      if (config_.norm == NormKind::kLayer) take(path + ".bias", config_.hidden_size);
    };
    take_norm(config_.names->final_norm);
    for (int64_t layer = 0; layer < config_.layers; ++layer) {
      const auto path = [&](const std::string& module) {
        return linear_module_path(config_, layer, module);
      };
      take_norm(path(config_.names->attention_norm));
      if (!config_.parallel) take_norm(path(config_.names->mlp_norm));
      if (config_.qk_norm) {
        take(path("self_attn.q_norm.weight"), config_.head_dim);
        take(path("self_attn.k_norm.weight"), config_.head_dim);
      }
    }
    for (const Module& module : modules_of(config_)) take_bias(module);
    // Read with the configuration, which refuses what is wrong with it.
    if (!config_.rope.factors.empty()) used_.insert(kRopeFactorsName);
  }

  void take_bias(const Module& module) {
    used_.insert(module.bias_path + ".bias");
    try {
      const std::vector<float> bias =
          read_bias(checkpoint_, {module.bias_path}, {module.n}, module.has_bias);
      weight_bytes_ += 4 * static_cast<int64_t>(bias.size());
    } catch (const Error& error) {
      faults_.push_back(words(error.what()));
    }
  }

  Json::Array list_tensors() {
    Json::Array tensors;
    int64_t strangers = 0;
    std::string first;  // and its file
    for (const auto& [name, tensor] : checkpoint_.tensors()) {
      const bool used = used_.count(name) > 0;
      if (!used && strangers++ == 0) first = quoted(tensor.stored) + " of " + tensor.file;
      Json::Array shape;
      for (const int64_t size : tensor.shape) shape.push_back(Json(size));
      tensors.push_back(Json(Json::Object{{"name", words(tensor.stored)},
                                          {"module", words(name)},
                                          {"file", words(tensor.file)},
                                          {"type", words(data_type_name(tensor.type))},
                                          {"shape", Json(std::move(shape))},
                                          {"bytes", Json(tensor.bytes)},
                                          {"used", Json(used)}}));
    }
    if (strangers > 0) {
      doubt(strangers == 1 ? "1 tensor is not read: " + first
                           : std::to_string(strangers) + " tensors are not read, first " + first);
    }
    return tensors;
  }

  void doubt(const std::string& text) { doubts_.push_back(words(text)); }

  const ModelConfig config_;
  const Checkpoint checkpoint_;
  const bool verify_;
  std::set<std::string> used_;
  Json embedding_;  // null where a fault says why
  Json::Array faults_, doubts_;
  int64_t weight_bytes_ = 0, embedding_bytes_ = 0;
  int64_t v1_ = 0, v2_ = 0, neither_ = 0;
  bool only_floats_ = true;            // no linear is, or may be, stored as anything else
  std::set<std::string> float_types_;  // of linears
  std::map<std::string, std::string> contradicting_;  // names said to be floats, first path of each
};

}  // namespace

std::string inspect_model(const std::string& path, bool verify) {
  return Inspection(path, verify).text();
}

std::vector<float> decode_module(const std::string& path, const std::string& module) {
  const ModelConfig config = read_model_config(path);
  const Checkpoint checkpoint(path);
  for (const Module& each : modules_of(config)) {
    if (each.path == module) return decode_linear(config, checkpoint, each.path, each.n, each.k);
  }
  throw Error(kBadArgument, "there is no linear " + quoted(module) +
                                "; allowed: " + modules_of(config).front().path + " and its like");
}

}  // namespace loadmark
