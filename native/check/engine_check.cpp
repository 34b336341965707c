// Do the engine's threads keep out of each other's way? Submits, cancels, scores and closes at
// random moments from several threads and counts that every request ends exactly once. Meant to run
// under address or thread sanitizers. usage: engine_check CHECKPOINT [--iterations ROUNDS] [--seed
// S]
#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "check/mutator.h"
#include "engine/engine.h"

namespace loadmark::check {
namespace {

class Tally {
 public:
  EngineListener listener() {
    EngineListener listener;
    listener.on_events = [this](EventBatch&& batch) {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (size_t i = 0; i < batch.ids.size(); ++i) {
        if (batch.statuses[i] != static_cast<uint8_t>(EventStatus::kRunning)) ++ends_[batch.ids[i]];
      }
    };
    return listener;
  }
  // Every id of [0, count) has ended once.
  bool complete(int32_t count) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (int32_t id = 0; id < count; ++id) {
      if (ends_[id] != 1) {
        std::printf("request %d ended %d times\n", id, ends_[id]);
        return false;
      }
    }
    return ends_.size() == static_cast<size_t>(count);
  }

 private:
  std::mutex mutex_;
  std::map<int32_t, int> ends_;
};

std::vector<int32_t> draw_tokens(Mutator& random, size_t least, size_t range) {
  std::vector<int32_t> tokens(least + random.below(range));
  for (int32_t& token : tokens) token = static_cast<int32_t>(random.below(160));
  return tokens;
}

GenerateRequest draw_request(Mutator& random, int32_t id) {
  GenerateRequest request;
  request.id = id;
  request.prompt = draw_tokens(random, 1, 40);
  request.stop_tokens = draw_tokens(random, 0, 3);
  request.max_new_tokens = static_cast<int32_t>(1 + random.below(40));
  request.sampling = {random.below(2) * 0.7, static_cast<int32_t>(random.below(30)), 0.95,
                      random.next()};
  return request;
}

// What a sanitizer does with an allocation or a thread of this kind is the sanitizer's own test.
FaultKind draw_fault_kind(Mutator& random) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return FaultKind::kException;
#else
  constexpr FaultKind kKinds[] = {FaultKind::kException, FaultKind::kOutOfMemory,
                                  FaultKind::kThreadDeath};
  return kKinds[random.below(3)];
#endif
}

EngineOptions draw_options(Mutator& random, const std::string& model) {
  EngineOptions options;
  options.model_path = model;
  options.threads = static_cast<int>(1 + random.below(3));
  options.max_batch = static_cast<int64_t>(1 + random.below(20));
  options.max_sequence_tokens = 96;
  options.max_step_tokens = static_cast<int64_t>(1 + random.below(64));
  options.page_tokens = static_cast<int64_t>(1 + random.below(16));
  const size_t ranks = size_t{1} << random.below(3);
  if (ranks > 1) options.tensor_parallel_devices.assign(ranks, "cpu");
  // Of 512 bytes a token, over 4 ranks with 2 KV heads twice that: sometimes barely more than one
  // sequence, so that preemption is frequent.
  const int64_t token_bytes = ranks == 4 ? 1024 : 512;
  options.kv_cache_bytes =
      random.below(2) == 0 ? 0 : token_bytes * 16 * static_cast<int64_t>(7 + random.below(10));
  options.activations =
      random.below(2) == 0 ? ops::ActivationType::kInt8 : ops::ActivationType::kFloat32;
  options.fault_at_step = random.below(4) == 0 ? static_cast<int64_t>(1 + random.below(60)) : 0;
  if (random.below(2) == 0) options.fault.rank = static_cast<int>(random.below(ranks));
  options.fault.kind = draw_fault_kind(random);
  options.step_lag = static_cast<int>(random.below(2));
  return options;
}

// False when a request was lost. Errors of a broken or closing engine are what callers must expect.
bool run_round(const std::string& model, uint64_t seed) {
  Mutator random(seed, {});
  Tally tally;
  std::atomic<int64_t> answered{0};
  int64_t asked = 0;
  int32_t submitted = 0;
  {
    const auto engine = Engine::load(draw_options(random, model), tally.listener());
    std::atomic<bool> stop{false};
    std::thread canceller([&engine, &stop, seed] {
      Mutator other(~seed, {});
      while (!stop) {
        try {
          engine->cancel(
              {static_cast<int32_t>(other.below(60)), static_cast<int32_t>(other.below(60))});
        } catch (const Error&) {
        }
        engine->stats();
        std::this_thread::sleep_for(std::chrono::microseconds(other.below(300)));
      }
    });
    try {
      for (size_t burst = 1 + random.below(12); burst > 0; --burst) {
        std::vector<GenerateRequest> requests;
        for (size_t i = random.below(6); i > 0; --i) {
          requests.push_back(
              draw_request(random, submitted + static_cast<int32_t>(requests.size())));
        }
        const auto count = static_cast<int32_t>(requests.size());
        engine->submit(std::move(requests));
        submitted += count;
        auto call = std::make_shared<ScoreCall>();
        call->done = [&answered](ScoreCall&, const ScoreCall::Failure*) { ++answered; };
        engine->score(
            {{draw_tokens(random, 1, 30), {{1}, {2}, draw_tokens(random, 1, 9)}, {0, 0, 0}}}, call);
        ++asked;
        std::this_thread::sleep_for(std::chrono::microseconds(random.below(2000)));
      }
    } catch (const Error& error) {
      if (error.code() != kEngineBroken) throw;
    }
    if (random.below(2) == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(random.below(30)));
    if (random.below(2) == 0) engine->close();
    stop = true;
    canceller.join();
  }
  if (answered != asked)
    std::printf("%lld calls, %lld answers\n", static_cast<long long>(asked),
                static_cast<long long>(answered.load()));
  return answered == asked && tally.complete(submitted);
}

}  // namespace
}  // namespace loadmark::check

int main(int argc, char** argv) {
  using namespace loadmark::check;
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CHECKPOINT [--iterations ROUNDS] [--seed S]\n", argv[0]);
    return 2;
  }
  FuzzArguments arguments = parse_arguments(argc - 1, argv + 1);
  if (argc == 2) arguments.iterations = 200;
  for (uint64_t i = 0; i < arguments.iterations; ++i) {
    if (!run_round(argv[1], arguments.seed + i)) {
      std::printf("engine: seed %llu failed\n",
                  static_cast<unsigned long long>(arguments.seed + i));
      return 1;
    }
  }
  std::printf("engine: %llu rounds, every request ended once\n",
              static_cast<unsigned long long>(arguments.iterations));
  return 0;
}
