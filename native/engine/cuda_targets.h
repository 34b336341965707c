// The tokens whose log-probabilities a step is asked for, and the answers until they are read. Room
// for a few a row is made at load; a step that asks for more makes more, once, and waits for it.
#pragma once

#include <cstdint>

#include "engine/batch.h"
#include "ops/cuda/ops_cuda.h"

namespace loadmark {

class CudaTargets {
 public:
  // Of a step that was begun, in host memory that the device copies from and to.
  struct Pinned {
    int64_t capacity = 0, count = 0;
    ops::cuda::PinnedBuffer input;      // (2, count) int32: rows of a block of logits, then tokens
    ops::cuda::PinnedBuffer log_probs;  // (count) double
  };

  CudaTargets(const ops::cuda::Gpu& gpu, int64_t max_rows);
  Pinned make_pinned() const { return make_pinned(capacity_); }

  // Queues the copy of what the batch asks for, whose logits come in blocks of `block_rows` rows.
  // Nothing that was begun with `step` is unread.
  void write(const Batch& batch, int64_t block_rows, Pinned& step);
  // Queues the log-probabilities asked of logit rows [first, first + rows), a block.
  void score(const Batch& batch, int64_t first, int64_t rows, const float* logits, int64_t vocab);
  // Queues the copy of the answers.
  void fetch(const Pinned& step) const;

 private:
  static Pinned make_pinned(int64_t capacity);

  const ops::cuda::Gpu& gpu_;
  int64_t capacity_;
  ops::cuda::DeviceBuffer input_, log_probs_;  // as in Pinned
};

}  // namespace loadmark
