// What does the next step compute? Admits waiting sequences while pages are free, gives decoding
// sequences their rows first and prompts the rest in chunks, and takes the pages of the youngest
// back when an older one needs them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "engine/batch.h"
#include "engine/kv_cache.h"
#include "engine/sequence.h"

namespace loadmark {

class Scheduler {
 public:
  Scheduler(KvCache* cache, int64_t max_batch, int64_t max_step_tokens);

  void enqueue(std::unique_ptr<Sequence> sequence) { waiting_.push_back(std::move(sequence)); }
  // Nothing to plan and no results to come.
  bool idle() const { return waiting_.empty() && running_.empty() && retired_.empty(); }
  int64_t preemptions() const { return preemptions_; }

  // Fills the batch of the next step; at least one row unless idle or waiting for results. The
  // batch is begun, or the scheduler is not used again but for remove().
  void plan(Batch* batch);
  // After the planned batch was begun: pages of those that have nothing left to compute are free,
  // not even a further branch.
  void retire_spent();
  // After the results of `batch` were taken: forgets its finished sequences.
  void settle(const Batch& batch);
  // Takes every sequence out for which `gone` is true; it is finished from then on.
  void remove(const std::function<bool(Sequence&)>& gone);

 private:
  int64_t running() const { return static_cast<int64_t>(running_.size()); }
  void grow_decoding();
  void preempt_youngest();
  bool admit_next();
  void add_decoding(Batch* batch);
  void add_prompts(Batch* batch);
  void turn_branches();
  void retire(std::unique_ptr<Sequence> sequence);
  template <class Sequences, class Test>
  void retire_if(Sequences* sequences, size_t count, const Test& leaves);

  KvCache* cache_;
  int64_t max_batch_, max_step_tokens_;
  std::deque<std::unique_ptr<Sequence>> waiting_;   // in order of arrival, preempted ones in front
  std::vector<std::unique_ptr<Sequence>> running_;  // in order of admission: the oldest first
  std::vector<std::unique_ptr<Sequence>> retired_;  // without pages, named by outstanding batches
  std::vector<Sequence*> decoding_;                 // of this step
  size_t recalled_ = 0;  // in front of waiting_, preempted by the last plan: results may be to come
  size_t turn_ = 0;      // whose turn it is where not all that decode fit in a step
  int64_t preemptions_ = 0;
};

}  // namespace loadmark
