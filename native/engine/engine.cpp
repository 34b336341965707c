// The public door and the stepping thread's loop; what a step does with logits is in
// engine_step.cpp.
#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "base/error.h"
#include "engine/engine_plan.h"

namespace loadmark {
namespace {

constexpr char kClosed[] = "the engine was closed";

std::string describe_exception(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an unknown exception";
  }
}

}  // namespace

std::unique_ptr<Engine> Engine::load(const EngineOptions& options, EngineListener listener) {
  const ops::Isa isa = ops::parse_isa(options.instruction_set.c_str());
  ModelConfig config = read_model_config(options.model_path);
  const Checkpoint checkpoint(options.model_path);
  EnginePlan plan = plan_engine(options, config);
  plan.memory.weights = plan_weight_bytes(config, checkpoint, options.weight_format);
  plan.memory.loading = plan_loading_bytes(config, checkpoint, options.weight_format);
  require_memory(plan.memory, available_memory(), plan.kv_page_bytes, plan.least_kv_pages);
  require_page_numbers(options, plan);
  ModelWeights weights = load_weights(config, checkpoint, options.weight_format);
  LlamaModel model(std::move(config), std::move(weights));
  std::unique_ptr<Engine> engine(
      new Engine(options, isa, plan, std::move(model), std::move(listener)));
  engine->thread_ = std::thread([engine = engine.get()] { engine->run(); });
  return engine;
}

Engine::Engine(const EngineOptions& options, ops::Isa isa, const EnginePlan& plan, LlamaModel model,
               EngineListener listener)
    : options_(options),
      model_(std::move(model)),
      listener_(std::move(listener)),
      pool_(options.threads),
      context_{&pool_, isa, options.activations},
      cache_(model_.config(), options.kv_type, options.page_tokens, plan.kv_pages),
      scheduler_(&cache_, options.max_batch, plan.step_rows),
      batch_(plan.step_rows, options.max_batch),
      sampler_(model_.config().vocab_size),
      scratch_(model_.config(), plan.step_rows),
      hidden_(static_cast<size_t>(plan.step_rows * model_.config().hidden_size) * sizeof(float)),
      logits_(static_cast<size_t>(plan.logit_rows * model_.config().vocab_size) * sizeof(float)),
      logit_rows_(plan.logit_rows),
      best_(static_cast<size_t>(plan.logit_rows)),
      targets_(static_cast<size_t>(plan.logit_rows)),
      log_probs_(static_cast<size_t>(plan.logit_rows)) {
  info_ = describe_engine(options, plan, model_, context_);
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

void Engine::require_working() const {
  if (!broken_.empty()) throw Error(kEngineBroken, broken_);
}

void Engine::check_tokens(const std::string& owner, const char* name,
                          const std::vector<int32_t>& tokens) const {
  const int64_t vocab = model_.config().vocab_size;
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
  for (const std::vector<int32_t>& continuation : request.continuations) {
    check_tokens(owner, "continuations", continuation);
    const size_t total = request.prompt.size() + continuation.size();
    if (request.prompt.empty() || continuation.empty() ||
        static_cast<int64_t>(total) > options_.max_sequence_tokens) {
      throw Error(kBadArgument, owner + ": " + std::to_string(request.prompt.size()) +
                                    " prompt tokens and " + std::to_string(continuation.size()) +
                                    " of a continuation; allowed: at least 1 each, at most " +
                                    std::to_string(options_.max_sequence_tokens) +
                                    " together (maxSequenceTokens)");
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
    auto sequences = make_sequences(requests[i], call, static_cast<int64_t>(i));
    ScoreResult& result = call->results[i];
    result.log_probs.assign(requests[i].continuations.size(), 0.0);
    result.is_greedy.assign(requests[i].continuations.size(), 1);
    result.unfinished = static_cast<int64_t>(sequences.size());
    std::move(sequences.begin(), sequences.end(), std::back_inserter(all));
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
  // Held here and, once more, by whoever asked; not part of the plan made at load.
  const int64_t vocab = model_.config().vocab_size;
  const int64_t needed = 2 * count * vocab * int64_t{sizeof(float)};
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

void Engine::run() {
  std::exception_ptr thrown;
  try {
    while (take_inbox()) step();
    end_all(EventStatus::kCancelled, kClosed);
    return;
  } catch (...) {
    thrown = std::current_exception();
  }
  try {
    const std::string fault = "the engine broke at step " + std::to_string(stats_.steps) + ": " +
                              describe_exception(thrown);
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
  send_events(now_ns());
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
  send_events(now_ns());
}

int64_t Engine::now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace loadmark
