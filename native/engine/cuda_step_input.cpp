// Pages come last: of them a step uses as many as its sequences have, and no more are copied.
#include "engine/cuda_step_input.h"

#include <algorithm>
#include <cstring>

#include "engine/batch_ladder.h"

namespace loadmark {
namespace {

using ops::cuda::AttentionTile;
using ops::cuda::SamplingRow;

// Stop tokens that a step's answers may not begin with: a few a row, as models have.
int64_t banned_capacity(int64_t rows) { return 4 * rows + 64; }

template <class T>
T* in(uint8_t* host, size_t offset) {
  return reinterpret_cast<T*>(host + offset);
}

}  // namespace

CudaStepInput::CudaStepInput(const Limits& limits) : limits_(limits) {
  size_t end = 0;
  const auto place = [&](int64_t count, size_t size) {
    const size_t start = (end + 15) / 16 * 16;
    end = start + static_cast<size_t>(count) * size;
    return start;
  };
  layout_.tokens = place(limits.rows, 4);
  layout_.positions = place(limits.rows, 4);
  layout_.first_page = place(limits.rows, 4);
  layout_.kept = place(limits.rows, 4);
  layout_.sampling = place(limits.rows, sizeof(SamplingRow));
  layout_.banned = place(banned_capacity(limits.rows), 4);
  // Full tiles, and one more for each sequence of a step.
  layout_.tiles = place(2 * limits.rows, sizeof(AttentionTile));
  layout_.pages = place(limits.pages, 4);
  layout_.bytes = end;
  memory_ = ops::cuda::DeviceBuffer(layout_.bytes);
}

CudaStepInput::Written CudaStepInput::write(const Batch& batch, uint8_t* host) const {
  const auto copy = [&](size_t offset, const std::vector<int32_t>& values) {
    if (!values.empty()) std::memcpy(host + offset, values.data(), values.size() * 4);
  };
  copy(layout_.tokens, batch.tokens());
  copy(layout_.positions, batch.positions());
  copy(layout_.kept, batch.kept_rows());
  Written written;
  write_runs(batch, host, &written);
  write_sampling(batch, host, &written);
  const int64_t rows = batch.rows();
  pad(rows, std::min(padded_batch(rows), limits_.rows), written.tiles == 0, host);
  return written;
}

size_t CudaStepInput::write_padding(int64_t rows, uint8_t* host) const {
  pad(0, rows, true, host);
  return layout_.pages;
}

void CudaStepInput::write_runs(const Batch& batch, uint8_t* host, Written* written) const {
  auto* first_page = in<int32_t>(host, layout_.first_page);
  auto* pages = in<int32_t>(host, layout_.pages);
  auto* tiles = in<AttentionTile>(host, layout_.tiles);
  int32_t page_count = 0;
  bool decoding = true;
  for (const Batch::Run& run : batch.runs()) {
    // Pages up to the run's last row: what comes after is of steps to come.
    const int64_t last = batch.positions()[static_cast<size_t>(run.first_row + run.rows - 1)];
    const auto used = static_cast<size_t>(last / limits_.page_tokens + 1);
    std::memcpy(pages + page_count, run.sequence->table.pages.data(), used * 4);
    for (int64_t row = 0; row < run.rows; ++row) first_page[run.first_row + row] = page_count;
    page_count += static_cast<int32_t>(used);
    decoding = decoding && run.rows == 1;
    if (decoding) {
      ++written->decode_rows;
      continue;
    }
    const int64_t most = limits_.tile_tokens;
    for (int64_t row = 0; row < run.rows; row += most) {
      tiles[written->tiles++] = {static_cast<int32_t>(run.first_row + row),
                                 static_cast<int32_t>(std::min(most, run.rows - row))};
    }
  }
  written->bytes = layout_.pages + static_cast<size_t>(page_count) * 4;
}

void CudaStepInput::write_sampling(const Batch& batch, uint8_t* host, Written* written) const {
  size_t wanted = 0, used = 0;
  for (const Batch::LogitRow& row : batch.logit_rows()) wanted += row.banned.size();
  const bool fits = wanted <= static_cast<size_t>(banned_capacity(limits_.rows));
  if (!fits) written->banned_apart.resize(wanted);
  int32_t* banned = fits ? in<int32_t>(host, layout_.banned) : written->banned_apart.data();
  auto* sampling = in<SamplingRow>(host, layout_.sampling);
  for (const Batch::LogitRow& row : batch.logit_rows()) {
    const bool draws = row.kind == Sequence::Kind::kGenerate;
    std::copy(row.banned.begin(), row.banned.end(), banned + used);
    *sampling++ = {draws ? row.sampling.temperature : 0,
                   row.sampling.top_p,
                   row.sampling.seed,
                   row.draw,
                   row.sampling.top_k,
                   static_cast<int32_t>(used),
                   static_cast<int32_t>(row.banned.size()),
                   0};
    used += row.banned.size();
  }
}

// Rows that only fill a graph's batch up: position -1, so nothing reads or writes for them.
void CudaStepInput::pad(int64_t first, int64_t end, bool decodes, uint8_t* host) const {
  for (int64_t row = first; row < end; ++row) {
    in<int32_t>(host, layout_.tokens)[row] = 0;
    in<int32_t>(host, layout_.positions)[row] = -1;
    in<int32_t>(host, layout_.first_page)[row] = 0;
    if (!decodes) continue;
    in<int32_t>(host, layout_.kept)[row] = static_cast<int32_t>(row);
    in<SamplingRow>(host, layout_.sampling)[row] = {};
  }
}

void CudaStepInput::copy(ops::cuda::Stream stream, const uint8_t* host, size_t bytes) const {
  ops::cuda::copy_to_device(stream, memory_.as<void>(), host, bytes);
}

CudaStep CudaStepInput::step(int64_t rows, int64_t decode_rows, int64_t tiles,
                             const int32_t* previous) const {
  return {at<int32_t>(layout_.tokens),
          previous,
          {at<int32_t>(layout_.positions), at<int32_t>(layout_.first_page),
           at<int32_t>(layout_.pages), rows},
          decode_rows,
          at<AttentionTile>(layout_.tiles),
          tiles};
}

}  // namespace loadmark
