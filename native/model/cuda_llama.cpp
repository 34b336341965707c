// h += o(attention(rope(qkv(norm(h))))); h += down(silu(gate) * up), gate and up of norm(h); h in
// fp32. Norms go with the linears that read them, additions with those that write, silu-mul with
// gate_up's.
#include "model/cuda_llama.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "base/error.h"
#include "model/linear_bias.h"
#include "model/rope_frequencies.h"
#include "model/source_linear.h"

namespace loadmark {

using namespace ops::cuda;  // NOLINT: this file is about nothing else

namespace {

LinearWeight pack(const SourceLinear& source, WeightFormat format, Activation activation,
                  bool gate_up) {
  if (const auto* weight = std::get_if<Int4Weight>(&source.content))
    return pack_int4(*weight, gate_up);
  if (const auto* rows = std::get_if<Int8Linear>(&source.content)) {
    const RoundedInt8 rounded = as_rounded(*rows);
    return pack_int8(rounded.q.data(), rounded.scale.data(), source.n, source.k);
  }
  const auto& values = std::get<FloatLinear>(source.content);
  if (format == WeightFormat::kInt8) {
    const RoundedInt8 rounded = round_to_int8(values, source.n, source.k);
    return pack_int8(rounded.q.data(), rounded.scale.data(), source.n, source.k);
  }
  return pack_float(float_weight_type(values.type), values.bits.data(), source.n, source.k,
                    activation);
}

DeviceBuffer upload_floats(const std::vector<float>& values) {
  return upload(values.data(), values.size() * sizeof(float));
}

std::vector<float> rotations(const ModelConfig& config, int64_t positions) {
  const std::vector<float> frequencies = rope_frequencies(config.rope);
  const auto half = static_cast<int64_t>(frequencies.size());
  std::vector<float> table(static_cast<size_t>(positions * half * 2));
  for (int64_t i = 0; i < half; ++i) {
    for (int64_t position = 0; position < positions; ++position) {
      const float angle = static_cast<float>(position) * frequencies[static_cast<size_t>(i)];
      table[static_cast<size_t>((position * half + i) * 2)] = std::cos(angle);
      table[static_cast<size_t>((position * half + i) * 2 + 1)] = std::sin(angle);
    }
  }
  return table;
}

size_t bytes16(int64_t rows, int64_t columns) { return static_cast<size_t>(rows * columns) * 2; }

}  // namespace

int64_t CudaLinear::bytes() const {
  int64_t total = 0;
  for (const LinearWeight& part : parts) total += part.bytes;
  return total;
}

CudaLinear CudaLlama::load(const Checkpoint& checkpoint, const std::vector<std::string>& paths,
                           const std::vector<int64_t>& sizes, int64_t k, WeightFormat format,
                           bool gate_up, FormatList* formats) {
  read_bias(checkpoint, paths, sizes, false);
  std::vector<SourceLinear> sources = read_fused(config_, checkpoint, paths, sizes, k);
  CudaLinear linear;
  linear.k = k;
  linear.gate_up =
      gate_up && sources.size() == 1 && std::holds_alternative<Int4Weight>(sources.front().content);
  for (const SourceLinear& source : sources) {
    linear.n += source.n;
    linear.parts.push_back(pack(source, format, activation_, linear.gate_up));
    for (const StoredLinear& stored : source.stored)
      formats->add(describe_linear(config_, stored, linear.parts.back().type, format));
  }
  return linear;
}

CudaLlama::CudaLlama(const Gpu& gpu, Activation activation, ModelConfig config,
                     const Checkpoint& checkpoint, WeightFormat format)
    : gpu_(gpu), activation_(activation), config_(std::move(config)) {
  FormatList formats, head_format;
  const FloatLinear table =
      read_float(checkpoint, std::string(config_.names->embedding) + ".weight",
                 {config_.vocab_size, config_.hidden_size});
  embedding_type_ = float_weight_type(table.type);
  embedding_ = upload(table.bits.data(), table.bits.size());
  for (int64_t index = 0; index < config_.layers; ++index) {
    CudaLayer& layer = layers_.emplace_back();
    const auto norm = [&](const char* module) {
      return upload_floats(
          read_norm(config_, checkpoint, linear_module_path(config_, index, module)).weight);
    };
    layer.attention_norm = norm(config_.names->attention_norm);
    layer.mlp_norm = norm(config_.names->mlp_norm);
    const auto linear = [&](LinearKind kind) {
      std::vector<std::string> paths;
      for (const std::string& module : linear_module_names(config_, kind))
        paths.push_back(linear_module_path(config_, index, module));
      return load(checkpoint, paths, linear_output_sizes(config_, kind),
                  linear_input_size(config_, kind), format, kind == LinearKind::kGateUp, &formats);
    };
    layer.qkv = linear(LinearKind::kQkv);
    layer.o = linear(LinearKind::kO);
    layer.gate_up = linear(LinearKind::kGateUp);
    layer.down = linear(LinearKind::kDown);
  }
  final_norm_ = upload_floats(read_norm(config_, checkpoint, config_.names->final_norm).weight);
  head_ = load(checkpoint, {head_path(config_)}, {config_.vocab_size}, config_.hidden_size,
               WeightFormat::kCheckpoint, false, &head_format);
  format_ = formats.text();
  parameters_ = count_parameters(config_);
}

CudaLlama::CudaLlama(const Gpu& gpu, Activation activation, const SyntheticModel& model)
    : gpu_(gpu), activation_(activation), config_(model.config) {
  uint64_t seed = model.seed * 1000003;
  const int64_t group = config_.quantization->group_size;
  const std::vector<float> ones(static_cast<size_t>(config_.hidden_size), 1.0f);
  const auto int4 = [&](LinearKind kind) {
    CudaLinear linear;
    for (const int64_t n : linear_output_sizes(config_, kind)) linear.n += n;
    linear.k = linear_input_size(config_, kind);
    linear.gate_up = kind == LinearKind::kGateUp;
    linear.parts.push_back(random_int4(gpu, linear.n, linear.k, group, linear.gate_up, ++seed));
    return linear;
  };
  for (int64_t index = 0; index < config_.layers; ++index) {
    CudaLayer& layer = layers_.emplace_back();
    layer.attention_norm = upload_floats(ones);
    layer.mlp_norm = upload_floats(ones);
    layer.qkv = int4(LinearKind::kQkv);
    layer.o = int4(LinearKind::kO);
    layer.gate_up = int4(LinearKind::kGateUp);
    layer.down = int4(LinearKind::kDown);
  }
  final_norm_ = upload_floats(ones);
  head_.n = config_.vocab_size;
  head_.k = config_.hidden_size;
  head_.parts.push_back(random_float(gpu, head_.n, head_.k, activation, ++seed));
  embedding_ = random_values(gpu, head_.n * head_.k, activation, 1.0f, ++seed);
  embedding_type_ = head_.parts.front().type;
  format_ = "int4 g" + std::to_string(group) + " sym (random), head " + activation_name(activation);
  parameters_ = count_parameters(config_);
  gpu.synchronize();
}

void CudaLlama::reserve(int64_t max_rows, int64_t max_positions) {
  int64_t gathered = 1, unfused = 1;
  const auto look_at = [&](const CudaLinear& linear) {
    for (const LinearWeight& part : linear.parts) {
      gathered = std::max(gathered, gathered_columns(part));
      if (linear.parts.size() > 1) unfused = std::max(unfused, part.n);
    }
  };
  for (const CudaLayer& layer : layers_) {
    look_at(layer.qkv), look_at(layer.o), look_at(layer.gate_up), look_at(layer.down);
  }
  look_at(head_);
  hidden_ = DeviceBuffer(static_cast<size_t>(max_rows * config_.hidden_size) * sizeof(float));
  normed_ = DeviceBuffer(bytes16(max_rows, config_.hidden_size));
  qkv_ = DeviceBuffer(bytes16(max_rows, config_.qkv_size()));
  context_ = DeviceBuffer(bytes16(max_rows, config_.q_size()));
  gate_up_ = DeviceBuffer(
      layers_.front().gate_up.gate_up ? 16 : bytes16(max_rows, 2 * config_.intermediate_size));
  act_ = DeviceBuffer(bytes16(max_rows, config_.intermediate_size));
  gathered_ = DeviceBuffer(bytes16(max_rows, gathered));
  part_ = DeviceBuffer(bytes16(max_rows, unfused));
  rotation_ = upload_floats(rotations(config_, max_positions));
  decode_scratch_ = DeviceBuffer(static_cast<size_t>(
      decode_scratch_bytes(gpu_, max_rows, config_.heads, config_.kv_heads, config_.head_dim)));
  fill_bytes(gpu_.stream(), decode_scratch_.as<void>(), 0, decode_scratch_.size());
}

LinearInput CudaLlama::normalised(const DeviceBuffer& norm) const {
  return {normed_.as<void>(), hidden_.as<float>(), norm.as<float>(),
          static_cast<float>(config_.norm_eps), gathered_.as<void>()};
}

LinearInput CudaLlama::as_it_is(const DeviceBuffer& x) const {
  return {x.as<void>(), nullptr, nullptr, 0, gathered_.as<void>()};
}

void CudaLlama::run_linear(const CudaLinear& linear, const LinearInput& input, int64_t rows,
                           Epilogue epilogue, void* y) const {
  if (linear.parts.size() == 1)
    return ops::cuda::linear(gpu_, activation_, linear.parts.front(), input, rows, epilogue, y);
  int64_t column = 0;
  for (const LinearWeight& part : linear.parts) {  // 16-bit outputs, put side by side
    ops::cuda::linear(gpu_, activation_, part, input, rows, epilogue, part_.as<void>());
    copy_columns(gpu_, part_.as<void>(), part.n, rows, y, linear.n, column);
    column += part.n;
  }
}

void CudaLlama::run_layer(const CudaLayer& layer, const CudaStep& step, const PagedKv& kv) const {
  const int64_t rows = step.places.rows;
  gpu_.set_purpose("qkv");
  run_linear(layer.qkv, normalised(layer.attention_norm), rows, Epilogue::kStore, qkv_.as<void>());
  gpu_.set_purpose("attention");
  if (step.decode_rows < rows) {
    RowPlaces places = step.places;
    places.positions += step.decode_rows;
    places.first_page += step.decode_rows;
    places.rows -= step.decode_rows;
    rope_kv_write(gpu_, activation_, kv, places, rotation_.as<float>(),
                  qkv_.as<uint16_t>() + step.decode_rows * config_.qkv_size(), config_.heads);
  }
  if (step.decode_rows > 0) {
    RowPlaces places = step.places;
    places.rows = step.decode_rows;
    gpu_.note_work(step.decode_kv_bytes, 0);
    attention_decode(gpu_, activation_, kv, places, rotation_.as<float>(), qkv_.as<void>(),
                     config_.heads, decode_scratch_.as<void>(), context_.as<void>());
  }
  attention_prefill(gpu_, activation_, kv, step.places, step.tiles, step.tile_count,
                    qkv_.as<void>(), config_.heads, context_.as<void>());
  gpu_.set_purpose("o");
  run_linear(layer.o, as_it_is(context_), rows, Epilogue::kAddFloat, hidden_.as<void>());
  gpu_.set_purpose("gate_up");
  if (layer.gate_up.gate_up) {
    run_linear(layer.gate_up, normalised(layer.mlp_norm), rows, Epilogue::kSiluMul,
               act_.as<void>());
  } else {
    run_linear(layer.gate_up, normalised(layer.mlp_norm), rows, Epilogue::kStore,
               gate_up_.as<void>());
    silu_mul(gpu_, activation_, gate_up_.as<void>(), rows, config_.intermediate_size,
             act_.as<void>());
  }
  gpu_.set_purpose("down");
  run_linear(layer.down, as_it_is(act_), rows, Epilogue::kAddFloat, hidden_.as<void>());
}

void CudaLlama::run(const CudaStep& step, const std::vector<PagedKv>& kv) const {
  gpu_.set_purpose("embedding");
  embedding(gpu_, embedding_.as<void>(), embedding_type_, step.tokens, step.previous,
            step.places.rows, config_.hidden_size, hidden_.as<float>());
  for (size_t i = 0; i < layers_.size(); ++i) run_layer(layers_[i], step, kv[i]);
}

void CudaLlama::head(const int32_t* kept, int64_t rows, float* logits) const {
  gpu_.set_purpose("head");
  rmsnorm(gpu_, activation_, hidden_.as<float>(), kept, final_norm_.as<float>(),
          static_cast<float>(config_.norm_eps), rows, config_.hidden_size, normed_.as<void>());
  run_linear(head_, as_it_is(normed_), rows, Epilogue::kStoreFloat, logits);
}

int64_t CudaLlama::weight_bytes_per_token() const {
  int64_t total = static_cast<int64_t>(final_norm_.size()) + head_.bytes();
  for (const CudaLayer& layer : layers_) {
    total += static_cast<int64_t>(layer.attention_norm.size() + layer.mlp_norm.size()) +
             layer.qkv.bytes() + layer.o.bytes() + layer.gate_up.bytes() + layer.down.bytes();
  }
  return total;
}

int64_t CudaLlama::weight_bytes() const {
  return weight_bytes_per_token() + static_cast<int64_t>(embedding_.size());
}

std::vector<std::pair<std::string, std::string>> CudaLlama::kernels(int64_t rows) const {
  const auto& layer = layers_.front();
  const auto name = [&](const CudaLinear& linear, int64_t of) {
    return linear_kernel_name(gpu_, linear.parts.front(), of);
  };
  std::vector<std::pair<std::string, std::string>> names;
  const std::pair<const char*, const CudaLinear*> linears[] = {{"qkv", &layer.qkv},
                                                               {"o", &layer.o},
                                                               {"gate_up", &layer.gate_up},
                                                               {"down", &layer.down},
                                                               {"head", &head_}};
  for (const auto& [kind, linear] : linears) {
    names.emplace_back(std::string(kind) + "_1_row", name(*linear, 1));
    if (rows > 1)
      names.emplace_back(std::string(kind) + "_" + std::to_string(rows) + "_rows",
                         name(*linear, rows));
  }
  names.emplace_back("attention", "attention_decode, attention_prefill (mma.sync)");
  return names;
}

}  // namespace loadmark
