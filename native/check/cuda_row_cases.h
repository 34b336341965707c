// Operators over rows and the choice of tokens on the GPU, against their CPU twins.
#pragma once

#include "check/cuda_cases.h"
#include "engine/sampler.h"

namespace loadmark::check {

inline void check_gpu_rows(const GpuCases& c) {
  using gpu_ops::Activation;
  for (const Activation activation : {Activation::kFloat16, Activation::kBFloat16}) {
    const double unit = rounding_of(activation);
    for (const int64_t dim : {8, 136, 1000, 4096}) {
      for (const int64_t rows : {1, 7, 65}) {
        const std::string what = std::string("gpu ") + gpu_ops::activation_name(activation) +
                                 " rows " + std::to_string(rows) + " dim " + std::to_string(dim);
        std::vector<float> x = c.cases.normal(rows * dim, 3.0f), weight = c.cases.normal(dim);
        std::vector<int32_t> order(static_cast<size_t>(rows));
        for (int32_t& row : order) row = static_cast<int32_t>(c.cases.below(rows));
        std::vector<float> gathered, y(x.size());
        for (const int32_t row : order)
          gathered.insert(gathered.end(), x.begin() + row * dim, x.begin() + (row + 1) * dim);
        ops::rmsnorm(c.cpu, gathered.data(), weight.data(), 1e-5f, rows, dim, y.data());
        const auto gpu_x = to_gpu(x), gpu_weight = to_gpu(weight), gpu_order = to_gpu(order);
        const Poisoned out(c, y.size() * 2);
        gpu_ops::rmsnorm(c.gpu, activation, gpu_x.as<float>(), gpu_order.as<int32_t>(),
                         gpu_weight.as<float>(), 1e-5f, rows, dim, out.data());
        c.report.near(what + " rmsnorm", from_bits(activation, out.take<uint16_t>(c, what)),
                      std::vector<double>(y.begin(), y.end()),
                      [&](size_t i) { return 1e-6 + 1.1 * unit * std::fabs(double{y[i]}); });

        std::vector<float> gate_up = c.cases.normal(rows * 2 * dim, 2.0f);
        for (float& value : gate_up) value = round_activation(activation, value);
        ops::silu_mul(c.cpu, gate_up.data(), rows, dim, y.data());
        const auto gpu_gate_up = to_gpu(to_bits(activation, gate_up));
        const Poisoned product(c, y.size() * 2);
        gpu_ops::silu_mul(c.gpu, activation, gpu_gate_up.as<void>(), rows, dim, product.data());
        c.report.near(what + " silu_mul", from_bits(activation, product.take<uint16_t>(c, what)),
                      std::vector<double>(y.begin(), y.end()),
                      [&](size_t i) { return 1e-5 + 1.1 * unit * std::fabs(double{y[i]}); });
      }
    }
    const int64_t vocab = 50, dim = 72;
    const std::vector<uint16_t> table = to_bits(activation, c.cases.normal(vocab * dim));
    const std::vector<int32_t> tokens = {3, -1, 49, -2, 0}, previous = {7, 11};
    const auto gpu_table = to_gpu(table), gpu_tokens = to_gpu(tokens), gpu_prev = to_gpu(previous);
    const Poisoned out(c, tokens.size() * dim * 4);
    gpu_ops::embedding(
        c.gpu, gpu_table.as<void>(),
        activation == Activation::kFloat16 ? ops::WeightType::kFloat16 : ops::WeightType::kBFloat16,
        gpu_tokens.as<int32_t>(), gpu_prev.as<int32_t>(), 5, dim, static_cast<float*>(out.data()));
    const std::vector<float> values = from_bits(activation, table);
    const std::vector<float> got = out.take<float>(c, "gpu embedding");
    const int64_t meant[] = {3, 7, 49, 11, 0};
    for (int64_t row = 0; row < 5; ++row)
      c.report.same_bits("gpu embedding", got.data() + row * dim, values.data() + meant[row] * dim,
                         static_cast<size_t>(dim));
  }
}

// Rows of logits with what is asked of each, and the token that the CPU gives.
struct TokenRows {
  std::vector<float> logits;
  std::vector<gpu_ops::SamplingRow> terms;
  std::vector<int32_t> banned, want;
};
constexpr int64_t kTokenRows = 40, kFirstPlainRow = 23;  // before it stand rows with no numbers

// The first and last token, those where lanes, warps and turns of a block meet, and one between.
inline void plant_ties(float* values, int64_t vocab) {
  for (const int64_t token :
       {int64_t{0}, int64_t{31}, int64_t{32}, int64_t{1023}, int64_t{1024}, vocab / 2, vocab - 1})
    if (token < vocab) values[token] = 11.0f;
}

inline void plant_no_numbers(float* values, int64_t vocab, int64_t row) {
  if (row == 8) std::fill_n(values, vocab, NAN);
  if (row == 12) values[vocab / 3] = INFINITY;
  if (row == 20 || row == 21) values[7] = values[vocab - 2] = NAN;  // greedy and drawn
  if (row == 22) std::fill_n(values, vocab, -INFINITY);             // but for what is banned
}

inline TokenRows draw_token_rows(const GpuCases& c, int64_t vocab) {
  TokenRows rows;
  rows.logits = c.cases.normal(kTokenRows * vocab, 2.0f);
  Sampler sampler(vocab);
  for (int64_t row = 0; row < kTokenRows; ++row) {
    float* values = rows.logits.data() + row * vocab;
    gpu_ops::SamplingRow t = {};
    t.top_p = 1;
    if (row % 4 != 0) t.temperature = 0.3 + 0.2 * static_cast<double>(row % 7);
    if (row % 4 == 2 || row % 8 == 7) t.top_k = static_cast<int32_t>(1 + c.cases.below(20));
    if (row % 4 == 3) t.top_p = 0.1 + 0.09 * static_cast<double>(c.cases.below(10));
    t.seed = c.cases.random(), t.index = static_cast<uint64_t>(row);
    if (row % 5 == 1) plant_ties(values, vocab);
    plant_no_numbers(values, vocab, row);
    t.first_banned = static_cast<int32_t>(rows.banned.size());
    std::vector<float> allowed(values, values + vocab);
    if (row % 3 == 1) {  // the largest two, at the edges, and one of the ties
      for (const int64_t token : {int64_t{0}, vocab - 1, vocab / 2}) {
        values[token] = 12.0f;
        allowed[static_cast<size_t>(token)] = -INFINITY;
        rows.banned.push_back(static_cast<int32_t>(token));
      }
      t.banned = 3;
    }
    int32_t best = 0;
    ops::argmax(c.cpu, allowed.data(), 1, vocab, &best);
    if (!std::isfinite(allowed[static_cast<size_t>(best)])) {
      best = -1;
    } else if (t.temperature > 0) {
      best = sampler.draw(allowed.data(), {t.temperature, t.top_k, t.top_p, t.seed}, t.index);
    }
    rows.terms.push_back(t);
    rows.want.push_back(best);
  }
  return rows;
}

inline void check_gpu_choice(const GpuCases& c, int64_t vocab, const TokenRows& rows) {
  const auto logits = to_gpu(rows.logits), terms = to_gpu(rows.terms), banned = to_gpu(rows.banned);
  const Poisoned out(c, rows.want.size() * 4);
  gpu_ops::choose_tokens(c.gpu, logits.as<float>(), terms.as<gpu_ops::SamplingRow>(),
                         banned.as<int32_t>(), kTokenRows, vocab,
                         static_cast<int32_t*>(out.data()));
  const std::string what = "gpu choose_tokens vocab " + std::to_string(vocab);
  const std::vector<int32_t> got = out.take<int32_t>(c, what);
  for (size_t row = 0; row < got.size(); ++row) {
    c.report.expect(got[row] == rows.want[row], what + " row " + std::to_string(row) + ": " +
                                                    std::to_string(got[row]) + ", should be " +
                                                    std::to_string(rows.want[row]));
  }
}

// The best of each half of the vocabulary, banned tokens of either half left out.
inline void check_gpu_best(const GpuCases& c, int64_t vocab, const TokenRows& rows) {
  const auto terms = to_gpu(rows.terms), banned = to_gpu(rows.banned);
  const int64_t cut = vocab / 2;
  for (const int64_t first : {int64_t{0}, cut}) {
    const int64_t columns = first == 0 ? cut : vocab - cut;
    const std::string what = "gpu best_tokens of tokens " + std::to_string(first) + " to " +
                             std::to_string(first + columns) + " of " + std::to_string(vocab);
    std::vector<float> part, want_best;
    std::vector<int32_t> want;
    for (int64_t row = 0; row < kTokenRows; ++row) {
      const auto from = rows.logits.begin() + row * vocab + first;
      part.insert(part.end(), from, from + columns);
      const gpu_ops::SamplingRow& t = rows.terms[static_cast<size_t>(row)];
      std::vector<float> allowed(from, from + columns);
      for (int32_t i = 0; i < t.banned; ++i) {
        const int64_t at = rows.banned[static_cast<size_t>(t.first_banned + i)] - first;
        if (at >= 0 && at < columns) allowed[static_cast<size_t>(at)] = -INFINITY;
      }
      want_best.push_back(-INFINITY);
      want.push_back(INT32_MAX);
      for (int64_t i = 0; i < columns; ++i) {
        if (!(allowed[static_cast<size_t>(i)] > want_best.back())) continue;
        want_best.back() = allowed[static_cast<size_t>(i)];
        want.back() = static_cast<int32_t>(first + i);
      }
    }
    const auto logits = to_gpu(part);
    const Poisoned best(c, want.size() * 4), token(c, want.size() * 4);
    gpu_ops::best_tokens(c.gpu, logits.as<float>(), terms.as<gpu_ops::SamplingRow>(),
                         banned.as<int32_t>(), kTokenRows, columns, first,
                         static_cast<float*>(best.data()), static_cast<int32_t*>(token.data()));
    const std::vector<float> got_best = best.take<float>(c, what);
    const std::vector<int32_t> got = token.take<int32_t>(c, what);
    for (size_t row = 0; row < got.size(); ++row) {
      c.report.expect(got[row] == want[row] && got_best[row] == want_best[row],
                      what + " row " + std::to_string(row) + ": " + std::to_string(got[row]) +
                          ", should be " + std::to_string(want[row]));
    }
  }
}

inline void check_gpu_log_probability(const GpuCases& c, int64_t vocab,
                                      const std::vector<float>& logits) {
  const std::string what = "gpu log_probability vocab " + std::to_string(vocab);
  std::vector<int32_t> target_row, targets;
  std::vector<double> want;
  for (int64_t i = 0; i < 30; ++i) {
    const int64_t row = kFirstPlainRow + c.cases.below(kTokenRows - kFirstPlainRow);
    target_row.push_back(static_cast<int32_t>(row));
    targets.push_back(static_cast<int32_t>(i == 0 ? 0 : i == 1 ? vocab - 1 : c.cases.below(vocab)));
    want.push_back(0);
    ops::log_probability(c.cpu, logits.data() + row * vocab, 1, vocab, &targets.back(),
                         &want.back());
  }
  const auto there = to_gpu(logits), gpu_rows = to_gpu(target_row), gpu_targets = to_gpu(targets);
  const Poisoned out(c, targets.size() * 8);
  gpu_ops::log_probability(c.gpu, there.as<float>(), vocab, gpu_rows.as<int32_t>(),
                           gpu_targets.as<int32_t>(), 30, static_cast<double*>(out.data()));
  c.report.near(what, out.take<double>(c, what), want,
                [](size_t) { return 1e-6; });  // the twin takes fp32 exponentials
}

inline void check_gpu_tokens(const GpuCases& c) {
  for (const int64_t vocab : {33, 1024, 32000, 128256, 151936}) {
    if (c.cases.quick && (vocab == 32000 || vocab == 151936)) continue;
    const TokenRows rows = draw_token_rows(c, vocab);
    check_gpu_choice(c, vocab, rows);
    check_gpu_best(c, vocab, rows);
    check_gpu_log_probability(c, vocab, rows.logits);
  }
}

}  // namespace loadmark::check
