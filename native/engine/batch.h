// The rows of one step: which token of which sequence each is, and which of them need logits. Sized
// once, refilled.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/sequence.h"
#include "ops/ops.h"

namespace loadmark {

class Batch {
 public:
  // A run of one sequence's consecutive tokens, rows [first_row, first_row + rows).
  struct Run {
    Sequence* sequence;
    int64_t first_row, rows;
  };
  // A row whose logits `sequence` wants.
  struct LogitRow {
    Sequence* sequence;
    int64_t position;
  };

  Batch(int64_t max_rows, int64_t max_batch);
  static int64_t plan_bytes(int64_t max_rows, int64_t max_batch);

  void clear();
  // Adds the next `rows` uncomputed tokens of `sequence`; its pages hold them.
  void add(Sequence* sequence, int64_t rows);

  int64_t rows() const { return static_cast<int64_t>(tokens_.size()); }
  const int32_t* tokens() const { return tokens_.data(); }
  ops::RowPlaces places() const { return {positions_.data(), page_tables_.data(), rows()}; }
  const std::vector<Run>& runs() const { return runs_; }
  // Row numbers, ascending, and whose they are.
  const std::vector<int32_t>& kept_rows() const { return kept_rows_; }
  const std::vector<LogitRow>& logit_rows() const { return logit_rows_; }

 private:
  std::vector<int32_t> tokens_, positions_, kept_rows_;
  std::vector<const int32_t*> page_tables_;
  std::vector<Run> runs_;
  std::vector<LogitRow> logit_rows_;
};

}  // namespace loadmark
