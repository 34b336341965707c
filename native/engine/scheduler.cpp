// The oldest running sequence always gets its pages, so every step makes progress.
#include "engine/scheduler.h"

#include <algorithm>

namespace loadmark {

Scheduler::Scheduler(KvCache* cache, int64_t max_batch, int64_t max_step_tokens)
    : cache_(cache), max_batch_(max_batch), max_step_tokens_(max_step_tokens) {
  running_.reserve(static_cast<size_t>(max_batch));
  decoding_.reserve(static_cast<size_t>(max_batch));
}

void Scheduler::plan(Batch* batch) {
  batch->clear();
  grow_decoding();
  add_decoding(batch);
  add_prompts(batch);
}

// A page for each sequence that decodes, the oldest first.
void Scheduler::grow_decoding() {
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = *running_[i];
    if (sequence.remaining() != 1) continue;
    while (i < running_.size() && !cache_->grow(&sequence.pages, sequence.size()))
      preempt_youngest();
  }
}

// Its tokens stay; their K and V are computed again when it is admitted again, to the same bits.
void Scheduler::preempt_youngest() {
  std::unique_ptr<Sequence> youngest = std::move(running_.back());
  running_.pop_back();
  cache_->release(&youngest->pages);
  youngest->computed = 0;
  ++preemptions_;
  waiting_.push_front(std::move(youngest));
}

// Needs pages for all its tokens and the next one, and leaves one for each that runs: those will
// grow too.
bool Scheduler::admit_next() {
  if (waiting_.empty() || running() >= max_batch_) return false;
  Sequence& next = *waiting_.front();
  const int64_t wanted =
      cache_->pages_for(next.size() + (next.kind == Sequence::Kind::kGenerate ? 1 : 0));
  if (wanted + running() > cache_->free_pages()) return false;
  next.pages.reserve(static_cast<size_t>(cache_->pages_for(next.size() + next.max_new_tokens)));
  if (!cache_->grow(&next.pages, next.size())) return false;
  running_.push_back(std::move(waiting_.front()));
  waiting_.pop_front();
  return true;
}

void Scheduler::add_decoding(Batch* batch) {
  decoding_.clear();
  for (const auto& sequence : running_) {
    if (sequence->remaining() == 1) decoding_.push_back(sequence.get());
  }
  const size_t room = std::min(decoding_.size(), static_cast<size_t>(max_step_tokens_));
  if (room == decoding_.size()) turn_ = 0;
  for (size_t i = 0; i < room; ++i) batch->add(decoding_[(turn_ + i) % decoding_.size()], 1);
  if (room < decoding_.size()) turn_ = (turn_ + room) % decoding_.size();
}

void Scheduler::add_prompts(Batch* batch) {
  const auto add = [&](Sequence* sequence) {
    batch->add(sequence, std::min(sequence->remaining(), max_step_tokens_ - batch->rows()));
  };
  for (const auto& sequence : running_) {
    if (batch->rows() == max_step_tokens_) return;
    if (sequence->remaining() > 1) add(sequence.get());
  }
  while (batch->rows() < max_step_tokens_ && admit_next()) add(running_.back().get());
}

void Scheduler::remove_running(const std::function<bool(Sequence&)>& gone) {
  const auto last = std::remove_if(running_.begin(), running_.end(), [&](const auto& sequence) {
    if (!gone(*sequence)) return false;
    cache_->release(&sequence->pages);
    return true;
  });
  running_.erase(last, running_.end());
}

void Scheduler::remove(const std::function<bool(Sequence&)>& gone) {
  remove_running(gone);
  const auto last = std::remove_if(waiting_.begin(), waiting_.end(),
                                   [&](const auto& sequence) { return gone(*sequence); });
  waiting_.erase(last, waiting_.end());
}

}  // namespace loadmark
