// One text in flight: its tokens, how far they are computed, its KV pages, and what is wanted from
// its logits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/page_table.h"
#include "engine/sampler.h"

namespace loadmark {

struct GenerateRequest {
  int32_t id = 0;
  std::vector<int32_t> prompt;
  std::vector<int32_t> stop_tokens;
  int32_t max_new_tokens = 0;
  int32_t min_new_tokens = 0;
  SamplingParams sampling;
};

struct ScoreRequest {
  std::vector<int32_t> prompt;
  std::vector<std::vector<int32_t>> continuations;
};

struct ScoreResult {
  std::vector<double> log_probs;   // (continuations)
  std::vector<uint8_t> is_greedy;  // (continuations)
  int64_t finished_ns = 0;
  int64_t unfinished = 0;  // sequences still to come
};

// A call of score() or forward_logits(): complete when its last sequence is. `done` is called once,
// on the stepping thread; with an error the results mean nothing.
struct ScoreCall {
  std::vector<ScoreResult> results;
  std::vector<float> logits;  // (tokens, vocab) of forward_logits
  int64_t unfinished = 0;     // sequences
  struct Failure {
    const char* code;
    std::string message;
  };
  std::string fault;  // why this call's numbers mean nothing; empty when they do
  std::function<void(ScoreCall& call, const Failure* failure)> done;
};

// A token whose log-probability is wanted from the logits of `position`.
struct ScoreTarget {
  int64_t position;
  int32_t token;
  int32_t continuation;
};

struct Sequence {
  enum class Kind { kGenerate, kScore, kLogits };
  Kind kind = Kind::kGenerate;
  std::vector<int32_t> tokens;  // prompt, then what was generated and is known
  int64_t prompt_count = 0;
  int64_t computed = 0;     // leading tokens whose K and V the steps planned so far compute
  PageTable table;          // of those tokens, as far as they are still seen
  int64_t outstanding = 0;  // steps planned with rows of it, their results not taken
  bool finished = false;    // ended: what outstanding steps find for it is void

  // kGenerate
  int32_t id = -1;
  int32_t max_new_tokens = 0, min_new_tokens = 0;
  std::vector<int32_t> stop_tokens;
  SamplingParams sampling;
  // Tokens that outstanding steps generate, after the known ones: 0 or 1 when a step is planned.
  int64_t pending = 0;
  int32_t pending_row = 0;  // the logit row that yields the last of them

  // kScore, kLogits
  std::shared_ptr<ScoreCall> call;
  int64_t result = 0;                // of call->results
  std::vector<ScoreTarget> targets;  // ascending positions
  // What is from here on has not been asked for; what lies before will not be, preempted or not.
  size_t next_target = 0;
  int64_t next_logits = 0;  // position
  size_t answered_targets = 0;

  int64_t known() const { return static_cast<int64_t>(tokens.size()); }
  int64_t size() const { return known() + pending; }
  int64_t remaining() const { return size() - computed; }
  int64_t new_tokens() const { return size() - prompt_count; }
  int64_t known_new_tokens() const { return known() - prompt_count; }
  bool wants_logits(int64_t position) const {
    return kind == Kind::kGenerate ? position == size() - 1 : position >= next_logits;
  }
  // Whether all of its steps are planned.
  bool spent() const {
    return kind == Kind::kGenerate ? new_tokens() == max_new_tokens : remaining() == 0;
  }
};

std::unique_ptr<Sequence> make_sequence(GenerateRequest request);
// The sequences of one score request: one for all continuations of a single token, one for each
// longer one.
std::vector<std::unique_ptr<Sequence>> make_sequences(const ScoreRequest& request,
                                                      const std::shared_ptr<ScoreCall>& call,
                                                      int64_t result);
std::unique_ptr<Sequence> make_sequence(std::vector<int32_t> tokens,
                                        const std::shared_ptr<ScoreCall>& call);

}  // namespace loadmark
