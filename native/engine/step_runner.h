// What computes a step? The engine plans batches and judges tokens; a runner turns a batch's rows
// into tokens and log-probabilities: the CPU at once, a GPU while the next step is planned.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "engine/injected_fault.h"
#include "ops/kernel_time.h"

namespace loadmark {

// What a step found, for the batch's logit rows in their order.
struct StepResults {
  std::vector<int32_t> tokens;    // (logit rows) the largest logit, or the draw; -1: not finite
  std::vector<double> log_probs;  // (batch targets) log softmax at each target's token
  std::vector<float> logits;      // (rows of kind kLogits, vocab)
  int64_t timestamp_ns = 0;       // CLOCK_MONOTONIC, when the results were known
  // Of a device with a queue of its own: how long the step took it, and how long it had waited for
  // the step since the one before, where that was still unfinished when this one was begun.
  // Means over the ranks.
  int64_t device_ns = 0, device_gap_ns = 0;
  std::vector<int64_t> rank_device_ns;  // (ranks) each one's; empty without such a device
};

class StepRunner {
 public:
  virtual ~StepRunner() = default;
  // Steps that can be begun before the results of the first are taken: 0 or 1. With 1 the tokens of
  // the step before are not known when a batch is planned; its rows name them by Batch::tokens()
  // entries of -1 - i, logit row i of the step before. Where that row turns out to have no token
  // (-1) or to end its sequence, what the naming row computes is not read: any token serves it.
  virtual int lag() const = 0;
  // Reads all it needs of `batch`, its sequences' pages and banned tokens among it, before it
  // returns: pages may be another sequence's in the next step.
  virtual void begin(const Batch& batch) = 0;
  // Waits for the oldest step begun. Valid until the next call. Throws Error.
  virtual const StepResults& finish() = 0;
  // For tests: the next finish() fails so.
  virtual void inject(const InjectedFault& fault) = 0;
  // The thread that called these has ended in one of them: ranks that wait for it are told.
  virtual void give_up() noexcept {}
  // Times each kernel from here on, which slows the steps down; a runner without kernels has none.
  virtual void start_profile() {}
  // Ends it; waits for the steps begun.
  virtual std::vector<ops::KernelTime> take_profile() { return {}; }
};

}  // namespace loadmark
