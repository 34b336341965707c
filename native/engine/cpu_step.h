// What does a begun step still need when it is computed? All of its batch, copied, the sequences'
// page tables and banned tokens with it. Sized once, refilled.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/batch.h"
#include "ops/ops.h"

namespace loadmark {

class CpuStep {
 public:
  CpuStep(int64_t max_rows, int64_t max_pages);
  static int64_t plan_bytes(int64_t max_rows, int64_t max_pages);

  void fill(const Batch& batch);
  // Puts known tokens in the place of those that name logit rows of the step before.
  void name_tokens(const std::vector<int32_t>& tokens_before);

  int64_t rows() const { return static_cast<int64_t>(tokens_.size()); }
  const int32_t* tokens() const { return tokens_.data(); }
  ops::RowPlaces places() const { return {positions_.data(), page_tables_.data(), rows()}; }
  const std::vector<int32_t>& kept_rows() const { return kept_rows_; }
  const std::vector<Batch::LogitRow>& logit_rows() const { return logit_rows_; }
  const std::vector<int32_t>& targets() const { return targets_; }

 private:
  void copy_pages(const Batch& batch);
  void copy_banned();

  std::vector<int32_t> tokens_, positions_, kept_rows_, targets_, pages_, banned_;
  std::vector<const int32_t*> page_tables_;
  std::vector<Batch::LogitRow> logit_rows_;
};

}  // namespace loadmark
