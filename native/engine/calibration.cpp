// A linear's inputs are collected by running the layer as far as that linear, once for each group
// of linears that share an input: nothing wider than the hidden state is ever kept.
#include "engine/calibration.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "engine/memory_plan.h"

namespace loadmark {
namespace {

// Thrown by the observer once it has what it came for: the rest of the layer would be computed for
// nothing.
struct InputSeen {};

int64_t longest_of(const std::vector<std::vector<int32_t>>& sequences) {
  size_t longest = 0;
  for (const std::vector<int32_t>& sequence : sequences)
    longest = std::max(longest, sequence.size());
  return static_cast<int64_t>(longest);
}

}  // namespace

void check_cancelled(const std::atomic<bool>& cancelled) {
  if (cancelled.load(std::memory_order_relaxed))
    throw Error(kCancelled, "quantizing was cancelled");
}

Calibration::Calibration(const ModelConfig& config, const Checkpoint& checkpoint,
                         const std::vector<std::vector<int32_t>>& sequences, ThreadPool& pool,
                         ops::Isa isa, const std::atomic<bool>& cancelled)
    : config_(config),
      pool_(pool),
      isa_(isa),
      cancelled_(cancelled),
      model_(config, load_weights(config, checkpoint, WeightFormat::kCheckpoint)),
      scratch_(config, longest_of(sequences)),
      kv_(config, longest_of(sequences)),
      trial_(static_cast<size_t>(longest_of(sequences) * config.hidden_size)) {
  for (const std::vector<int32_t>& sequence : sequences) {
    const int64_t rows = static_cast<int64_t>(sequence.size());
    std::vector<float>& hidden =
        hidden_.emplace_back(static_cast<size_t>(rows * config.hidden_size));
    model_.embed(context(), sequence.data(), rows, hidden.data());
    rows_ += rows;
  }
}

void Calibration::check_sequences(const ModelConfig& config,
                                  const std::vector<std::vector<int32_t>>& sequences) {
  for (size_t i = 0; i < sequences.size(); ++i) {
    const std::string text = "calibration text " + std::to_string(i);
    const int64_t length = static_cast<int64_t>(sequences[i].size());
    if (length < 1 || length > config.max_positions) {
      throw Error(kBadArgument, text + " has " + std::to_string(length) +
                                    " tokens; allowed: 1 to " +
                                    std::to_string(config.max_positions));
    }
    for (const int32_t token : sequences[i]) {
      if (token < 0 || token >= config.vocab_size) {
        throw Error(kBadArgument, text + " holds token " + std::to_string(token) +
                                      "; allowed: 0 to " + std::to_string(config.vocab_size - 1));
      }
    }
  }
}

void Calibration::check_memory(const ModelConfig& config, const Checkpoint& checkpoint,
                               const std::vector<std::vector<int32_t>>& sequences) {
  int64_t widest_input = 0;
  int64_t largest_linear = 0;
  for (const LinearKind kind : kLinearKinds) {
    const int64_t k = linear_input_size(config, kind);
    widest_input = std::max(widest_input, k);
    for (const int64_t n : linear_output_sizes(config, kind))
      largest_linear = std::max(largest_linear, n * k);
  }
  int64_t tokens = 0;
  for (const std::vector<int32_t>& sequence : sequences)
    tokens += static_cast<int64_t>(sequence.size());
  const int64_t longest = longest_of(sequences);
  const int64_t weights = plan_weight_bytes(config, checkpoint, WeightFormat::kCheckpoint);
  const int64_t inputs = (tokens + longest) * config.hidden_size * int64_t{sizeof(float)};
  const int64_t step = LayerScratch::plan_bytes(config, longest) +
                       2 * longest * config.kv_size() * int64_t{sizeof(float)};
  const int64_t moments =
      2 * widest_input * widest_input * int64_t{sizeof(double)};  // the sum and its factor
  const int64_t linear = largest_linear * 24;  // as fp32, two int4 twins, fp32 again, doubles
  const int64_t planned = weights + inputs + step + moments + linear;
  const int64_t available = available_memory();
  if (available >= 0 && planned > available) {
    throw Error(kOutOfMemory, "quantizing needs " + std::to_string(planned) + " bytes (weights " +
                                  std::to_string(weights) + ", inputs of " +
                                  std::to_string(tokens) + " tokens " + std::to_string(inputs) +
                                  ", second moments " + std::to_string(moments) +
                                  "); available are " + std::to_string(available));
  }
}

const double* Calibration::collect_moment(int64_t layer, LinearKind kind) {
  const int64_t width = linear_input_size(config_, kind);
  moment_.assign(static_cast<size_t>(width * width), 0.0);
  const LinearObserver observer = [&](int64_t, LinearKind seen, const float* x, int64_t rows,
                                      int64_t k) {
    if (seen != kind) return;
    ops::accumulate_hessian(context(), x, rows, k, moment_.data());
    throw InputSeen{};
  };
  for (const std::vector<float>& hidden : hidden_) {
    check_cancelled(cancelled_);
    std::copy(hidden.begin(), hidden.end(), trial_.begin());
    const int64_t rows = static_cast<int64_t>(hidden.size()) / config_.hidden_size;
    try {
      model_.run_layer(context(), layer, kv_.kv(), kv_.places(rows), trial_.data(), scratch_,
                       observer);
    } catch (const InputSeen&) {
    }
  }
  return moment_.data();
}

void Calibration::replace(int64_t layer, LinearKind kind, std::vector<ops::LinearWeight> parts) {
  model_.replace_linear(layer, kind, std::move(parts));
}

void Calibration::advance(int64_t layer) {
  for (std::vector<float>& hidden : hidden_) {
    check_cancelled(cancelled_);
    const int64_t rows = static_cast<int64_t>(hidden.size()) / config_.hidden_size;
    model_.run_layer(context(), layer, kv_.kv(), kv_.places(rows), hidden.data(), scratch_);
  }
}

}  // namespace loadmark
