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
  // (continuations) leading tokens of each that are read and not weighed; less than it has.
  std::vector<int32_t> contexts;
};

struct ScoreResult {
  std::vector<double> log_probs;   // (continuations)
  std::vector<uint8_t> is_greedy;  // (continuations)
  int64_t finished_ns = 0;
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
  int32_t branch;  // of the sequence, in which it is
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
  int64_t result = 0;  // of call->results
  // kScore: texts after the prompt, walked through one after another in the same pages; what two
  // neighbours begin with alike is computed once. `tokens` is the prompt and the one under way.
  std::vector<std::vector<int32_t>> branches;
  int32_t branch = 0;
  std::vector<ScoreTarget> targets;  // by branch, then ascending positions
  // What is from here on has not been asked for; what lies before will not be, preempted or not.
  size_t next_target = 0;
  int64_t next_logits = 0;  // position, of kLogits
  size_t answered_targets = 0;

  int64_t known() const { return static_cast<int64_t>(tokens.size()); }
  int64_t size() const { return known() + pending; }
  int64_t remaining() const { return size() - computed; }
  int64_t new_tokens() const { return size() - prompt_count; }
  int64_t known_new_tokens() const { return known() - prompt_count; }
  bool wants_logits(int64_t position) const {
    if (kind == Kind::kGenerate) return position == size() - 1;
    if (kind == Kind::kLogits) return position >= next_logits;
    return has_target(position);
  }
  // Whether the next target is that of the branch under way at `position`.
  bool has_target(int64_t position) const {
    if (next_target == targets.size()) return false;
    const ScoreTarget& next = targets[next_target];
    return next.position == position && next.branch == branch;
  }
  // Tokens that its pages must hold: of the longest branch, where there are several.
  int64_t room() const;
  // Where a branch is planned to its end, the next one takes its place. What stands in the pages
  // behind the tokens both have is written over by later steps, which run after this one has read.
  void turn_branch();
  // Whether all of its steps are planned.
  bool spent() const {
    return kind == Kind::kGenerate ? new_tokens() == max_new_tokens : remaining() == 0;
  }
};

std::unique_ptr<Sequence> make_sequence(GenerateRequest request);
// One sequence for all continuations of a score request.
std::unique_ptr<Sequence> make_sequence(const ScoreRequest& request,
                                        const std::shared_ptr<ScoreCall>& call, int64_t result);
std::unique_ptr<Sequence> make_sequence(std::vector<int32_t> tokens,
                                        const std::shared_ptr<ScoreCall>& call);

}  // namespace loadmark
