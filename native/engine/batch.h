// The rows of one step: which token of which sequence each is, and which of them need logits. Sized
// once, refilled. What a runner needs of a sequence is copied here, but its pages: a sequence may
// have changed by the time a step's results are taken.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/sequence.h"

namespace loadmark {

class Batch {
 public:
  // A run of one sequence's consecutive tokens, rows [first_row, first_row + rows). A runner reads
  // sequence->table while it begins the step, and no later.
  struct Run {
    Sequence* sequence;
    int64_t first_row, rows;
  };
  // A row whose logits `sequence` wants.
  struct LogitRow {
    Sequence* sequence = nullptr;
    Sequence::Kind kind = Sequence::Kind::kGenerate;
    int64_t position = 0;
    // kGenerate
    SamplingParams sampling;
    uint64_t draw = 0;                // index among the sequence's draws
    std::span<const int32_t> banned;  // must not be drawn; lies in the sequence, as pages do
    // kScore
    int64_t first_target = 0, target_count = 0;  // of targets()
  };

  Batch(int64_t max_rows, int64_t max_batch);
  static int64_t plan_bytes(int64_t max_rows, int64_t max_batch);

  void clear();
  // Adds the next `rows` uncomputed tokens of `sequence`, whose pages hold them, and notes in it
  // what it is thereby waiting for.
  void add(Sequence* sequence, int64_t rows);

  int64_t rows() const { return static_cast<int64_t>(tokens_.size()); }
  // (rows) -1 - i: the token that logit row i of the step before yields.
  const std::vector<int32_t>& tokens() const { return tokens_; }
  const std::vector<int32_t>& positions() const { return positions_; }  // (rows)
  const std::vector<Run>& runs() const { return runs_; }
  // Row numbers, ascending, and what is wanted of them.
  const std::vector<int32_t>& kept_rows() const { return kept_rows_; }
  const std::vector<LogitRow>& logit_rows() const { return logit_rows_; }
  // Tokens whose log-probabilities are wanted, in the order of the logit rows.
  const std::vector<int32_t>& targets() const { return targets_; }

 private:
  void add_logit_row(Sequence* sequence, int64_t position);

  std::vector<int32_t> tokens_, positions_, kept_rows_, targets_;
  std::vector<Run> runs_;
  std::vector<LogitRow> logit_rows_;
};

}  // namespace loadmark
