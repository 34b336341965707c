// The public door; the stepping thread is in engine_step.cpp.
#include "engine/engine.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "engine/engine_plan.h"
#include "engine/memory_plan.h"

namespace loadmark {

std::unique_ptr<Engine> Engine::load(const EngineOptions& options, EngineListener listener) {
  std::unique_ptr<Engine> engine(new Engine(options, load_runner(options), std::move(listener)));
  Engine* const stepping = engine.get();
  engine->thread_ = WatchedThread([stepping] { stepping->run(); },  //
                                  [stepping] { stepping->lose_thread(); });
  return engine;
}

Engine::Engine(const EngineOptions& options, LoadedRunner loaded, EngineListener listener)
    : options_(options),
      listener_(std::move(listener)),
      info_(std::move(loaded.info)),
      cache_(page_needs(options, info_.config), info_.kv_pages),
      scheduler_(&cache_, options.max_batch, loaded.step_rows),
      runner_(std::move(loaded.runner)),
      step_rows_(loaded.step_rows) {
  for (int i = 0; i <= runner_->lag(); ++i)
    batches_.emplace_back(loaded.step_rows, options.max_batch);
}

Engine::~Engine() { close(); }

void Engine::close() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
    if (broken_.empty()) broken_ = kClosed;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

EngineStats Engine::stats() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stats_;
}

void Engine::start_profile(int64_t steps, int64_t first_step) {
  if (steps < 1 || first_step < 0) {
    throw Error(kBadArgument, "startProfile: " + std::to_string(steps) + " steps from step " +
                                  std::to_string(first_step) +
                                  " on; allowed: at least 1, from 0 (the next) on");
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  asked_profile_ = {first_step, steps, {}};
  profile_.reset();
}

std::optional<EngineProfile> Engine::profile() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return profile_;
}

void Engine::fail_next_step() {
  const std::lock_guard<std::mutex> lock(mutex_);
  require_working();
  fails_next_ = true;
}

void Engine::require_working() const {
  if (!broken_.empty()) throw Error(kEngineBroken, broken_);
}

void Engine::check_tokens(const std::string& owner, const char* name,
                          const std::vector<int32_t>& tokens) const {
  const int64_t vocab = info_.config.vocab_size;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || tokens[i] >= vocab) {
      throw Error(kBadArgument, owner + ": " + name + "[" + std::to_string(i) + "] is " +
                                    std::to_string(tokens[i]) + "; allowed: 0 to " +
                                    std::to_string(vocab - 1));
    }
  }
}

void Engine::check_request(const GenerateRequest& request) const {
  const std::string owner = "request " + std::to_string(request.id);
  if (request.prompt.empty())
    throw Error(kBadArgument, owner + ": its prompt is empty; allowed: at least 1 token");
  check_tokens(owner, "promptTokens", request.prompt);
  check_tokens(owner, "stopTokens", request.stop_tokens);
  const auto total = static_cast<int64_t>(request.prompt.size()) + request.max_new_tokens;
  if (request.max_new_tokens < 1 || total > options_.max_sequence_tokens) {
    throw Error(kBadArgument, owner + ": " + std::to_string(request.prompt.size()) +
                                  " prompt tokens and " + std::to_string(request.max_new_tokens) +
                                  " maxNewTokens; allowed: at least 1 new, at most " +
                                  std::to_string(options_.max_sequence_tokens) +
                                  " together (maxSequenceTokens)");
  }
}

void Engine::check_score(const std::string& owner, const ScoreRequest& request) const {
  check_tokens(owner, "promptTokens", request.prompt);
  for (size_t i = 0; i < request.continuations.size(); ++i) {
    const std::vector<int32_t>& continuation = request.continuations[i];
    check_tokens(owner, "continuations", continuation);
    // The last token is weighed and never read.
    const auto read = static_cast<int64_t>(request.prompt.size() + continuation.size()) - 1;
    if (request.prompt.empty() || continuation.empty() || read > options_.max_sequence_tokens) {
      throw Error(kBadArgument, owner + ": " + std::to_string(request.prompt.size()) +
                                    " prompt tokens and " + std::to_string(continuation.size()) +
                                    " of a continuation; allowed: at least 1 each, at most " +
                                    std::to_string(options_.max_sequence_tokens + 1) +
                                    " together (maxSequenceTokens, and one that is not read)");
    }
    const int32_t context = request.contexts[i];
    if (context < 0 || static_cast<size_t>(context) >= continuation.size()) {
      throw Error(kBadArgument, owner + ": contextTokens[" + std::to_string(i) + "] is " +
                                    std::to_string(context) + "; allowed: 0 to " +
                                    std::to_string(continuation.size() - 1) +
                                    ", so that a token is left to score");
    }
  }
}

void Engine::submit(std::vector<GenerateRequest> requests) {
  std::vector<std::unique_ptr<Sequence>> sequences;
  std::vector<int32_t> ids;
  for (GenerateRequest& request : requests) {
    check_request(request);
    ids.push_back(request.id);
    sequences.push_back(make_sequence(std::move(request)));
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    require_working();
    for (size_t i = 0; i < ids.size(); ++i) {
      if (unfinished_.insert(ids[i]).second) {
        cancels_.erase(ids[i]);  // meant for a finished request of this id
        continue;
      }
      for (size_t j = 0; j < i; ++j) unfinished_.erase(ids[j]);
      throw Error(kBadArgument,
                  "request " + std::to_string(ids[i]) +
                      ": its id belongs to an unfinished request; allowed: a unique one");
    }
    std::move(sequences.begin(), sequences.end(), std::back_inserter(inbox_));
  }
  wake_.notify_one();
}

void Engine::cancel(const std::vector<int32_t>& ids) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    require_working();
    for (int32_t id : ids) {
      if (unfinished_.count(id) > 0) cancels_.insert(id);
    }
  }
  wake_.notify_one();
}

void Engine::score(const std::vector<ScoreRequest>& requests, std::shared_ptr<ScoreCall> call) {
  call->results.resize(requests.size());
  std::vector<std::unique_ptr<Sequence>> all;
  for (size_t i = 0; i < requests.size(); ++i) {
    check_score("score request " + std::to_string(i), requests[i]);
    ScoreResult& result = call->results[i];
    result.log_probs.assign(requests[i].continuations.size(), 0.0);
    result.is_greedy.assign(requests[i].continuations.size(), 1);
    if (!requests[i].continuations.empty())
      all.push_back(make_sequence(requests[i], call, static_cast<int64_t>(i)));
  }
  call->unfinished = static_cast<int64_t>(all.size());
  if (all.empty())
    throw Error(kBadArgument, "score: nothing to score; allowed: at least one continuation");
  deliver(std::move(all));
}

void Engine::forward_logits(std::vector<int32_t> tokens, std::shared_ptr<ScoreCall> call) {
  check_tokens("forwardLogits", "tokens", tokens);
  const auto count = static_cast<int64_t>(tokens.size());
  if (count < 1 || count > options_.max_sequence_tokens) {
    throw Error(kBadArgument,
                "forwardLogits: " + std::to_string(count) + " tokens; allowed: 1 to " +
                    std::to_string(options_.max_sequence_tokens) + " (maxSequenceTokens)");
  }
  // Held here, once more by whoever asked, and for a moment a step's rows by the runner; not part
  // of the plan made at load.
  const int64_t vocab = info_.config.vocab_size;
  const int64_t needed = (2 * count + std::min(count, step_rows_)) * vocab * int64_t{sizeof(float)};
  const int64_t available = available_memory();
  if (available >= 0 && needed > available) {
    throw Error(kOutOfMemory, "forwardLogits: " + std::to_string(count) + " x " +
                                  std::to_string(vocab) + " logits take " + std::to_string(needed) +
                                  " bytes; available: " + std::to_string(available) +
                                  "; ask for fewer tokens at a time");
  }
  call->logits.resize(static_cast<size_t>(count * vocab));
  call->unfinished = 1;
  std::vector<std::unique_ptr<Sequence>> sequences;
  sequences.push_back(make_sequence(std::move(tokens), call));
  deliver(std::move(sequences));
}

void Engine::deliver(std::vector<std::unique_ptr<Sequence>> sequences) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    require_working();
    std::move(sequences.begin(), sequences.end(), std::back_inserter(inbox_));
  }
  wake_.notify_one();
}

}  // namespace loadmark
