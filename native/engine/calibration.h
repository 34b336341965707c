// What does each linear see? Holds the calibration texts as they stand before one layer and runs
// them through it, with whatever weights the model has by then. What is done with the second
// moments is quantize_model's business.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "model/llama.h"

namespace loadmark {

class Calibration {
 public:
  // Loads the checkpoint's own weights and embeds every sequence. `sequences`: token ids, checked
  // by check_sequences; at least one. Everything referred to must outlive this.
  Calibration(const ModelConfig& config, const Checkpoint& checkpoint,
              const std::vector<std::vector<int32_t>>& sequences, ThreadPool& pool, ops::Isa isa,
              const std::atomic<bool>& cancelled);

  // Throws Error(kBadArgument) on an empty or too long sequence and on a token outside the
  // vocabulary.
  static void check_sequences(const ModelConfig& config,
                              const std::vector<std::vector<int32_t>>& sequences);
  // Throws Error(kOutOfMemory), with the numbers, when weights, inputs and moments exceed the
  // available memory.
  static void check_memory(const ModelConfig& config, const Checkpoint& checkpoint,
                           const std::vector<std::vector<int32_t>>& sequences);

  int64_t rows() const { return rows_; }
  // Sum over all rows of x x^T, x the input of `kind` in `layer`: (k, k), upper triangle. Valid
  // until the next call.
  const double* collect_moment(int64_t layer, LinearKind kind);
  // One part a module, quantized: what follows sees their outputs.
  void replace(int64_t layer, LinearKind kind, std::vector<ops::LinearWeight> parts);
  // Takes every sequence through `layer`: they then stand before the next.
  void advance(int64_t layer);

 private:
  ops::Context context() const { return {&pool_, isa_, ops::ActivationType::kFloat32}; }

  const ModelConfig& config_;
  ThreadPool& pool_;
  const ops::Isa isa_;
  const std::atomic<bool>& cancelled_;
  LlamaModel model_;
  LayerScratch scratch_;
  PrivateKv kv_;
  int64_t rows_ = 0;
  std::vector<std::vector<float>> hidden_;  // per sequence (tokens, hidden): the layer's input
  std::vector<float> trial_;                // (longest, hidden): a sequence that is run and dropped
  std::vector<double> moment_;
};

// Throws Error(kCancelled) when set.
void check_cancelled(const std::atomic<bool>& cancelled);

}  // namespace loadmark
