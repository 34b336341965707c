// Layers run over all rows of a step, the head over a block of logit rows at a time. Ranks choose
// greedily by what each found best of its own tokens; only rows that are drawn from, scored or
// asked for are put together, for rank 0 to look at.
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

std::vector<std::string> rank_names(const EngineOptions& options) {
  if (options.ranks() > 1) return options.tensor_parallel_devices;
  return {options.device};
}

bool draws(const Batch::LogitRow& row) {
  return row.kind == Sequence::Kind::kGenerate && row.sampling.temperature > 0;
}

// Whether a row is read beyond its largest logit.
bool wants_whole(const Batch::LogitRow& row) {
  return row.kind != Sequence::Kind::kGenerate || draws(row);
}

// Plans, loads and describes a model whose shards' weights `load_shard(shard, row_slices)` makes.
// What does not fit is refused before a weight is read or made.
template <class LoadShard>
LoadedRunner load_ranks(const EngineOptions& options, const ModelConfig& whole,
                        const ShardLimits& limits, int64_t rank_bytes, int64_t loading_bytes,
                        const LoadShard& load_shard) {
  const ops::Isa isa = ops::parse_isa(options.instruction_set.c_str());
  const int64_t ranks = options.ranks();
  // The oracle's sums have one order, however many ranks there are; rounded ones have not anyway.
  const bool exact = options.activations == ops::ActivationType::kFloat32;
  CpuPlan plan = plan_cpu(options, whole, exact ? limits.row_slices(ranks) : 1);
  plan.memory.weights = saturating_product(ranks, rank_bytes);
  plan.memory.loading = loading_bytes;
  require_memory(plan.memory, available_memory(), plan.sizes.kv_page_bytes,
                 plan.sizes.least_kv_pages);
  require_page_numbers(options, plan.sizes);
  std::vector<LlamaModel> models;
  for (int64_t rank = 0; rank < ranks; ++rank) {
    models.emplace_back(shard_config(whole, ranks),
                        load_shard(TensorShard{rank, ranks}, plan.row_slices));
  }
  auto runner =
      std::make_unique<CpuRunner>(options, isa, plan, whole.vocab_size, std::move(models));
  EngineInfo info = describe_cpu(options, plan, whole, runner->models(), runner->context());
  return {std::move(runner), std::move(info), plan.sizes.step_rows};
}

}  // namespace

LoadedRunner load_cpu_runner(const EngineOptions& options) {
  const int64_t ranks = options.ranks();
  if (const auto synthetic = parse_synthetic_model(options.model_path)) {
    const ModelConfig& config = synthetic->config;
    const ShardLimits limits(config);
    limits.check(ranks);
    return load_ranks(options, config, limits, plan_random_bytes(config, ranks),
                      plan_random_making_bytes(config),
                      [&](const TensorShard& shard, int64_t row_slices) {
                        return random_weights(*synthetic, shard, row_slices);
                      });
  }
  const ModelConfig config = read_model_config(options.model_path);
  const Checkpoint checkpoint(options.model_path);
  const int64_t rank_bytes = plan_weight_bytes(config, checkpoint, options.weight_format, ranks);
  const int64_t loading_bytes = plan_loading_bytes(config, checkpoint, options.weight_format);
  const ShardLimits limits(config, checkpoint);
  limits.check(ranks);
  return load_ranks(options, config, limits, rank_bytes, loading_bytes,
                    [&](const TensorShard& shard, int64_t row_slices) {
                      return load_weights(config, checkpoint, options.weight_format, shard,
                                          row_slices);
                    });
}

CpuRunner::CpuRunner(const EngineOptions& options, ops::Isa isa, const CpuPlan& plan, int64_t vocab,
                     std::vector<LlamaModel> models)
    : vocab_(vocab),
      logit_rows_(plan.logit_rows),
      threads_(rank_names(options)),
      sampler_(vocab),
      whole_logits_(
          models.size() == 1 ? 0 : static_cast<size_t>(plan.logit_rows * vocab) * sizeof(float)),
      best_(static_cast<size_t>(plan.logit_rows)),
      best_log_probs_(static_cast<size_t>(plan.logit_rows)) {
  for (int rank = 0; rank < threads_.ranks(); ++rank) {
    ranks_.push_back(std::make_unique<CpuRank>(
        options, isa, plan, rank, std::move(models[static_cast<size_t>(rank)]), &threads_.group()));
  }
  for (int i = 0; i <= options.step_lag; ++i)
    steps_.emplace_back(plan.sizes.step_rows, plan.step_pages);
}

std::vector<const LlamaModel*> CpuRunner::models() const {
  std::vector<const LlamaModel*> models;
  for (const auto& rank : ranks_) models.push_back(&rank->model());
  return models;
}

void CpuRunner::begin(const Batch& batch) { steps_[begun_++ % steps_.size()].fill(batch); }

const StepResults& CpuRunner::finish() {
  CpuStep& step = steps_[finished_++ % steps_.size()];
  if (fault_ && fault_->rank < 0) fail_here(fault_->kind, static_cast<int64_t>(finished_));
  step.name_tokens(results_.tokens);
  size_results(step);
  threads_.run([this, &step](int rank) { run_rank(step, rank); });
  results_.timestamp_ns = monotonic_ns();
  return results_;
}

void CpuRunner::run_rank(const CpuStep& step, int rank) {
  if (fault_ && fault_->rank == rank) fail_here(fault_->kind, static_cast<int64_t>(finished_));
  CpuRank& own = *ranks_[static_cast<size_t>(rank)];
  own.run_layers(step);
  const auto kept = static_cast<int64_t>(step.kept_rows().size());
  for (int64_t first = 0; first < kept; first += logit_rows_) {
    const int64_t rows = std::min(logit_rows_, kept - first);
    own.run_head(step, first, rows);
    gather_rows(step, first, rows, rank);
    threads_.group().meet();
    if (rank == 0) take_logits(step, first, rows);
    threads_.group().meet();  // before the next block takes this one's place
  }
}

void CpuRunner::gather_rows(const CpuStep& step, int64_t first, int64_t rows, int rank) {
  if (ranks_.size() == 1) return;
  const CpuRank& own = *ranks_[static_cast<size_t>(rank)];
  for (int64_t row = 0; row < rows; ++row) {
    if (!wants_whole(step.logit_rows()[static_cast<size_t>(first + row)])) continue;
    std::memcpy(whole_logits_.as<float>() + row * vocab_ + own.first_token(),
                own.logits() + row * own.tokens(),
                static_cast<size_t>(own.tokens()) * sizeof(float));
  }
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
  results_.logits.reserve(static_cast<size_t>(copied * vocab_));
}

void CpuRunner::take_logits(const CpuStep& step, int64_t first, int64_t rows) {
  const Batch::LogitRow* wanted = step.logit_rows().data() + first;
  for (int64_t row = 0; row < rows; ++row) {
    results_.tokens[static_cast<size_t>(first + row)] = choose_token(wanted[row], row);
    if (wanted[row].kind == Sequence::Kind::kLogits) {
      const float* logits = row_logits(row);
      results_.logits.insert(results_.logits.end(), logits, logits + vocab_);
    }
  }
  for (int64_t row = 0, end = 0; row < rows; row = end) {
    end = row + 1;
    if (wanted[row].kind != Sequence::Kind::kScore) continue;
    while (end < rows && wanted[end].kind == Sequence::Kind::kScore) ++end;
    score_rows(step, first, row, end);
  }
}

CpuRunner::Best CpuRunner::best_of(int64_t row) const {
  Best best = {-INFINITY, 0};
  for (const auto& rank : ranks_) {
    const int32_t at = rank->best()[static_cast<size_t>(row)];
    const float logit = rank->logits()[row * rank->tokens() + at];
    if (logit > best.logit) best = {logit, at + static_cast<int32_t>(rank->first_token())};
  }
  return best;
}

const float* CpuRunner::row_logits(int64_t row) const {
  const float* block =
      ranks_.size() == 1 ? ranks_.front()->logits() : whole_logits_.as<const float>();
  return block + row * vocab_;
}

int32_t CpuRunner::choose_token(const Batch::LogitRow& wanted, int64_t row) {
  const Best best = best_of(row);
  best_[static_cast<size_t>(row)] = best.token;
  if (!std::isfinite(best.logit)) return -1;
  return draws(wanted) ? sampler_.draw(row_logits(row), wanted.sampling, wanted.draw) : best.token;
}

// Rows [begin, end) of the block want log-probabilities, each of a target or several. All targets
// of one row share its normalisation by way of its largest logit: log p(t) = logit(t) - logit(best)
// + log p(best), to the same bits whatever other targets there are.
void CpuRunner::score_rows(const CpuStep& step, int64_t first, int64_t begin, int64_t end) {
  const float* logits = row_logits(begin);
  const Batch::LogitRow* wanted = step.logit_rows().data() + first + begin;
  const int32_t* best = best_.data() + begin;
  const int64_t rows = end - begin;
  ops::log_probability(context(), logits, rows, vocab_, best, best_log_probs_.data());
  for (int64_t row = 0; row < rows; ++row, logits += vocab_) {
    const auto largest = static_cast<double>(logits[best[row]]);
    for (int64_t i = 0; i < wanted[row].target_count; ++i) {
      const auto target = static_cast<size_t>(wanted[row].first_target + i);
      results_.log_probs[target] = (static_cast<double>(logits[step.targets()[target]]) - largest) +
                                   best_log_probs_[static_cast<size_t>(row)];
    }
  }
}

}  // namespace loadmark
