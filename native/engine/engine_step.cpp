// One step of the engine: plan a batch, run the model over it, turn logits into tokens, scores and
// events.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "engine/engine.h"

namespace loadmark {

void Engine::step() {
  scheduler_.plan(&batch_);
  if (batch_.rows() == 0) return;
  count_step();
  forward();
  finish_sequences();
}

void Engine::count_step() {
  int64_t prompt_rows = 0;
  for (const Batch::Run& run : batch_.runs()) {
    const int64_t prompt_left = run.sequence->prompt_count - run.sequence->computed;
    prompt_rows += std::clamp<int64_t>(prompt_left, 0, run.rows);
  }
  int64_t step = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    step = ++stats_.steps;
    stats_.prompt_tokens += prompt_rows;
    stats_.occupancy_sum += static_cast<int64_t>(batch_.runs().size());
    stats_.peak_kv_pages = cache_.peak_used_pages();
    stats_.preemptions = scheduler_.preemptions();
  }
  if (step == options_.fault_at_step)
    throw Error(kInternal, "fault injected at step " + std::to_string(step));
}

void Engine::forward() {
  const ModelConfig& config = model_.config();
  const ops::RowPlaces places = batch_.places();
  auto* hidden = hidden_.as<float>();
  model_.embed(context_, batch_.tokens(), batch_.rows(), hidden);
  for (int64_t layer = 0; layer + 1 < config.layers; ++layer) {
    model_.run_layer(context_, layer, cache_.layer(layer), places, hidden, scratch_);
  }
  const auto kept = static_cast<int64_t>(batch_.kept_rows().size());
  model_.run_last_layer(context_, cache_.layer(config.layers - 1), places,
                        batch_.kept_rows().data(), kept, hidden, scratch_);
  for (const Batch::Run& run : batch_.runs()) run.sequence->computed += run.rows;
  for (int64_t first = 0; first < kept; first += logit_rows_) {
    const int64_t rows = std::min(logit_rows_, kept - first);
    model_.head(context_, hidden + first * config.hidden_size, rows, logits_.as<float>(), scratch_);
    take_logits(first, rows);
  }
}

// The batch's logit rows [first, first + rows) stand in logits_.
void Engine::take_logits(int64_t first, int64_t rows) {
  const int64_t vocab = model_.config().vocab_size;
  auto* logits = logits_.as<float>();
  const Batch::LogitRow* wanted = batch_.logit_rows().data() + first;
  for (int64_t row = 0; row < rows; ++row) {
    const Sequence& sequence = *wanted[row].sequence;
    if (sequence.kind != Sequence::Kind::kGenerate ||
        sequence.new_tokens() >= sequence.min_new_tokens)
      continue;
    for (int32_t token : sequence.stop_tokens) logits[row * vocab + token] = -INFINITY;
  }
  ops::argmax(context_, logits, rows, vocab, best_.data());
  for (int64_t row = 0; row < rows; ++row) {
    Sequence& sequence = *wanted[row].sequence;
    float* values = logits + row * vocab;
    if (sequence.kind == Sequence::Kind::kGenerate) {
      accept_token(sequence, values, best_[static_cast<size_t>(row)]);
    } else if (sequence.kind == Sequence::Kind::kScore) {
      int64_t end = row + 1;
      while (end < rows && wanted[end].sequence->kind == Sequence::Kind::kScore) ++end;
      score_rows(first, row, end);
      row = end - 1;
    } else {
      std::memcpy(sequence.call->logits.data() + wanted[row].position * vocab, values,
                  static_cast<size_t>(vocab) * sizeof(float));
      sequence.next_logits = wanted[row].position + 1;
      sequence.finished = sequence.next_logits == sequence.size();
    }
  }
}

void Engine::accept_token(Sequence& sequence, float* logits, int32_t best) {
  if (!std::isfinite(logits[best])) {
    sequence.finished = true;
    emit(sequence, -1, EventStatus::kFailed);
    return;
  }
  const auto index = static_cast<uint64_t>(sequence.new_tokens());
  const int32_t token =
      sequence.sampling.temperature > 0 ? sampler_.draw(logits, sequence.sampling, index) : best;
  const auto& stops = sequence.stop_tokens;
  if (std::find(stops.begin(), stops.end(), token) != stops.end()) {
    sequence.finished = true;
    emit(sequence, -1, EventStatus::kStop);
    return;
  }
  sequence.tokens.push_back(token);
  sequence.finished = sequence.new_tokens() == sequence.max_new_tokens;
  emit(sequence, token, sequence.finished ? EventStatus::kLength : EventStatus::kRunning);
}

// Rows [begin, end) of the block all belong to scoring sequences.
void Engine::score_rows(int64_t first, int64_t begin, int64_t end) {
  const int64_t vocab = model_.config().vocab_size;
  const float* logits = logits_.as<float>() + begin * vocab;
  const Batch::LogitRow* wanted = batch_.logit_rows().data() + first + begin;
  const int64_t rows = end - begin;
  for (int64_t row = 0; row < rows; ++row) {
    const Sequence& sequence = *wanted[row].sequence;
    // Rows of one sequence come in order, a target or several of one position each.
    const size_t ahead =
        sequence.next_target + static_cast<size_t>(wanted[row].position - sequence.next_logits);
    targets_[static_cast<size_t>(row)] = sequence.targets[ahead].token;
  }
  ops::log_probability(context_, logits, rows, vocab, targets_.data(), log_probs_.data());
  for (int64_t row = 0; row < rows; ++row) {
    accept_score(*wanted[row].sequence, logits + row * vocab, wanted[row].position,
                 best_[static_cast<size_t>(begin + row)], log_probs_[static_cast<size_t>(row)]);
  }
}

// All targets of one position share its normalisation: log p(t) = logit(t) - logit(t0) + log p(t0).
void Engine::accept_score(Sequence& sequence, const float* logits, int64_t position, int32_t best,
                          double first_log_prob) {
  ScoreResult& result = sequence.call->results[static_cast<size_t>(sequence.result)];
  const int32_t first = sequence.targets[sequence.next_target].token;
  if (!std::isfinite(logits[best])) {
    sequence.call->fault =
        "score request " + std::to_string(sequence.result) + ": its logits are not finite";
  }
  while (sequence.next_target < sequence.targets.size() &&
         sequence.targets[sequence.next_target].position == position) {
    const ScoreTarget& target = sequence.targets[sequence.next_target++];
    const auto continuation = static_cast<size_t>(target.continuation);
    result.log_probs[continuation] += first_log_prob + (static_cast<double>(logits[target.token]) -
                                                        static_cast<double>(logits[first]));
    if (target.token != best) result.is_greedy[continuation] = 0;
  }
  sequence.next_logits = position + 1;
  sequence.finished = sequence.next_target == sequence.targets.size();
}

// Takes the finished out, answers the calls of score, and sends the step's events.
void Engine::finish_sequences() {
  const int64_t now = now_ns();
  scheduler_.remove_running([&](Sequence& sequence) {
    if (sequence.finished && sequence.kind != Sequence::Kind::kGenerate)
      finish_call_part(sequence, now);
    return sequence.finished;
  });
  send_events(now);
}

void Engine::finish_call_part(Sequence& sequence, int64_t now) {
  ScoreCall& call = *sequence.call;
  if (sequence.kind == Sequence::Kind::kScore) {
    ScoreResult& result = call.results[static_cast<size_t>(sequence.result)];
    if (--result.unfinished == 0) result.finished_ns = now;
  }
  if (--call.unfinished > 0 || !call.done) return;
  const ScoreCall::Failure failure{kInternal, call.fault};
  std::exchange(call.done, nullptr)(call, call.fault.empty() ? nullptr : &failure);
}

void Engine::emit(const Sequence& sequence, int32_t token, EventStatus status) {
  events_.ids.push_back(sequence.id);
  events_.tokens.push_back(token);
  events_.counts.push_back(static_cast<int32_t>(sequence.new_tokens()));
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
