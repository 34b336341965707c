// Which token comes next? Draws one from a row of logits: temperature, top-k, top-p, a generator of
// the request's own.
#pragma once

#include <cstdint>
#include <vector>

namespace loadmark {

struct SamplingParams {
  double temperature = 0;  // 0 is greedy
  int32_t top_k = 0;       // 0 is off
  double top_p = 1;        // 1 is off
  uint64_t seed = 0;
};

// The index-th output of SplitMix64 started at `seed`, as a double in [0, 1) with 53 random bits. A
// function of its arguments alone: a draw does not depend on what the batch or a preemption did
// before it.
double uniform_at(uint64_t seed, uint64_t index);

class Sampler {
 public:
  explicit Sampler(int64_t vocab_size);
  static int64_t plan_bytes(int64_t vocab_size);
  // The index-th draw of a request with temperature > 0. Softmax of logits / temperature over the
  // top_k largest (ties with the last of them stay in), cut to the smallest set of most probable
  // tokens that reaches top_p. The largest logit is finite; NaN is never drawn.
  int32_t draw(const float* logits, const SamplingParams& params, uint64_t index);

 private:
  struct Candidate {
    double weight;
    int32_t token;
  };
  int64_t vocab_size_;
  std::vector<Candidate> candidates_;
  std::vector<float> order_;
};

}  // namespace loadmark
