// Refills the step's arrays within the capacity they were made with; only targets, which no option
// bounds, may need more.
#include "engine/batch.h"

#include <algorithm>

namespace loadmark {

Batch::Batch(int64_t max_rows, int64_t max_batch) {
  const auto rows = static_cast<size_t>(max_rows);
  tokens_.reserve(rows);
  positions_.reserve(rows);
  kept_rows_.reserve(rows);
  targets_.reserve(rows);
  logit_rows_.reserve(rows);
  runs_.reserve(static_cast<size_t>(max_batch));
}

int64_t Batch::plan_bytes(int64_t max_rows, int64_t max_batch) {
  return max_rows * int64_t{4 * sizeof(int32_t) + sizeof(LogitRow)} +
         max_batch * int64_t{sizeof(Run)};
}

void Batch::clear() {
  tokens_.clear();
  positions_.clear();
  kept_rows_.clear();
  targets_.clear();
  runs_.clear();
  logit_rows_.clear();
}

void Batch::add(Sequence* sequence, int64_t rows) {
  runs_.push_back({sequence, this->rows(), rows});
  const int64_t end = sequence->computed + rows;
  const bool draws = sequence->kind == Sequence::Kind::kGenerate && end == sequence->size();
  for (int64_t position = sequence->computed; position < end; ++position) {
    if (sequence->wants_logits(position)) add_logit_row(sequence, position);
    tokens_.push_back(position < sequence->known() ? sequence->tokens[static_cast<size_t>(position)]
                                                   : -1 - sequence->pending_row);
    positions_.push_back(static_cast<int32_t>(position));
  }
  sequence->computed = end;
  sequence->next_logits = std::max(sequence->next_logits, end);
  ++sequence->outstanding;
  if (!draws) return;
  ++sequence->pending;
  sequence->pending_row = static_cast<int32_t>(logit_rows_.size()) - 1;
}

void Batch::add_logit_row(Sequence* sequence, int64_t position) {
  kept_rows_.push_back(static_cast<int32_t>(tokens_.size()));
  LogitRow row;
  row.sequence = sequence;
  row.kind = sequence->kind;
  row.position = position;
  if (row.kind == Sequence::Kind::kGenerate) {
    row.sampling = sequence->sampling;
    row.draw = static_cast<uint64_t>(sequence->new_tokens());
    if (sequence->new_tokens() < sequence->min_new_tokens) row.banned = sequence->stop_tokens;
  }
  row.first_target = static_cast<int64_t>(targets_.size());
  const auto& targets = sequence->targets;
  size_t& next = sequence->next_target;
  for (; sequence->has_target(position); ++next) targets_.push_back(targets[next].token);
  row.target_count = static_cast<int64_t>(targets_.size()) - row.first_target;
  logit_rows_.push_back(row);
}

}  // namespace loadmark
