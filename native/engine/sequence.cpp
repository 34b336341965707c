// Requests become sequences here, with all the memory they will need but their pages.
#include "engine/sequence.h"

namespace loadmark {

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

std::vector<std::unique_ptr<Sequence>> make_sequences(const ScoreRequest& request,
                                                      const std::shared_ptr<ScoreCall>& call,
                                                      int64_t result) {
  const auto prompt_count = static_cast<int64_t>(request.prompt.size());
  const auto begin = [&] {
    auto sequence = std::make_unique<Sequence>();
    sequence->kind = Sequence::Kind::kScore;
    sequence->tokens = request.prompt;
    sequence->prompt_count = prompt_count;
    sequence->call = call;
    sequence->result = result;
    sequence->next_logits = prompt_count - 1;
    return sequence;
  };
  std::vector<std::unique_ptr<Sequence>> sequences;
  std::unique_ptr<Sequence> shared;
  for (size_t i = 0; i < request.continuations.size(); ++i) {
    const std::vector<int32_t>& continuation = request.continuations[i];
    if (continuation.size() == 1) {
      if (shared == nullptr) shared = begin();
      shared->targets.push_back({prompt_count - 1, continuation.front(), static_cast<int32_t>(i)});
      continue;
    }
    auto sequence = begin();
    for (size_t j = 0; j < continuation.size(); ++j) {
      sequence->targets.push_back(
          {prompt_count - 1 + static_cast<int64_t>(j), continuation[j], static_cast<int32_t>(i)});
    }
    sequence->tokens.insert(sequence->tokens.end(), continuation.begin(), continuation.end() - 1);
    sequences.push_back(std::move(sequence));
  }
  if (shared != nullptr) sequences.push_back(std::move(shared));
  return sequences;
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
