// Layers run over all rows of a step, the head over a block of logit rows at a time.
#include "engine/cpu_runner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "model/random_weights.h"

namespace loadmark {

namespace {

// The plan, kept only where it fits: what does not is refused before a weight is read or made.
CpuPlan plan_in_memory(const EngineOptions& options, const ModelConfig& config,
                       int64_t weight_bytes, int64_t loading_bytes) {
  CpuPlan plan = plan_cpu(options, config);
  plan.memory.weights = weight_bytes;
  plan.memory.loading = loading_bytes;
  require_memory(plan.memory, available_memory(), plan.sizes.kv_page_bytes,
                 plan.sizes.least_kv_pages);
  require_page_numbers(options, plan.sizes);
  return plan;
}

LoadedRunner run_model(const EngineOptions& options, ops::Isa isa, const CpuPlan& plan,
                       LlamaModel model) {
  auto runner = std::make_unique<CpuRunner>(options, isa, plan, std::move(model));
  EngineInfo info = describe_cpu(options, plan, runner->model(), runner->context());
  return {std::move(runner), std::move(info), plan.sizes.step_rows};
}

}  // namespace

LoadedRunner load_cpu_runner(const EngineOptions& options) {
  const ops::Isa isa = ops::parse_isa(options.instruction_set.c_str());
  if (const auto synthetic = parse_synthetic_model(options.model_path)) {
    const ModelConfig& config = synthetic->config;
    const CpuPlan plan = plan_in_memory(options, config, plan_random_bytes(config),
                                        plan_random_making_bytes(config));
    return run_model(options, isa, plan, LlamaModel(config, random_weights(*synthetic)));
  }
  ModelConfig config = read_model_config(options.model_path);
  const Checkpoint checkpoint(options.model_path);
  const int64_t weight_bytes = plan_weight_bytes(config, checkpoint, options.weight_format);
  const int64_t loading_bytes = plan_loading_bytes(config, checkpoint, options.weight_format);
  const CpuPlan plan = plan_in_memory(options, config, weight_bytes, loading_bytes);
  ModelWeights weights = load_weights(config, checkpoint, options.weight_format);
  return run_model(options, isa, plan, LlamaModel(std::move(config), std::move(weights)));
}

CpuRunner::CpuRunner(const EngineOptions& options, ops::Isa isa, const CpuPlan& plan,
                     LlamaModel model)
    : model_(std::move(model)),
      pool_(options.threads),
      context_{&pool_, isa, options.activations},
      kv_(model_.config(), options.kv_type, options.page_tokens, plan.sizes.kv_pages),
      sampler_(model_.config().vocab_size),
      scratch_(model_.config(), plan.sizes.step_rows),
      hidden_(static_cast<size_t>(plan.sizes.step_rows * model_.config().hidden_size) *
              sizeof(float)),
      logits_(static_cast<size_t>(plan.logit_rows * model_.config().vocab_size) * sizeof(float)),
      logit_rows_(plan.logit_rows),
      best_(static_cast<size_t>(plan.logit_rows)),
      best_log_probs_(static_cast<size_t>(plan.logit_rows)) {
  for (int i = 0; i <= options.step_lag; ++i)
    steps_.emplace_back(plan.sizes.step_rows, plan.step_pages);
}

void CpuRunner::begin(const Batch& batch) { steps_[begun_++ % steps_.size()].fill(batch); }

const StepResults& CpuRunner::finish() {
  CpuStep& step = steps_[finished_++ % steps_.size()];
  step.name_tokens(results_.tokens);
  size_results(step);
  run_layers(step);
  const int64_t hidden_size = model_.config().hidden_size;
  const auto kept = static_cast<int64_t>(step.kept_rows().size());
  for (int64_t first = 0; first < kept; first += logit_rows_) {
    const int64_t rows = std::min(logit_rows_, kept - first);
    model_.head(context_, hidden_.as<float>() + first * hidden_size, rows, logits_.as<float>(),
                scratch_);
    take_logits(step, first, rows);
  }
  results_.timestamp_ns = monotonic_ns();
  return results_;
}

void CpuRunner::size_results(const CpuStep& step) {
  results_.tokens.resize(step.logit_rows().size());
  results_.log_probs.resize(step.targets().size());
  const auto copied =
      std::count_if(step.logit_rows().begin(), step.logit_rows().end(),
                    [](const Batch::LogitRow& row) { return row.kind == Sequence::Kind::kLogits; });
  // Logits are not planned for at load: memory for them is held no longer than the step's results.
  if (copied == 0) results_.logits = std::vector<float>();
  results_.logits.clear();
  results_.logits.reserve(static_cast<size_t>(copied * model_.config().vocab_size));
}

void CpuRunner::run_layers(const CpuStep& step) {
  const int64_t last = model_.config().layers - 1;
  const ops::RowPlaces places = step.places();
  auto* hidden = hidden_.as<float>();
  model_.embed(context_, step.tokens(), step.rows(), hidden);
  for (int64_t layer = 0; layer < last; ++layer)
    model_.run_layer(context_, layer, kv_.layer(layer), places, hidden, scratch_);
  model_.run_last_layer(context_, kv_.layer(last), places, step.kept_rows().data(),
                        static_cast<int64_t>(step.kept_rows().size()), hidden, scratch_);
}

void CpuRunner::take_logits(const CpuStep& step, int64_t first, int64_t rows) {
  const int64_t vocab = model_.config().vocab_size;
  auto* logits = logits_.as<float>();
  const Batch::LogitRow* wanted = step.logit_rows().data() + first;
  for (int64_t row = 0; row < rows; ++row) {
    for (int32_t token : wanted[row].banned) logits[row * vocab + token] = -INFINITY;
  }
  ops::argmax(context_, logits, rows, vocab, best_.data());
  for (int64_t row = 0; row < rows; ++row) {
    const float* values = logits + row * vocab;
    results_.tokens[static_cast<size_t>(first + row)] =
        choose_token(wanted[row], values, best_[static_cast<size_t>(row)]);
    if (wanted[row].kind == Sequence::Kind::kLogits)
      results_.logits.insert(results_.logits.end(), values, values + vocab);
  }
  for (int64_t row = 0, end = 0; row < rows; row = end) {
    end = row + 1;
    if (wanted[row].kind != Sequence::Kind::kScore) continue;
    while (end < rows && wanted[end].kind == Sequence::Kind::kScore) ++end;
    score_rows(step, first, row, end);
  }
}

int32_t CpuRunner::choose_token(const Batch::LogitRow& wanted, const float* logits, int32_t best) {
  if (!std::isfinite(logits[best])) return -1;
  const bool draws = wanted.kind == Sequence::Kind::kGenerate && wanted.sampling.temperature > 0;
  return draws ? sampler_.draw(logits, wanted.sampling, wanted.draw) : best;
}

// Rows [begin, end) of the block want log-probabilities, each of a target or several. All targets
// of one row share its normalisation by way of its largest logit: log p(t) = logit(t) - logit(best)
// + log p(best), to the same bits whatever other targets there are.
void CpuRunner::score_rows(const CpuStep& step, int64_t first, int64_t begin, int64_t end) {
  const int64_t vocab = model_.config().vocab_size;
  const float* logits = logits_.as<float>() + begin * vocab;
  const Batch::LogitRow* wanted = step.logit_rows().data() + first + begin;
  const int32_t* best = best_.data() + begin;
  const int64_t rows = end - begin;
  ops::log_probability(context_, logits, rows, vocab, best, best_log_probs_.data());
  for (int64_t row = 0; row < rows; ++row, logits += vocab) {
    const auto largest = static_cast<double>(logits[best[row]]);
    for (int64_t i = 0; i < wanted[row].target_count; ++i) {
      const auto target = static_cast<size_t>(wanted[row].first_target + i);
      results_.log_probs[target] = (static_cast<double>(logits[step.targets()[target]]) - largest) +
                                   best_log_probs_[static_cast<size_t>(row)];
    }
  }
}

}  // namespace loadmark
