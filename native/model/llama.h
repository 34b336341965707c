// The forward pass of every architecture over rows of any mix of sequences: embedding, layers one
// at a time, norm and head. Whose rows they are and where their KV pages lie is the caller's
// business (engine/, or calibration through PrivateKv).
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/rank_group.h"
#include "model/weights.h"
#include "ops/ops.h"

namespace loadmark {

// Called with the input of every linear before it is computed: x (rows, k) fp32.
using LinearObserver =
    std::function<void(int64_t layer, LinearKind kind, const float* x, int64_t rows, int64_t k)>;

// Activations of one layer for up to `max_rows` rows; allocated once, used by every layer in turn.
// `row_slices` as load_weights was told.
class LayerScratch {
 public:
  LayerScratch(const ModelConfig& config, int64_t max_rows, int64_t row_slices = 1);
  static int64_t plan_bytes(const ModelConfig& config, int64_t max_rows, int64_t row_slices = 1);
  int64_t max_rows() const { return max_rows_; }

 private:
  friend class LlamaModel;
  int64_t max_rows_;
  std::vector<float> normed_;       // (max_rows, hidden)
  std::vector<float> qkv_;          // (max_rows, q + 2 kv)
  std::vector<float> context_;      // (max_rows, q)
  std::vector<float> gate_up_;      // (max_rows, up_size)
  std::vector<float> act_;          // (max_rows, intermediate)
  std::vector<float> output_;       // (max_rows, hidden)
  std::vector<float> spare_;        // (sums under way, max_rows, hidden)
  std::vector<float> part_;         // (max_rows, widest module): outputs of unfused linears
  std::vector<int32_t> positions_;  // (max_rows) of the rows the last layer keeps
  std::vector<const int32_t*> page_tables_;  // (max_rows)
};

// Whole, or a shard: then what shard_config and load_weights make of one.
class LlamaModel {
 public:
  LlamaModel(ModelConfig config, ModelWeights weights);
  // read_model_config, Checkpoint and load_weights in one call.
  static LlamaModel load(const std::string& folder,
                         WeightFormat format = WeightFormat::kCheckpoint);

  const ModelConfig& config() const { return config_; }
  const ModelWeights& weights() const { return weights_; }

  // This model is rank `rank` of those that share one: products of o and down are added over the
  // group, whose other ranks run the same layers over the same rows.
  void join(RankGroup* group, int rank) {
    group_ = group;
    rank_ = rank;
  }

  // hidden (rows, hidden_size)
  void embed(const ops::Context& context, const int32_t* tokens, int64_t rows, float* hidden) const;

  // hidden (places.rows, hidden_size) in place; writes K and V of these rows to `kv`. rows <=
  // scratch.max_rows().
  void run_layer(const ops::Context& context, int64_t layer, const ops::PagedKv& kv,
                 const ops::RowPlaces& places, float* hidden, LayerScratch& scratch,
                 const LinearObserver& observer = nullptr) const;
  // The last layer, where only some rows matter: every row's K and V are written, then only the
  // rows `kept` (kept_count ascending row numbers) go on, and come back packed at the start of
  // hidden. Same bits as run_layer.
  void run_last_layer(const ops::Context& context, const ops::PagedKv& kv,
                      const ops::RowPlaces& places, const int32_t* kept, int64_t kept_count,
                      float* hidden, LayerScratch& scratch) const;

  // Final norm and output head: hidden (rows, hidden_size) -> logits (rows, weights().head.n).
  // rows <= scratch.max_rows().
  void head(const ops::Context& context, const float* hidden, int64_t rows, float* logits,
            LayerScratch& scratch) const;

  // Puts other weights in the place of one kind's linears, e.g. quantized ones: one fused part or
  // one part a module.
  void replace_linear(int64_t layer, LinearKind kind, std::vector<ops::LinearWeight> parts);

 private:
  void run_norm(const ops::Context& context, const Norm& norm, const float* x, int64_t rows,
                float* y) const;
  // Norm, q k v, their norms, rotary embedding, K and V written: leaves the norm's output and q k v
  // in the scratch.
  void attention_input(const ops::Context& context, int64_t layer, const ops::PagedKv& kv,
                       const ops::RowPlaces& places, const float* hidden, LayerScratch& scratch,
                       const LinearObserver& observer) const;
  // Attention from the scratch's q, output projection, feed-forward, both added to hidden.
  void layer_output(const ops::Context& context, int64_t layer, const ops::PagedKv& kv,
                    const ops::RowPlaces& places, float* hidden, LayerScratch& scratch,
                    const LinearObserver& observer) const;
  // Of the norm's output in the scratch, up to the input of down, in the scratch.
  void feed_forward(const ops::Context& context, int64_t layer, int64_t rows, LayerScratch& scratch,
                    const LinearObserver& observer) const;
  // A linear that is split by inputs, and what it multiplies.
  struct RowTerm {
    const Linear* linear;
    const float* x;  // (rows, linear->k)
  };
  using RowTerms = std::initializer_list<RowTerm>;
  // hidden += the terms' products, added over slices, then ranks, and their biases.
  void add_terms(const ops::Context& context, RowTerms terms, int64_t rows, float* hidden,
                 LayerScratch& scratch) const;
  // y (rows, hidden_size) = the terms' products with slices [first, first + count) of the inputs,
  // halves added to halves. `spare` is memory for as much, a few times.
  void multiply_slices(const ops::Context& context, RowTerms terms, int64_t rows, int64_t first,
                       int64_t count, float* y, float* spare) const;
  void run_linear(const ops::Context& context, const Linear& linear, const float* x, int64_t rows,
                  float* y, LayerScratch& scratch) const;
  void run_parts(const ops::Context& context, const Linear& linear, const float* x, int64_t rows,
                 float* y, LayerScratch& scratch) const;
  ModelConfig config_;
  ModelWeights weights_;
  std::vector<float> inv_freq_;  // (rope.dims / 2)
  RankGroup* group_ = nullptr;   // null: this is the whole model
  int rank_ = 0;
};

// One layer's KV cache of one sequence in one page: running whole sequences layer by layer, outside
// the engine. Reusable for the next layer or sequence: a run overwrites what it reads.
class PrivateKv {
 public:
  PrivateKv(const ModelConfig& config, int64_t max_tokens);
  PrivateKv(const PrivateKv&) = delete;
  PrivateKv& operator=(const PrivateKv&) = delete;
  const ops::PagedKv& kv() const { return kv_; }
  // Places of tokens 0..rows-1.
  ops::RowPlaces places(int64_t rows) const;

 private:
  std::vector<float> k_, v_;
  std::vector<int32_t> positions_;
  std::vector<const int32_t*> page_tables_;
  int32_t page_ = 0;
  ops::PagedKv kv_;
};

}  // namespace loadmark
