// Page tables and banned tokens stand one after another in one array each.
#include "engine/cpu_step.h"

#include <algorithm>

#include "engine/engine_plan.h"

namespace loadmark {

CpuStep::CpuStep(int64_t max_rows, int64_t max_pages) {
  const auto rows = static_cast<size_t>(max_rows);
  for (auto* values : {&tokens_, &positions_, &kept_rows_, &targets_}) values->reserve(rows);
  pages_.reserve(static_cast<size_t>(max_pages));
  page_tables_.reserve(rows);
  logit_rows_.reserve(rows);
}

int64_t CpuStep::plan_bytes(int64_t max_rows, int64_t max_pages) {
  const int64_t row_bytes{4 * sizeof(int32_t) + sizeof(int32_t*) + sizeof(Batch::LogitRow)};
  return max_rows * row_bytes + saturating_product(max_pages, sizeof(int32_t));
}

void CpuStep::fill(const Batch& batch) {
  tokens_ = batch.tokens();
  positions_ = batch.positions();
  kept_rows_ = batch.kept_rows();
  targets_ = batch.targets();
  logit_rows_ = batch.logit_rows();
  copy_pages(batch);
  copy_banned();
}

void CpuStep::copy_pages(const Batch& batch) {
  pages_.clear();
  for (const Batch::Run& run : batch.runs())
    pages_.insert(pages_.end(), run.sequence->table.pages.begin(), run.sequence->table.pages.end());
  page_tables_.clear();
  const int32_t* table = pages_.data();
  for (const Batch::Run& run : batch.runs()) {
    page_tables_.insert(page_tables_.end(), static_cast<size_t>(run.rows), table);
    table += run.sequence->table.pages.size();
  }
}

void CpuStep::copy_banned() {
  banned_.clear();
  for (const Batch::LogitRow& row : logit_rows_)
    banned_.insert(banned_.end(), row.banned.begin(), row.banned.end());
  const int32_t* first = banned_.data();
  for (Batch::LogitRow& row : logit_rows_) {
    row.banned = {first, row.banned.size()};
    first += row.banned.size();
  }
}

void CpuStep::name_tokens(const std::vector<int32_t>& tokens_before) {
  for (int32_t& token : tokens_) {
    if (token >= 0) continue;
    // The sequence of a row without a token has failed: what it computes here is never read.
    token = std::max(tokens_before[static_cast<size_t>(-1 - token)], 0);
  }
}

}  // namespace loadmark
