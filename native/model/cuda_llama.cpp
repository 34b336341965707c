// h += o(attention(rope(qkv(norm(h))))); h += down(silu(gate) * up), gate and up of norm(h); h in
// fp32. Norms go with the linears that read them, additions with those that write, silu-mul with
// gate_up's. What an architecture has beyond that (LayerNorm, biases, norms of heads, other turns)
// takes a kernel of its own, and costs the others a branch a layer on the host.
#include "model/cuda_llama.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "base/error.h"
#include "model/gpu_bytes.h"
#include "model/linear_bias.h"
#include "model/rope_frequencies.h"
#include "model/source_linear.h"

namespace loadmark {

using namespace ops::cuda;  // NOLINT: this file is about nothing else

namespace {

bool is_int4(const SourceLinear& source) {
  const auto* weight = std::get_if<Int4Weight>(&source.content);
  return weight != nullptr && weight->offset.empty();
}

LinearWeight pack(const SourceLinear& source, Activation activation, bool gate_up) {
  if (is_int4(source)) return pack_int4(std::get<Int4Weight>(source.content), gate_up);
  if (std::holds_alternative<Int4Weight>(source.content) ||
      std::holds_alternative<Int8Groups>(source.content)) {
    const FloatLinear values = as_float16(source);
    return pack_float(ops::WeightType::kFloat16, values.bits.data(), source.n, source.k,
                      activation);
  }
  if (const auto* rounded = std::get_if<RoundedInt8>(&source.content))
    return pack_int8(rounded->q.data(), rounded->scale.data(), source.n, source.k);
  const auto& values = std::get<FloatLinear>(source.content);
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

DeviceBuffer upload_some(const std::vector<float>& values) {
  return values.empty() ? DeviceBuffer() : upload_floats(values);
}

CudaNorm upload_norm(const Norm& norm) {
  return {upload_floats(norm.weight), upload_some(norm.bias)};
}

// More than rope_kv_write and attention_decode do to heads themselves.
bool turns_heads_apart(const ModelConfig& config) {
  return config.bias[LinearKind::kQkv] || config.qk_norm || config.rope.interleaved ||
         config.rope.dims != config.head_dim;
}

// What the shard holds of a random linear, whose modules stand one after another in the whole.
RandomPart random_part(const ModelConfig& whole, LinearKind kind, const TensorShard& shard,
                       bool gate_up) {
  RandomPart random = {};
  int64_t first = 0;
  for (const ModulePart& part : linear_parts(whole, 0, kind, shard)) {
    random.inputs = {part.inputs.first, part.inputs.count};
    random.k = part.k;
    random.outputs.push_back({first + part.outputs.first, part.outputs.count});
    first += part.n;
    if (gate_up) break;  // what a gate multiplies lies beside it
  }
  return random;
}

size_t bytes16(int64_t rows, int64_t columns) { return static_cast<size_t>(rows * columns) * 2; }

}  // namespace

int64_t CudaLinear::bytes() const {
  int64_t total = 0;
  for (const LinearWeight& part : parts) total += part.bytes;
  return total + static_cast<int64_t>(bias.size());
}

int64_t CudaNorm::bytes() const { return static_cast<int64_t>(weight.size() + bias.size()); }

CudaLinear CudaLlama::load(const Checkpoint& checkpoint, const std::vector<ModulePart>& parts,
                           WeightFormat format, bool gate_up, FormatList* formats) {
  const std::vector<SourceLinear> sources = read_fused(config_, checkpoint, parts, format);
  CudaLinear linear;
  linear.k = sources.front().k;
  linear.gate_up = gate_up && sources.size() == 1 && is_int4(sources.front());
  for (const SourceLinear& source : sources) {
    linear.n += source.n;
    linear.parts.push_back(pack(source, activation_, linear.gate_up));
    for (const StoredLinear& stored : source.stored)
      formats->add(describe_linear(config_, stored, linear.parts.back().type, format));
  }
  return linear;
}

CudaLlama::CudaLlama(const Gpu& gpu, Activation activation, const ModelConfig& whole,
                     const Checkpoint& checkpoint, WeightFormat format, const TensorShard& shard)
    : gpu_(gpu), activation_(activation), shard_(shard), config_(shard_config(whole, shard.ranks)) {
  FormatList formats, head_format;
  const FloatLinear table =
      read_float(checkpoint, std::string(config_.names->embedding) + ".weight",
                 {config_.vocab_size, config_.hidden_size});
  embedding_type_ = float_weight_type(table.type);
  embedding_ = upload(table.bits.data(), table.bits.size());
  for (int64_t index = 0; index < config_.layers; ++index) {
    CudaLayer& layer = layers_.emplace_back();
    const auto path = [&](const std::string& module) {
      return linear_module_path(config_, index, module);
    };
    const TensorNames& names = *config_.names;
    layer.attention_norm = upload_norm(read_norm(config_, checkpoint, path(names.attention_norm)));
    if (!config_.parallel)
      layer.mlp_norm = upload_norm(read_norm(config_, checkpoint, path(names.mlp_norm)));
    if (config_.qk_norm) {
      const std::vector<int64_t> shape = {config_.head_dim};
      layer.q_norm = upload_floats(checkpoint.read_float32(path("self_attn.q_norm.weight"), shape));
      layer.k_norm = upload_floats(checkpoint.read_float32(path("self_attn.k_norm.weight"), shape));
    }
    const auto linear = [&](LinearKind kind) {
      const std::vector<ModulePart> parts = linear_parts(whole, index, kind, shard);
      CudaLinear made = load(checkpoint, parts, format, interleaves_gate(config_, kind), &formats);
      made.bias = upload_some(read_bias(checkpoint, parts, config_.bias[kind]));
      return made;
    };
    layer.qkv = linear(LinearKind::kQkv);
    layer.o = linear(LinearKind::kO);
    layer.gate_up = linear(LinearKind::kGateUp);
    layer.down = linear(LinearKind::kDown);
  }
  final_norm_ = upload_norm(read_norm(config_, checkpoint, config_.names->final_norm));
  ModulePart head = head_part(whole, shard);
  head_ = load(checkpoint, {head}, WeightFormat::kCheckpoint, false, &head_format);
  head.path = "lm_head";  // has a bias of its own where the weight is the embedding's
  head_.bias = upload_some(read_bias(checkpoint, {head}, config_.head_bias));
  format_ = formats.text();
  parameters_ = count_parameters(whole);
}

CudaLlama::CudaLlama(const Gpu& gpu, Activation activation, const SyntheticModel& model,
                     const TensorShard& shard)
    : gpu_(gpu),
      activation_(activation),
      shard_(shard),
      config_(shard_config(model.config, shard.ranks)) {
  uint64_t seed = model.seed * 1000003;
  const int64_t group = config_.quantization->group_size;
  const std::vector<float> ones(static_cast<size_t>(config_.hidden_size), 1.0f);
  const auto int4 = [&](LinearKind kind) {
    CudaLinear linear;
    for (const int64_t n : linear_output_sizes(config_, kind)) linear.n += n;
    linear.k = linear_input_size(config_, kind);
    linear.gate_up = kind == LinearKind::kGateUp;
    const RandomPart part = random_part(model.config, kind, shard, linear.gate_up);
    linear.parts.push_back(random_int4(gpu, part, group, linear.gate_up, ++seed));
    return linear;
  };
  for (int64_t index = 0; index < config_.layers; ++index) {
    CudaLayer& layer = layers_.emplace_back();
    layer.attention_norm.weight = upload_floats(ones);
    layer.mlp_norm.weight = upload_floats(ones);
    layer.qkv = int4(LinearKind::kQkv);
    layer.o = int4(LinearKind::kO);
    layer.gate_up = int4(LinearKind::kGateUp);
    layer.down = int4(LinearKind::kDown);
  }
  final_norm_.weight = upload_floats(ones);
  const Range rows = head_part(model.config, shard).outputs;
  head_.n = rows.count;
  head_.k = config_.hidden_size;
  head_.parts.push_back(random_float(gpu, head_.n, head_.k, activation, ++seed, rows.first));
  embedding_ = random_values(gpu, config_.vocab_size * head_.k, activation, 1.0f, ++seed);
  embedding_type_ = head_.parts.front().type;
  format_ = "int4 g" + std::to_string(group) + " sym (random), head " + activation_name(activation);
  parameters_ = count_parameters(model.config);
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
  if (turns_heads_apart(config_)) {
    std::vector<float> none(static_cast<size_t>(config_.head_dim));
    for (size_t i = 0; i < none.size(); i += 2) none[i] = 1.0f;
    no_rotation_ = upload_floats(none);
  }
  decode_scratch_ = DeviceBuffer(static_cast<size_t>(
      decode_scratch_bytes(gpu_, max_rows, config_.heads, config_.kv_heads, config_.head_dim)));
  fill_bytes(gpu_.stream(), decode_scratch_.as<void>(), 0, decode_scratch_.size());
}

LinearInput CudaLlama::normalised(const CudaNorm& norm, int64_t rows) const {
  const auto eps = static_cast<float>(config_.norm_eps);
  if (config_.norm == NormKind::kRms) {
    return {normed_.as<void>(), hidden_.as<float>(), norm.weight.as<float>(), eps,
            gathered_.as<void>()};
  }
  layernorm(gpu_, activation_, hidden_.as<float>(), nullptr, norm.weight.as<float>(),
            norm.bias.as<float>(), eps, rows, config_.hidden_size, normed_.as<void>());
  return as_it_is(normed_);
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

void CudaLlama::attend(int64_t index, const CudaStep& step, const PagedKv& kv) const {
  const CudaLayer& layer = layers_[static_cast<size_t>(index)];
  const int64_t rows = step.places.rows, window = config_.window(index);
  Rotation rotation = {rotation_.as<float>(), config_.head_dim / 2};
  if (no_rotation_.size() > 0) {
    turn_heads(gpu_, activation_,
               {layer.qkv.bias.as<float>(), layer.q_norm.as<float>(), layer.k_norm.as<float>(),
                static_cast<float>(config_.norm_eps), rotation.turns, config_.rope.dims,
                config_.rope.interleaved},
               step.places.positions, rows, config_.heads, config_.kv_heads, config_.head_dim,
               qkv_.as<void>());
    rotation = {no_rotation_.as<float>(), 0};
  }
  if (needs_attention_rows(config_.head_dim)) {
    rope_kv_write(gpu_, activation_, kv, step.places, rotation, qkv_.as<void>(), config_.heads);
    return attention_rows(gpu_, activation_, kv, step.places, qkv_.as<void>(), config_.heads,
                          window, context_.as<void>());
  }
  if (step.decode_rows < rows) {
    RowPlaces places = step.places;
    places.positions += step.decode_rows;
    places.first_page += step.decode_rows;
    places.rows -= step.decode_rows;
    rope_kv_write(gpu_, activation_, kv, places, rotation,
                  qkv_.as<uint16_t>() + step.decode_rows * config_.qkv_size(), config_.heads);
  }
  if (step.decode_rows > 0) {
    RowPlaces places = step.places;
    places.rows = step.decode_rows;
    if (!step.decode_kv_bytes.empty())
      gpu_.note_work(step.decode_kv_bytes[static_cast<size_t>(index)], 0);
    attention_decode(gpu_, activation_, kv, places, rotation, qkv_.as<void>(), config_.heads,
                     window, decode_scratch_.as<void>(), context_.as<void>());
  }
  attention_prefill(gpu_, activation_, kv, step.places, step.tiles, step.tile_count,
                    qkv_.as<void>(), config_.heads, window, context_.as<void>());
}

void CudaLlama::feed_forward(const CudaLayer& layer, const LinearInput& input, int64_t rows) const {
  gpu_.set_purpose("gate_up");
  const float* bias = layer.gate_up.bias.as<float>();
  if (layer.gate_up.gate_up) {
    run_linear(layer.gate_up, input, rows, Epilogue::kSiluMul, act_.as<void>());
  } else {
    run_linear(layer.gate_up, input, rows, Epilogue::kStore, gate_up_.as<void>());
    if (config_.mlp == MlpKind::kGeluNew) {
      gelu_new(gpu_, activation_, gate_up_.as<void>(), bias, rows, config_.intermediate_size,
               act_.as<void>());
    } else {
      if (bias != nullptr)
        add_bias(gpu_, activation_, bias, rows, layer.gate_up.n, gate_up_.as<void>());
      silu_mul(gpu_, activation_, gate_up_.as<void>(), rows, config_.intermediate_size,
               act_.as<void>());
    }
  }
  gpu_.set_purpose("down");
  add_product(layer.down, act_, rows);
}

void CudaLlama::add_product(const CudaLinear& linear, const DeviceBuffer& x, int64_t rows) const {
  float* sum = collective_ == nullptr ? hidden_.as<float>() : collective_->partial();
  run_linear(linear, as_it_is(x), rows, Epilogue::kAddFloat, sum);
}

void CudaLlama::add_ranks(std::initializer_list<const CudaLinear*> linears, int64_t rows) const {
  if (collective_ != nullptr)
    collective_->add_across(rows * config_.hidden_size, hidden_.as<float>());
  for (const CudaLinear* linear : linears) {
    if (linear->bias.size() > 0)
      add_bias(gpu_, linear->bias.as<float>(), rows, linear->n, hidden_.as<float>());
  }
}

void CudaLlama::run_layer(int64_t index, const CudaStep& step, const PagedKv& kv) const {
  const CudaLayer& layer = layers_[static_cast<size_t>(index)];
  const int64_t rows = step.places.rows;
  gpu_.set_purpose("qkv");
  const LinearInput input = normalised(layer.attention_norm, rows);
  run_linear(layer.qkv, input, rows, Epilogue::kStore, qkv_.as<void>());
  gpu_.set_purpose("attention");
  attend(index, step, kv);
  gpu_.set_purpose("o");
  add_product(layer.o, context_, rows);
  if (config_.parallel) {
    // The first norm's output still lies in normed_ (check_gpu_model: with LayerNorm).
    feed_forward(layer, input, rows);
    return add_ranks({&layer.o, &layer.down}, rows);
  }
  add_ranks({&layer.o}, rows);
  gpu_.set_purpose("gate_up");
  feed_forward(layer, normalised(layer.mlp_norm, rows), rows);
  add_ranks({&layer.down}, rows);
}

void CudaLlama::run(const CudaStep& step, const std::vector<PagedKv>& kv) const {
  gpu_.set_purpose("embedding");
  embedding(gpu_, embedding_.as<void>(), embedding_type_, step.tokens, step.previous,
            step.places.rows, config_.hidden_size, hidden_.as<float>());
  for (size_t i = 0; i < layers_.size(); ++i) run_layer(static_cast<int64_t>(i), step, kv[i]);
}

void CudaLlama::head(const int32_t* kept, int64_t rows, float* logits) const {
  gpu_.set_purpose("head");
  const auto eps = static_cast<float>(config_.norm_eps);
  const auto* weight = final_norm_.weight.as<float>();
  if (config_.norm == NormKind::kRms) {
    rmsnorm(gpu_, activation_, hidden_.as<float>(), kept, weight, eps, rows, config_.hidden_size,
            normed_.as<void>());
  } else {
    layernorm(gpu_, activation_, hidden_.as<float>(), kept, weight, final_norm_.bias.as<float>(),
              eps, rows, config_.hidden_size, normed_.as<void>());
  }
  run_linear(head_, as_it_is(normed_), rows, Epilogue::kStoreFloat, logits);
  if (head_.bias.size() > 0) add_bias(gpu_, head_.bias.as<float>(), rows, head_.n, logits);
}

int64_t CudaLlama::weight_bytes_per_token() const {
  int64_t total = final_norm_.bytes() + head_.bytes();
  for (const CudaLayer& layer : layers_) {
    total += layer.attention_norm.bytes() + layer.mlp_norm.bytes() +
             static_cast<int64_t>(layer.q_norm.size() + layer.k_norm.size()) + layer.qkv.bytes() +
             layer.o.bytes() + layer.gate_up.bytes() + layer.down.bytes();
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
  names.emplace_back("attention", needs_attention_rows(config_.head_dim)
                                      ? "attention_rows"
                                      : "attention_decode, attention_prefill (mma.sync)");
  return names;
}

}  // namespace loadmark
