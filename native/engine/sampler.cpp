// The filters in the order transformers applies them: temperature, top-k, top-p.
#include "engine/sampler.h"

#include <algorithm>
#include <cmath>

namespace loadmark {

double uniform_at(uint64_t seed, uint64_t index) {
  uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1.0p-53;
}

Sampler::Sampler(int64_t vocab_size)
    : vocab_size_(vocab_size),
      candidates_(static_cast<size_t>(vocab_size)),
      order_(static_cast<size_t>(vocab_size)) {}

int64_t Sampler::plan_bytes(int64_t vocab_size) {
  return vocab_size * int64_t{sizeof(Candidate) + sizeof(float)};
}

int32_t Sampler::draw(const float* logits, const SamplingParams& params, uint64_t index) {
  // A NaN beside finite logits is no candidate: every comparison below leaves it out, and the
  // selection of the top k, whose order it would break, sees it as the least.
  float largest = -INFINITY;
  for (int64_t i = 0; i < vocab_size_; ++i) largest = std::max(largest, logits[i]);
  float least = -INFINITY;
  if (params.top_k > 0 && params.top_k < vocab_size_) {
    std::transform(logits, logits + vocab_size_, order_.begin(),
                   [](float logit) { return std::isnan(logit) ? -INFINITY : logit; });
    const auto kth = order_.begin() + (params.top_k - 1);
    std::nth_element(order_.begin(), kth, order_.end(), std::greater<float>());
    least = *kth;
  }
  size_t count = 0;
  double total = 0;
  for (int64_t i = 0; i < vocab_size_; ++i) {
    if (!(logits[i] >= least) || logits[i] == -INFINITY) continue;
    const double weight = std::exp((static_cast<double>(logits[i]) - largest) / params.temperature);
    candidates_[count++] = {weight, static_cast<int32_t>(i)};
    total += weight;
  }
  if (params.top_p < 1) {
    const auto begin = candidates_.begin(), end = begin + static_cast<std::ptrdiff_t>(count);
    std::sort(begin, end, [](const Candidate& a, const Candidate& b) {
      return a.weight != b.weight ? a.weight > b.weight : a.token < b.token;
    });
    double kept = 0;
    size_t keep = 0;
    while (keep < count && (keep == 0 || kept < params.top_p * total))
      kept += candidates_[keep++].weight;
    count = keep;
    total = kept;
  }
  double left = uniform_at(params.seed, index) * total;
  for (size_t i = 0; i + 1 < count; ++i) {
    left -= candidates_[i].weight;
    if (left < 0) return candidates_[i].token;
  }
  return candidates_[count - 1].token;
}

}  // namespace loadmark
