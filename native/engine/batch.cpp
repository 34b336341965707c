// Refills the step's arrays within the capacity they were made with.
#include "engine/batch.h"

namespace loadmark {

Batch::Batch(int64_t max_rows, int64_t max_batch) {
  const auto rows = static_cast<size_t>(max_rows);
  tokens_.reserve(rows);
  positions_.reserve(rows);
  kept_rows_.reserve(rows);
  page_tables_.reserve(rows);
  logit_rows_.reserve(rows);
  runs_.reserve(static_cast<size_t>(max_batch));
}

int64_t Batch::plan_bytes(int64_t max_rows, int64_t max_batch) {
  return max_rows * int64_t{3 * sizeof(int32_t) + sizeof(void*) + sizeof(LogitRow)} +
         max_batch * int64_t{sizeof(Run)};
}

void Batch::clear() {
  tokens_.clear();
  positions_.clear();
  kept_rows_.clear();
  page_tables_.clear();
  runs_.clear();
  logit_rows_.clear();
}

void Batch::add(Sequence* sequence, int64_t rows) {
  runs_.push_back({sequence, this->rows(), rows});
  for (int64_t position = sequence->computed; position < sequence->computed + rows; ++position) {
    if (sequence->wants_logits(position)) {
      kept_rows_.push_back(static_cast<int32_t>(tokens_.size()));
      logit_rows_.push_back({sequence, position});
    }
    tokens_.push_back(sequence->tokens[static_cast<size_t>(position)]);
    positions_.push_back(static_cast<int32_t>(position));
    page_tables_.push_back(sequence->pages.data());
  }
}

}  // namespace loadmark
