// Ranks share the pool's threads evenly; each has one at least.
#include "engine/cpu_rank.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace loadmark {
namespace {

int threads_of(const EngineOptions& options, int rank) {
  const int ranks = static_cast<int>(options.ranks());
  return std::max(1, options.threads / ranks + (rank < options.threads % ranks ? 1 : 0));
}

size_t float_bytes(int64_t count) { return static_cast<size_t>(count) * sizeof(float); }

}  // namespace

CpuRank::CpuRank(const EngineOptions& options, ops::Isa isa, const CpuPlan& plan, int rank,
                 LlamaModel model, RankGroup* group)
    : rank_(rank),
      model_(std::move(model)),
      pool_(threads_of(options, rank)),
      context_{&pool_, isa, options.activations},
      kv_(model_.config(), options.kv_type, options.page_tokens, plan.sizes.kv_pages),
      scratch_(model_.config(), plan.sizes.step_rows, plan.row_slices),
      hidden_(float_bytes(plan.sizes.step_rows * model_.config().hidden_size)),
      logits_(float_bytes(plan.logit_rows * model_.weights().head.n)),
      best_(static_cast<size_t>(plan.logit_rows)) {
  model_.join(group, rank);
}

void CpuRank::run_layers(const CpuStep& step) {
  const int64_t last = model_.config().layers - 1;
  const ops::RowPlaces places = step.places();
  auto* hidden = hidden_.as<float>();
  model_.embed(context_, step.tokens(), step.rows(), hidden);
  for (int64_t layer = 0; layer < last; ++layer)
    model_.run_layer(context_, layer, kv_.layer(layer), places, hidden, scratch_);
  model_.run_last_layer(context_, kv_.layer(last), places, step.kept_rows().data(),
                        static_cast<int64_t>(step.kept_rows().size()), hidden, scratch_);
}

void CpuRank::run_head(const CpuStep& step, int64_t first, int64_t rows) {
  const int64_t here = tokens(), hidden_size = model_.config().hidden_size;
  auto* logits = logits_.as<float>();
  model_.head(context_, hidden_.as<float>() + first * hidden_size, rows, logits, scratch_);
  const Batch::LogitRow* wanted = step.logit_rows().data() + first;
  for (int64_t row = 0; row < rows; ++row) {
    for (const int32_t token : wanted[row].banned) {
      const int64_t at = token - first_token();
      if (at >= 0 && at < here) logits[row * here + at] = -INFINITY;
    }
  }
  ops::argmax(context_, logits, rows, here, best_.data());
}

}  // namespace loadmark
