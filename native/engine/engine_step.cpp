// The stepping thread: its loop, and what the results of a step mean for tokens, scores and events.
#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "engine/engine.h"

namespace loadmark {
namespace {

std::string describe_exception(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    return "out of memory: an allocation failed";
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an unknown exception";
  }
}

}  // namespace

void Engine::run() {
  std::exception_ptr thrown;
  try {
    while (take_inbox()) step();
    end_all(EventStatus::kCancelled, kClosed);
    return;
  } catch (...) {
    thrown = std::current_exception();
  }
  tell_break(describe_exception(thrown));
}

void Engine::lose_thread() {
  runner_->give_up();
  tell_break("its thread has ended without a word");
}

void Engine::tell_break(const std::string& reason) {
  try {
    const std::string fault =
        "the engine broke at step " + std::to_string(at_work_) + ": " + reason;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      broken_ = fault;
    }
    end_all(EventStatus::kFailed, fault);
    if (listener_.on_broken) listener_.on_broken(kEngineBroken, fault);
  } catch (...) {
    // Out of memory while telling: what can still be done is to refuse later calls.
    const std::lock_guard<std::mutex> lock(mutex_);
    if (broken_.empty()) broken_ = "no memory";  // short enough to need none
  }
}

bool Engine::take_inbox() {
  std::unordered_set<int32_t> cancels;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [&] {
      return closing_ || !inbox_.empty() || !cancels_.empty() || !scheduler_.idle();
    });
    if (closing_) return false;
    for (auto& sequence : inbox_) scheduler_.enqueue(std::move(sequence));
    inbox_.clear();
    cancels.swap(cancels_);
  }
  if (!cancels.empty()) cancel_ids(cancels);
  return true;
}

void Engine::cancel_ids(const std::unordered_set<int32_t>& ids) {
  scheduler_.remove([&](Sequence& sequence) {
    const bool gone = sequence.kind == Sequence::Kind::kGenerate && ids.count(sequence.id) > 0;
    if (gone) emit(sequence, -1, EventStatus::kCancelled);
    return gone;
  });
  send_events(monotonic_ns());
}

void Engine::end_all(EventStatus status, const std::string& reason) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto& sequence : inbox_) scheduler_.enqueue(std::move(sequence));
    inbox_.clear();
  }
  const ScoreCall::Failure failure{kEngineBroken, reason};
  scheduler_.remove([&](Sequence& sequence) {
    if (sequence.kind == Sequence::Kind::kGenerate) {
      if (!sequence.finished) emit(sequence, -1, status);
    } else if (sequence.call->done) {
      std::exchange(sequence.call->done, nullptr)(*sequence.call, &failure);
    }
    return true;
  });
  send_events(monotonic_ns());
}

// While there is something to plan, as many steps stay begun as the runner allows.
void Engine::step() {
  Batch& next = batches_[static_cast<size_t>(begun_) % batches_.size()];
  scheduler_.plan(&next);
  const bool planned = next.rows() > 0;
  if (planned) begin_step(next);
  const int64_t stay = planned ? runner_->lag() : 0;
  while (begun_ - finished_ > stay) finish_step();
}

void Engine::begin_step(const Batch& batch) {
  at_work_ = ++begun_;
  count_step(batch);
  turn_profile();
  runner_->begin(batch);
  scheduler_.retire_spent();
}

// Before the step is begun: it is the first that is profiled, or the first that is not any more.
void Engine::turn_profile() {
  if (profiling_.steps > 0 && begun_ == profiling_.first_step + profiling_.steps) end_profile();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (asked_profile_.steps == 0 || begun_ < asked_profile_.first_step) return;
    profiling_ = std::exchange(asked_profile_, {});
    profile_.reset();
  }
  profiling_.first_step = begun_;
  runner_->start_profile();
}

void Engine::end_profile() {
  profiling_.kernels = runner_->take_profile();
  const std::lock_guard<std::mutex> lock(mutex_);
  profile_ = std::exchange(profiling_, {});
}

void Engine::count_step(const Batch& batch) {
  int64_t prompt_rows = 0;
  for (const Batch::Run& run : batch.runs()) {
    const int64_t position = batch.positions()[static_cast<size_t>(run.first_row)];
    prompt_rows += std::clamp<int64_t>(run.sequence->prompt_count - position, 0, run.rows);
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  ++stats_.steps;
  stats_.prompt_tokens += prompt_rows;
  stats_.occupancy_sum += static_cast<int64_t>(batch.runs().size());
  stats_.used_kv_pages = cache_.used_pages();
  stats_.peak_kv_pages = cache_.peak_used_pages();
  stats_.preemptions = scheduler_.preemptions();
}

bool Engine::is_to_fail() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return fails_next_ || at_work_ == options_.fault_at_step;
}

void Engine::finish_step() {
  const Batch& batch = batches_[static_cast<size_t>(finished_) % batches_.size()];
  at_work_ = ++finished_;
  if (is_to_fail()) runner_->inject(options_.fault);
  const StepResults& results = runner_->finish();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stats_.device_ns += results.device_ns;
    stats_.device_gap_ns += results.device_gap_ns;
    stats_.rank_device_ns.resize(results.rank_device_ns.size());
    for (size_t rank = 0; rank < results.rank_device_ns.size(); ++rank)
      stats_.rank_device_ns[rank] += results.rank_device_ns[rank];
  }
  // No step may follow.
  if (profiling_.steps > 0 && finished_ == profiling_.first_step + profiling_.steps - 1)
    end_profile();
  accept(batch, results);
  scheduler_.settle(batch);
  send_events(results.timestamp_ns);
}

void Engine::accept(const Batch& batch, const StepResults& results) {
  const float* logits = results.logits.data();
  for (size_t i = 0; i < batch.logit_rows().size(); ++i) {
    const Batch::LogitRow& row = batch.logit_rows()[i];
    Sequence& sequence = *row.sequence;
    const float* row_logits = logits;
    if (row.kind == Sequence::Kind::kLogits) logits += info_.config.vocab_size;
    // Ended by the step before or cancelled, after this step was begun.
    if (sequence.finished) continue;
    if (row.kind == Sequence::Kind::kGenerate) {
      accept_token(sequence, results.tokens[i]);
      continue;
    }
    if (row.kind == Sequence::Kind::kScore) {
      accept_score(row, results.tokens[i], results.log_probs.data() + row.first_target);
    } else {
      accept_logits(row, row_logits);
    }
    if (sequence.finished) finish_call_part(sequence, results.timestamp_ns);
  }
}

void Engine::accept_token(Sequence& sequence, int32_t token) {
  --sequence.pending;
  if (token < 0) {
    sequence.finished = true;
    emit(sequence, -1, EventStatus::kFailed);
    return;
  }
  const auto& stops = sequence.stop_tokens;
  if (std::find(stops.begin(), stops.end(), token) != stops.end()) {
    sequence.finished = true;
    emit(sequence, -1, EventStatus::kStop);
    return;
  }
  sequence.tokens.push_back(token);
  sequence.finished = sequence.known_new_tokens() == sequence.max_new_tokens;
  emit(sequence, token, sequence.finished ? EventStatus::kLength : EventStatus::kRunning);
}

void Engine::accept_score(const Batch::LogitRow& row, int32_t best, const double* log_probs) {
  Sequence& sequence = *row.sequence;
  ScoreResult& result = sequence.call->results[static_cast<size_t>(sequence.result)];
  if (best < 0) {
    sequence.call->fault =
        "score request " + std::to_string(sequence.result) + ": its logits are not finite";
  }
  for (int64_t i = 0; i < row.target_count; ++i) {
    const ScoreTarget& target = sequence.targets[sequence.answered_targets++];
    const auto continuation = static_cast<size_t>(target.continuation);
    result.log_probs[continuation] += log_probs[i];
    if (target.token != best) result.is_greedy[continuation] = 0;
  }
  sequence.finished = sequence.answered_targets == sequence.targets.size();
}

void Engine::accept_logits(const Batch::LogitRow& row, const float* logits) {
  const int64_t vocab = info_.config.vocab_size;
  std::copy_n(logits, vocab, row.sequence->call->logits.data() + row.position * vocab);
  row.sequence->finished = row.position + 1 == row.sequence->size();
}

void Engine::finish_call_part(Sequence& sequence, int64_t now) {
  ScoreCall& call = *sequence.call;
  if (sequence.kind == Sequence::Kind::kScore)
    call.results[static_cast<size_t>(sequence.result)].finished_ns = now;
  if (--call.unfinished > 0 || !call.done) return;
  const ScoreCall::Failure failure{kInternal, call.fault};
  std::exchange(call.done, nullptr)(call, call.fault.empty() ? nullptr : &failure);
}

void Engine::emit(const Sequence& sequence, int32_t token, EventStatus status) {
  events_.ids.push_back(sequence.id);
  events_.tokens.push_back(token);
  events_.counts.push_back(static_cast<int32_t>(sequence.known_new_tokens()));
  events_.statuses.push_back(static_cast<uint8_t>(status));
}

void Engine::send_events(int64_t now) {
  if (events_.ids.empty()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < events_.ids.size(); ++i) {
      if (events_.tokens[i] >= 0) ++stats_.generated_tokens;
      if (events_.statuses[i] != static_cast<uint8_t>(EventStatus::kRunning))
        unfinished_.erase(events_.ids[i]);
    }
  }
  events_.timestamp_ns = now;
  EventBatch batch = std::exchange(events_, EventBatch());
  if (listener_.on_events) listener_.on_events(std::move(batch));
}

}  // namespace loadmark
