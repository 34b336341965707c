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
  bool idle() const { return waiting_.empty() && running_.empty(); }
  int64_t running() const { return static_cast<int64_t>(running_.size()); }
  int64_t preemptions() const { return preemptions_; }

  // Fills the batch of the next step; at least one row unless idle.
  void plan(Batch* batch);
  // Takes every running sequence out for which `gone` is true, its pages freed.
  void remove_running(const std::function<bool(Sequence&)>& gone);
  // As remove_running, for those that wait too.
  void remove(const std::function<bool(Sequence&)>& gone);

 private:
  void grow_decoding();
  void preempt_youngest();
  bool admit_next();
  void add_decoding(Batch* batch);
  void add_prompts(Batch* batch);

  KvCache* cache_;
  int64_t max_batch_, max_step_tokens_;
  std::deque<std::unique_ptr<Sequence>> waiting_;   // in order of arrival, preempted ones in front
  std::vector<std::unique_ptr<Sequence>> running_;  // in order of admission: the oldest first
  std::vector<Sequence*> decoding_;                 // of this step
  size_t turn_ = 0;  // whose turn it is where not all that decode fit in a step
  int64_t preemptions_ = 0;
};

}  // namespace loadmark
