// The device's memory is one step's after the other's, in the order of the stream.
#include "engine/cuda_targets.h"

#include <algorithm>

namespace loadmark {
namespace {

// Multiple choice asks for a few tokens of a row, a text for one.
int64_t usual_targets(int64_t rows) { return 4 * rows + 64; }

size_t input_bytes(int64_t count) { return static_cast<size_t>(2 * count) * sizeof(int32_t); }
size_t log_prob_bytes(int64_t count) { return static_cast<size_t>(count) * sizeof(double); }

}  // namespace

CudaTargets::CudaTargets(const ops::cuda::Gpu& gpu, int64_t max_rows)
    : gpu_(gpu),
      capacity_(usual_targets(max_rows)),
      input_(input_bytes(capacity_)),
      log_probs_(log_prob_bytes(capacity_)) {}

CudaTargets::Pinned CudaTargets::make_pinned(int64_t capacity) {
  return {capacity, 0, ops::cuda::PinnedBuffer(input_bytes(capacity)),
          ops::cuda::PinnedBuffer(log_prob_bytes(capacity))};
}

void CudaTargets::write(const Batch& batch, int64_t block_rows, Pinned& step) {
  const auto count = static_cast<int64_t>(batch.targets().size());
  if (count > step.capacity) step = make_pinned(std::max(count, 2 * step.capacity));
  if (count > capacity_) {
    gpu_.synchronize();  // a step under way works with it
    capacity_ = std::max(count, 2 * capacity_);
    input_ = ops::cuda::DeviceBuffer(input_bytes(capacity_));
    log_probs_ = ops::cuda::DeviceBuffer(log_prob_bytes(capacity_));
  }
  step.count = count;
  if (count == 0) return;
  auto* rows = step.input.as<int32_t>();
  int32_t* next = rows;
  for (size_t i = 0; i < batch.logit_rows().size(); ++i) {
    const auto row = static_cast<int32_t>(static_cast<int64_t>(i) % block_rows);
    next = std::fill_n(next, batch.logit_rows()[i].target_count, row);
  }
  std::copy(batch.targets().begin(), batch.targets().end(), rows + count);
  ops::cuda::copy_to_device(gpu_.stream(), input_.as<void>(), rows, input_bytes(count));
}

void CudaTargets::score(const Batch& batch, int64_t first, int64_t rows, const float* logits,
                        int64_t vocab) {
  const auto all = static_cast<int64_t>(batch.targets().size());
  const Batch::LogitRow* wanted = batch.logit_rows().data() + first;
  int64_t count = 0;
  for (int64_t row = 0; row < rows; ++row) count += wanted[row].target_count;
  if (count == 0) return;
  const int32_t* target_row = input_.as<int32_t>() + wanted[0].first_target;
  ops::cuda::log_probability(gpu_, logits, vocab, target_row, target_row + all, count,
                             log_probs_.as<double>() + wanted[0].first_target);
}

void CudaTargets::fetch(const Pinned& step) const {
  if (step.count == 0) return;
  ops::cuda::copy_to_host(gpu_.stream(), step.log_probs.as<void>(), log_probs_.as<void>(),
                          log_prob_bytes(step.count));
}

}  // namespace loadmark
