// Requests become sequences here, with all the memory they will need but their pages.
#include "engine/sequence.h"

#include <algorithm>
#include <tuple>

namespace loadmark {
namespace {

// Tokens that both begin with.
int64_t count_shared(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  return std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
}

}  // namespace

std::unique_ptr<Sequence> make_sequence(GenerateRequest request) {
  auto sequence = std::make_unique<Sequence>();
  sequence->tokens = std::move(request.prompt);
  sequence->prompt_count = sequence->size();
  sequence->tokens.reserve(sequence->tokens.size() + static_cast<size_t>(request.max_new_tokens));
  sequence->id = request.id;
  sequence->max_new_tokens = request.max_new_tokens;
  sequence->min_new_tokens = request.min_new_tokens;
  sequence->stop_tokens = std::move(request.stop_tokens);
  sequence->sampling = request.sampling;
  return sequence;
}

int64_t Sequence::room() const {
  int64_t longest = size();
  for (const auto& branch : branches)
    longest = std::max(longest, prompt_count + static_cast<int64_t>(branch.size()));
  return longest;
}

void Sequence::turn_branch() {
  const auto at = static_cast<size_t>(branch);
  if (remaining() > 0 || at + 1 >= branches.size()) return;
  ++branch;
  const std::vector<int32_t>& before = branches[at];
  const std::vector<int32_t>& next = branches[at + 1];
  tokens.resize(static_cast<size_t>(prompt_count));
  tokens.insert(tokens.end(), next.begin(), next.end());
  // A row whose logits are wanted is computed for them, cached or not.
  computed = std::min(prompt_count + count_shared(before, next), targets[next_target].position);
}

// A target goes to a branch that reads the same up to it: the first of all, which has the prompt's
// own logits at once, or the one before, which neighbours of a sorted list resemble most. Both are
// walked through before the continuation's own, so its log-probabilities are added in their order.
std::unique_ptr<Sequence> make_sequence(const ScoreRequest& request,
                                        const std::shared_ptr<ScoreCall>& call, int64_t result) {
  auto sequence = std::make_unique<Sequence>();
  sequence->kind = Sequence::Kind::kScore;
  sequence->prompt_count = static_cast<int64_t>(request.prompt.size());
  sequence->call = call;
  sequence->result = result;
  std::vector<std::vector<int32_t>>& branches = sequence->branches;
  for (size_t i = 0; i < request.continuations.size(); ++i) {
    const std::vector<int32_t>& continuation = request.continuations[i];
    const auto last = static_cast<int64_t>(continuation.size()) - 1;
    const size_t before = branches.empty() ? 0 : branches.size() - 1;
    const int64_t like_first = branches.empty() ? -1 : count_shared(branches.front(), continuation);
    const int64_t like_before = branches.empty() ? -1 : count_shared(branches.back(), continuation);
    if (std::max(like_first, like_before) < last || branches.empty()) {
      branches.emplace_back(continuation.begin(), continuation.end() - 1);
    }
    for (int64_t at = request.contexts[i]; at <= last; ++at) {
      const size_t home = at <= like_first ? 0 : at <= like_before ? before : branches.size() - 1;
      sequence->targets.push_back({sequence->prompt_count - 1 + at,
                                   continuation[static_cast<size_t>(at)], static_cast<int32_t>(i),
                                   static_cast<int32_t>(home)});
    }
  }
  std::sort(sequence->targets.begin(), sequence->targets.end(),
            [](const ScoreTarget& a, const ScoreTarget& b) {
              return std::tie(a.branch, a.position, a.continuation) <
                     std::tie(b.branch, b.position, b.continuation);
            });
  sequence->tokens.reserve(static_cast<size_t>(sequence->room()));
  sequence->tokens = request.prompt;
  sequence->tokens.insert(sequence->tokens.end(), branches.front().begin(), branches.front().end());
  return sequence;
}

std::unique_ptr<Sequence> make_sequence(std::vector<int32_t> tokens,
                                        const std::shared_ptr<ScoreCall>& call) {
  auto sequence = std::make_unique<Sequence>();
  sequence->kind = Sequence::Kind::kLogits;
  sequence->tokens = std::move(tokens);
  sequence->prompt_count = sequence->size();
  sequence->call = call;
  return sequence;
}

}  // namespace loadmark
