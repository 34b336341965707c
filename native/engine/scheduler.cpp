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
  recalled_ = 0;
  grow_decoding();
  add_decoding(batch);
  add_prompts(batch);
}

// A page for each sequence that decodes, the oldest first, less what its window leaves behind.
void Scheduler::grow_decoding() {
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = *running_[i];
    if (sequence.remaining() != 1) continue;
    cache_->slide(&sequence.table, sequence.computed, sequence.room());
    while (i < running_.size() && !cache_->grow(&sequence.table, sequence.size()))
      preempt_youngest();
  }
}

// Its tokens stay; their K and V are computed again when it is admitted again, to the same bits.
void Scheduler::preempt_youngest() {
  std::unique_ptr<Sequence> youngest = std::move(running_.back());
  running_.pop_back();
  cache_->release(&youngest->table);
  youngest->computed = 0;
  ++preemptions_;
  ++recalled_;
  waiting_.push_front(std::move(youngest));
}

// Needs pages for all its tokens and the next one, or as many as its window lets it hold, and
// leaves one for each that runs: those will grow too. A pending token has no value to compute from
// again: its sequence waits for it.
bool Scheduler::admit_next() {
  if (waiting_.empty() || running() >= max_batch_) return false;
  Sequence& next = *waiting_.front();
  if (next.pending > 0) return false;
  const PageNeeds& needs = cache_->needs();
  const int64_t room = next.room();
  const int64_t wanted = needs.most_pages(room + (next.kind == Sequence::Kind::kGenerate ? 1 : 0));
  if (wanted + running() > cache_->free_pages()) return false;
  next.table.pages.reserve(static_cast<size_t>(needs.pages_for(room + next.max_new_tokens)));
  if (!cache_->begin(&next.table, room)) return false;
  running_.push_back(std::move(waiting_.front()));
  waiting_.pop_front();
  if (recalled_ > 0) --recalled_;
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
    cache_->slide(&sequence->table, sequence->computed, sequence->room());
    batch->add(sequence, std::min(sequence->remaining(), max_step_tokens_ - batch->rows()));
  };
  for (const auto& sequence : running_) {
    if (batch->rows() == max_step_tokens_) return;
    if (sequence->remaining() > 1) add(sequence.get());
  }
  while (batch->rows() < max_step_tokens_ && admit_next()) add(running_.back().get());
}

// Its pages are free at once, whatever is outstanding: steps run in the order they are begun.
void Scheduler::retire(std::unique_ptr<Sequence> sequence) {
  cache_->release(&sequence->table);
  if (sequence->outstanding > 0) retired_.push_back(std::move(sequence));
}

// Of the first `count` of a list.
template <class Sequences, class Test>
void Scheduler::retire_if(Sequences* sequences, size_t count, const Test& leaves) {
  const auto end = sequences->begin() + static_cast<std::ptrdiff_t>(count);
  auto kept = sequences->begin();
  for (auto it = kept; it != end; ++it) {
    if (leaves(**it)) {
      retire(std::move(*it));
    } else {
      *kept++ = std::move(*it);
    }
  }
  sequences->erase(kept, end);
}

// A branch that begins before what a window left behind waits to be computed from its start, before
// all others. From the youngest on, so that they wait in their order.
void Scheduler::turn_branches() {
  for (size_t i = running_.size(); i-- > 0;) {
    Sequence& sequence = *running_[i];
    sequence.turn_branch();
    if (cache_->reaches(sequence.table, sequence.computed)) continue;
    cache_->release(&sequence.table);
    sequence.computed = 0;
    waiting_.push_front(std::move(running_[i]));
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void Scheduler::retire_spent() {
  turn_branches();
  retire_if(&running_, running_.size(), [](const Sequence& sequence) { return sequence.spent(); });
}

void Scheduler::settle(const Batch& batch) {
  for (const Batch::Run& run : batch.runs()) --run.sequence->outstanding;
  const auto finished = [](const Sequence& sequence) { return sequence.finished; };
  retire_if(&running_, running_.size(), finished);
  retire_if(&waiting_, std::min(recalled_, waiting_.size()), finished);
  std::erase_if(retired_, [](const auto& sequence) { return sequence->outstanding == 0; });
}

void Scheduler::remove(const std::function<bool(Sequence&)>& gone) {
  const auto leaves = [&](Sequence& sequence) {
    if (!gone(sequence)) return false;
    sequence.finished = true;
    return true;
  };
  for (const auto& sequence : retired_) {
    if (!sequence->finished) leaves(*sequence);
  }
  retire_if(&running_, running_.size(), leaves);
  retire_if(&waiting_, waiting_.size(), leaves);
}

}  // namespace loadmark
