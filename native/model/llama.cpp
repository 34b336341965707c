// hidden += o(attention(rope(qkv(norm(hidden))))); hidden += down(silu(gate) * up), gate and up of
// norm(hidden), or, in parallel, of the norm that q, k and v read: then o and down are added before
// they meet the residual, so that ranks exchange them once. What an architecture leaves out is a
// branch a layer, none a row.
#include "model/llama.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "model/rope_frequencies.h"

namespace loadmark {
namespace {

size_t cells(int64_t rows, int64_t columns) { return static_cast<size_t>(rows * columns); }

// Widest module among the linears of several modules: what an unfused part writes.
int64_t widest_module(const ModelConfig& config) {
  int64_t widest = 0;
  for (LinearKind kind : {LinearKind::kQkv, LinearKind::kGateUp}) {
    for (int64_t n : linear_output_sizes(config, kind)) widest = std::max(widest, n);
  }
  return widest;
}

// Products that wait while others are computed: one a halving, and one of two terms.
int64_t waiting_sums(const ModelConfig& config, int64_t row_slices) {
  int64_t sums = config.parallel ? 1 : 0;
  for (; row_slices > 1; row_slices /= 2) ++sums;
  return sums;
}

}  // namespace

LayerScratch::LayerScratch(const ModelConfig& config, int64_t max_rows, int64_t row_slices)
    : max_rows_(max_rows),
      normed_(cells(max_rows, config.hidden_size)),
      qkv_(cells(max_rows, config.qkv_size())),
      context_(cells(max_rows, config.q_size())),
      gate_up_(cells(max_rows, config.up_size())),
      act_(cells(max_rows, config.intermediate_size)),
      output_(cells(max_rows, config.hidden_size)),
      spare_(cells(max_rows * waiting_sums(config, row_slices), config.hidden_size)),
      part_(cells(max_rows, widest_module(config))),
      positions_(static_cast<size_t>(max_rows)),
      page_tables_(static_cast<size_t>(max_rows)) {}

int64_t LayerScratch::plan_bytes(const ModelConfig& config, int64_t max_rows, int64_t row_slices) {
  const int64_t floats = (2 + waiting_sums(config, row_slices)) * config.hidden_size +
                         config.qkv_size() + config.q_size() + config.up_size() +
                         config.intermediate_size + widest_module(config);
  return max_rows * (floats * int64_t{sizeof(float)} + int64_t{sizeof(int32_t) + sizeof(void*)});
}

LlamaModel::LlamaModel(ModelConfig config, ModelWeights weights)
    : config_(std::move(config)),
      weights_(std::move(weights)),
      inv_freq_(rope_frequencies(config_.rope)) {}

LlamaModel LlamaModel::load(const std::string& folder, WeightFormat format) {
  ModelConfig config = read_model_config(folder);
  const Checkpoint checkpoint(folder);
  ModelWeights weights = load_weights(config, checkpoint, format);
  return LlamaModel(std::move(config), std::move(weights));
}

void LlamaModel::embed(const ops::Context& context, const int32_t* tokens, int64_t rows,
                       float* hidden) const {
  ops::embedding(context, weights_.embedding.data(), weights_.embedding_type, tokens, rows,
                 config_.hidden_size, hidden);
}

void LlamaModel::run_norm(const ops::Context& context, const Norm& norm, const float* x,
                          int64_t rows, float* y) const {
  const auto eps = static_cast<float>(config_.norm_eps);
  if (config_.norm == NormKind::kLayer) {
    ops::layernorm(context, x, norm.weight.data(), norm.bias.data(), eps, rows, config_.hidden_size,
                   y);
  } else {
    ops::rmsnorm(context, x, norm.weight.data(), eps, rows, config_.hidden_size, y);
  }
}

void LlamaModel::run_linear(const ops::Context& context, const Linear& linear, const float* x,
                            int64_t rows, float* y, LayerScratch& scratch) const {
  if (linear.parts.size() == 1) {
    ops::linear(context, linear.parts.front(), x, rows, y);
  } else {
    run_parts(context, linear, x, rows, y, scratch);
  }
  if (!linear.bias.empty()) ops::add_bias(context, linear.bias.data(), rows, linear.n, y);
}

void LlamaModel::run_parts(const ops::Context& context, const Linear& linear, const float* x,
                           int64_t rows, float* y, LayerScratch& scratch) const {
  int64_t column = 0;
  for (const ops::LinearWeight& part : linear.parts) {
    ops::linear(context, part, x, rows, scratch.part_.data());
    for (int64_t row = 0; row < rows; ++row) {
      std::memcpy(y + row * linear.n + column, scratch.part_.data() + row * part.n,
                  static_cast<size_t>(part.n) * sizeof(float));
    }
    column += part.n;
  }
}

void LlamaModel::attention_input(const ops::Context& context, int64_t layer, const ops::PagedKv& kv,
                                 const ops::RowPlaces& places, const float* hidden,
                                 LayerScratch& scratch, const LinearObserver& observer) const {
  const LayerWeights& weights = weights_.layers[static_cast<size_t>(layer)];
  const int64_t stride = config_.qkv_size();
  float* normed = scratch.normed_.data();
  float* qkv = scratch.qkv_.data();
  run_norm(context, weights.attention_norm, hidden, places.rows, normed);
  if (observer) observer(layer, LinearKind::kQkv, normed, places.rows, config_.hidden_size);
  run_linear(context, weights.qkv, normed, places.rows, qkv, scratch);
  float* k = qkv + config_.q_size();
  if (config_.qk_norm) {
    const auto eps = static_cast<float>(config_.norm_eps);
    ops::head_rmsnorm(context, qkv, stride, weights.q_norm.data(), eps, places.rows, config_.heads,
                      config_.head_dim);
    ops::head_rmsnorm(context, k, stride, weights.k_norm.data(), eps, places.rows, config_.kv_heads,
                      config_.head_dim);
  }
  // q and k stand side by side: one call turns the heads of both.
  ops::rope(context, qkv, stride, places.positions,
            {inv_freq_.data(), config_.rope.dims, config_.rope.interleaved}, places.rows,
            config_.heads + config_.kv_heads, config_.head_dim);
  ops::kv_write(context, kv, places, k, stride, k + config_.kv_size(), stride);
}

void LlamaModel::layer_output(const ops::Context& context, int64_t layer, const ops::PagedKv& kv,
                              const ops::RowPlaces& places, float* hidden, LayerScratch& scratch,
                              const LinearObserver& observer) const {
  const LayerWeights& weights = weights_.layers[static_cast<size_t>(layer)];
  const int64_t rows = places.rows;
  ops::attention(context, kv, places, scratch.qkv_.data(), config_.qkv_size(), config_.heads,
                 config_.window(layer), scratch.context_.data());
  if (observer) observer(layer, LinearKind::kO, scratch.context_.data(), rows, config_.q_size());
  const RowTerm o = {&weights.o, scratch.context_.data()};
  const RowTerm down = {&weights.down, scratch.act_.data()};
  if (config_.parallel) {
    feed_forward(context, layer, rows, scratch, observer);
    return add_terms(context, {o, down}, rows, hidden, scratch);
  }
  add_terms(context, {o}, rows, hidden, scratch);
  run_norm(context, weights.mlp_norm, hidden, rows, scratch.normed_.data());
  feed_forward(context, layer, rows, scratch, observer);
  add_terms(context, {down}, rows, hidden, scratch);
}

void LlamaModel::multiply_slices(const ops::Context& context, RowTerms terms, int64_t rows,
                                 int64_t first, int64_t count, float* y, float* spare) const {
  const int64_t values = rows * config_.hidden_size;
  if (count > 1) {
    const int64_t half = count / 2;
    multiply_slices(context, terms, rows, first, half, y, spare);
    multiply_slices(context, terms, rows, first + half, half, spare, spare + values);
    return ops::add(context, spare, values, y);
  }
  for (const RowTerm& term : terms) {
    const bool adds = &term != terms.begin();
    const ops::LinearWeight& part = term.linear->parts[static_cast<size_t>(first)];
    ops::linear(context, part, term.x + first * part.k, term.linear->k, rows, adds ? spare : y);
    if (adds) ops::add(context, spare, values, y);
  }
}

void LlamaModel::add_terms(const ops::Context& context, RowTerms terms, int64_t rows, float* hidden,
                           LayerScratch& scratch) const {
  const int64_t values = rows * config_.hidden_size;
  float* output = scratch.output_.data();
  multiply_slices(context, terms, rows, 0, terms.begin()->linear->slices, output,
                  scratch.spare_.data());
  if (group_ != nullptr) group_->sum(rank_, output, values);
  for (const RowTerm& term : terms) {
    const std::vector<float>& bias = term.linear->bias;
    if (!bias.empty()) ops::add_bias(context, bias.data(), rows, config_.hidden_size, output);
  }
  ops::add(context, output, values, hidden);
}

void LlamaModel::feed_forward(const ops::Context& context, int64_t layer, int64_t rows,
                              LayerScratch& scratch, const LinearObserver& observer) const {
  const LayerWeights& weights = weights_.layers[static_cast<size_t>(layer)];
  const float* normed = scratch.normed_.data();
  float *gate_up = scratch.gate_up_.data(), *act = scratch.act_.data();
  if (observer) observer(layer, LinearKind::kGateUp, normed, rows, config_.hidden_size);
  run_linear(context, weights.gate_up, normed, rows, gate_up, scratch);
  if (config_.mlp == MlpKind::kSiluGated) {
    ops::silu_mul(context, gate_up, rows, config_.intermediate_size, act);
  } else {
    ops::gelu_new(context, gate_up, rows * config_.intermediate_size, act);
  }
  if (observer) observer(layer, LinearKind::kDown, act, rows, config_.intermediate_size);
}

void LlamaModel::run_layer(const ops::Context& context, int64_t layer, const ops::PagedKv& kv,
                           const ops::RowPlaces& places, float* hidden, LayerScratch& scratch,
                           const LinearObserver& observer) const {
  attention_input(context, layer, kv, places, hidden, scratch, observer);
  layer_output(context, layer, kv, places, hidden, scratch, observer);
}

void LlamaModel::run_last_layer(const ops::Context& context, const ops::PagedKv& kv,
                                const ops::RowPlaces& places, const int32_t* kept,
                                int64_t kept_count, float* hidden, LayerScratch& scratch) const {
  const int64_t layer = config_.layers - 1;
  attention_input(context, layer, kv, places, hidden, scratch, nullptr);
  if (kept_count == 0) return;
  const auto move_row = [](float* rows, int64_t from, int64_t to, int64_t stride, int64_t width) {
    if (from != to) {
      std::memcpy(rows + to * stride, rows + from * stride,
                  static_cast<size_t>(width) * sizeof(float));
    }
  };
  // Rows only move towards the front, so none is overwritten before it has moved.
  for (int64_t i = 0; i < kept_count; ++i) {
    const int64_t row = kept[i];
    move_row(scratch.qkv_.data(), row, i, config_.qkv_size(), config_.q_size());
    move_row(hidden, row, i, config_.hidden_size, config_.hidden_size);
    if (config_.parallel)
      move_row(scratch.normed_.data(), row, i, config_.hidden_size, config_.hidden_size);
    scratch.positions_[static_cast<size_t>(i)] = places.positions[row];
    scratch.page_tables_[static_cast<size_t>(i)] = places.page_tables[row];
  }
  const ops::RowPlaces kept_places{scratch.positions_.data(), scratch.page_tables_.data(),
                                   kept_count};
  layer_output(context, layer, kv, kept_places, hidden, scratch, nullptr);
}

void LlamaModel::head(const ops::Context& context, const float* hidden, int64_t rows, float* logits,
                      LayerScratch& scratch) const {
  float* normed = scratch.normed_.data();
  run_norm(context, weights_.final_norm, hidden, rows, normed);
  run_linear(context, weights_.head, normed, rows, logits, scratch);
}

void LlamaModel::replace_linear(int64_t layer, LinearKind kind,
                                std::vector<ops::LinearWeight> parts) {
  Linear& linear = weights_.layers.at(static_cast<size_t>(layer)).linear(kind);
  int64_t n = 0;
  bool fits = !parts.empty();
  for (const ops::LinearWeight& part : parts) {
    n += part.n;
    fits = fits && part.k == linear.k;
  }
  if (!fits || n != linear.n || linear.slices > 1) {
    throw Error(kInternal, std::string("replacing ") + linear_kind_name(kind) + " of layer " +
                               std::to_string(layer) + " by " + std::to_string(n) +
                               " outputs; allowed: " + std::to_string(linear.n) + " over " +
                               std::to_string(linear.k) + " inputs");
  }
  linear.parts = std::move(parts);
}

PrivateKv::PrivateKv(const ModelConfig& config, int64_t max_tokens)
    : k_(cells(max_tokens, config.kv_size())),
      v_(cells(max_tokens, config.kv_size())),
      positions_(static_cast<size_t>(max_tokens)),
      page_tables_(static_cast<size_t>(max_tokens), &page_),
      kv_{k_.data(),  v_.data(),       ops::KvType::kFloat32,
          max_tokens, config.kv_heads, config.head_dim} {
  for (size_t i = 0; i < positions_.size(); ++i) positions_[i] = static_cast<int32_t>(i);
}

ops::RowPlaces PrivateKv::places(int64_t rows) const {
  if (rows > static_cast<int64_t>(positions_.size())) {
    throw Error(kInternal, "a private KV cache of " + std::to_string(positions_.size()) +
                               " tokens asked for " + std::to_string(rows));
  }
  return {positions_.data(), page_tables_.data(), rows};
}

}  // namespace loadmark
