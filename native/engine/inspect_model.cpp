// Walks the modules that the architecture has and asks of each what load_weights would; tensors
// that no module asked for are named.
#include "engine/inspect_model.h"

#include <set>

#include "base/error.h"
#include "base/json.h"
#include "engine/checkpoint_doubts.h"
#include "engine/describe_model.h"
#include "model/gguf_config.h"
#include "model/linear_bias.h"
#include "model/linear_tensors.h"
#include "model/source_linear.h"
#include "model/weights.h"
#include "ops/gpu_linear_kernels.h"

namespace loadmark {
namespace {

using namespace ops::cuda;  // NOLINT: the arithmetic of its kernels

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

// By compute capability: the kernel of a decode's one row, and of a prompt's many.
Json gpu_kernels(const StoredLinear& linear, int64_t k) {
  constexpr int64_t kMany = 512;
  Json::Array each;
  for (const GpuTraits& gpu : {kAmpere, kHopper}) {
    const auto name = [&](int64_t rows) -> const char* {
      if (gpu_held(linear) == "16 bits")
        return dense_kernel_name(gpu, ops::WeightType::kFloat16, k, rows);
      if (linear.held == ops::WeightType::kInt8)
        return dense_kernel_name(gpu, linear.held, k, rows);
      const Int4Shape shape = int4_shape(k, linear.group_size, !linear.symmetric);
      return int4_kernel_name(choose_int4_kernel(gpu, shape, rows));
    };
    each.push_back(Json(Json::Object{{"architecture", Json(int64_t{gpu.architecture})},
                                     {"oneRow", words(name(1))},
                                     {"manyRows", words(name(kMany))}}));
  }
  return Json(std::move(each));
}

int64_t gpu_read_bytes(const StoredLinear& linear, int64_t n, int64_t k) {
  return gpu_held(linear) == "16 bits" ? 2 * n * k : read_bytes(linear, n, k);
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
    for (const std::string& text : told_.list()) doubt(text);
    Json::Object object = {{"container", words(checkpoint_.is_gguf() ? "gguf" : "safetensors")}};
    for (auto& member : describe_model(config_)) object.push_back(std::move(member));
    object.emplace_back("tensorParallel", Json(list_ranks()));
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
  Json::Array list_ranks() const {
    Json::Array ranks;
    if (!faults_.empty()) return ranks;
    for (const int64_t each : ShardLimits(config_, checkpoint_).allowed())
      ranks.push_back(Json(each));
    return ranks;
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
      told_.look_at_format(stored, module.path);
      find_linear_tensors(stored, config_, checkpoint_, module.path, module.n, module.k);
      const int64_t held = read_bytes(stored, module.n, module.k);
      weight_bytes_ += held;
      if (stored.format == LinearFormat::kGptq) told_.look_at_zeros(module.path);
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
          {"gpuKernels", gpu_kernels(stored, module.k)},
          {"reason", stored.reason.empty() ? Json() : words(stored.reason)},
          {"cpuKernel", kernel(ops::ActivationType::kInt8)},
          {"cpuKernelFp32", kernel(ops::ActivationType::kFloat32)}});
    } catch (const Error& error) {
      told_.note_fault();
      faults_.push_back(words(error.what()));
      return Json(Json::Object{{"path", words(module.path)},
                               {"n", Json(module.n)},
                               {"k", Json(module.k)},
                               {"stored", Json()}});
    }
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
      const std::vector<float> bias = read_bias(
          checkpoint_, {whole_module(module.bias_path, module.n, module.k)}, module.has_bias);
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
  CheckpointDoubts told_{config_, checkpoint_};
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
