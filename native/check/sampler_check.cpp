// Does a draw follow its distribution, its filters and its seed, whatever the logits hold? Compares
// counts of many draws with probabilities worked out here.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "check/reporter.h"
#include "engine/sampler.h"

namespace loadmark::check {
namespace {

constexpr int64_t kDraws = 40'000;

std::vector<double> draw_shares(const std::vector<float>& logits, const SamplingParams& params) {
  Sampler sampler(static_cast<int64_t>(logits.size()));
  std::vector<double> shares(logits.size());
  for (int64_t i = 0; i < kDraws; ++i) {
    const int32_t token = sampler.draw(logits.data(), params, static_cast<uint64_t>(i));
    shares.at(static_cast<size_t>(token)) += 1.0 / static_cast<double>(kDraws);
  }
  return shares;
}

// Five standard deviations of a share of kDraws; a token that must not be drawn has none to spare.
void expect_shares(Reporter& report, const std::string& what, const std::vector<float>& logits,
                   const SamplingParams& params, const std::vector<double>& want) {
  report.near(what, draw_shares(logits, params), want, [&](size_t i) {
    return 5 * std::sqrt(want[i] * (1 - want[i]) / static_cast<double>(kDraws)) + 1e-9;
  });
}

void check_filters(Reporter& report) {
  const std::vector<float> logits = {std::log(1.0f), std::log(4.0f), std::log(2.0f), -INFINITY,
                                     std::log(1.0f)};
  expect_shares(report, "temperature 1", logits, {1, 0, 1, 7}, {0.125, 0.5, 0.25, 0, 0.125});
  expect_shares(report, "temperature 0.5", logits, {0.5, 0, 1, 7},
                {1.0 / 22, 16.0 / 22, 4.0 / 22, 0, 1.0 / 22});
  expect_shares(report, "top-k 2", logits, {1, 2, 1, 7}, {0, 2.0 / 3, 1.0 / 3, 0, 0});
  expect_shares(report, "top-k 3 keeps ties", logits, {1, 3, 1, 7}, {0.125, 0.5, 0.25, 0, 0.125});
  expect_shares(report, "top-p 0.5", logits, {1, 0, 0.5, 7}, {0, 1, 0, 0, 0});
  expect_shares(report, "top-p 0.6", logits, {1, 0, 0.6, 7}, {0, 2.0 / 3, 1.0 / 3, 0, 0});
  expect_shares(report, "top-p 0.8 takes the first of a tie", logits, {1, 0, 0.8, 7},
                {1.0 / 7, 4.0 / 7, 2.0 / 7, 0, 0});
  // Of the top 2, the larger holds 2/3: top-p counts what top-k left.
  expect_shares(report, "top-k 2, then top-p 0.6", logits, {1, 2, 0.6, 7}, {0, 1, 0, 0, 0});
  expect_shares(report, "a temperature near 0", logits, {1e-300, 0, 1, 7}, {0, 1, 0, 0, 0});
}

void check_not_numbers(Reporter& report) {
  std::vector<float> logits(1000, NAN);
  logits[17] = logits[400] = 3.0f;
  std::vector<double> half(logits.size());
  half[17] = half[400] = 0.5;
  expect_shares(report, "NaN is never drawn", logits, {1, 0, 1, 3}, half);
  expect_shares(report, "NaN beside top-k", logits, {1, 40, 1, 3}, half);
  expect_shares(report, "NaN beside top-p", logits, {1, 0, 0.9, 3}, half);
}

void check_seeds(Reporter& report) {
  const std::vector<float> logits(64);
  Sampler one(64), other(64);
  bool same = true;
  int64_t differences = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    const int32_t token = one.draw(logits.data(), {1, 0, 1, 5}, i);
    // Draws in another order, from a sampler others have used, are the same draws.
    other.draw(logits.data(), {2, 3, 0.5, i}, 199 - i);
    same = same && other.draw(logits.data(), {1, 0, 1, 5}, i) == token;
    differences += other.draw(logits.data(), {1, 0, 1, 6}, i) != token;
  }
  report.expect(same, "a draw is a function of seed and index");
  report.expect(differences > 180, "another seed draws others");
  // The first outputs of SplitMix64 from 0, as its author publishes them.
  report.expect(uniform_at(0, 0) == static_cast<double>(0xE220A8397B1DCDAFu >> 11) * 0x1.0p-53,
                "SplitMix64, first");
  report.expect(uniform_at(0, 1) == static_cast<double>(0x6E789E6AA1B965F4u >> 11) * 0x1.0p-53,
                "SplitMix64, second");
}

}  // namespace
}  // namespace loadmark::check

int main() {
  loadmark::check::Reporter report;
  loadmark::check::check_filters(report);
  loadmark::check::check_not_numbers(report);
  loadmark::check::check_seeds(report);
  std::printf("sampler_check: %lld checks, %lld failures\n",
              static_cast<long long>(report.checks()), static_cast<long long>(report.failures()));
  return report.failures() == 0 ? 0 : 1;
}
