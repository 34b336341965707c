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

inline void check_gpu_tokens(const GpuCases& c) {
  for (const int64_t vocab : {33, 1024, 32000}) {
    const int64_t rows = 40;
    std::vector<float> logits = c.cases.normal(rows * vocab, 2.0f);
    std::vector<gpu_ops::SamplingRow> terms(static_cast<size_t>(rows));
    std::vector<int32_t> banned, want(static_cast<size_t>(rows));
    Sampler sampler(vocab);
    for (int64_t row = 0; row < rows; ++row) {
      float* values = logits.data() + row * vocab;
      gpu_ops::SamplingRow& t = terms[static_cast<size_t>(row)];
      t.top_p = 1;
      if (row % 4 != 0) t.temperature = 0.3 + 0.2 * static_cast<double>(row % 7);
      if (row % 4 == 2 || row % 8 == 7) t.top_k = static_cast<int32_t>(1 + c.cases.below(20));
      if (row % 4 == 3) t.top_p = 0.1 + 0.09 * static_cast<double>(c.cases.below(10));
      t.seed = c.cases.random(), t.index = static_cast<uint64_t>(row);
      if (row % 5 == 1) values[vocab / 2] = values[vocab - 1] = 11.0f;  // a tie
      if (row == 8) std::fill_n(values, vocab, NAN);
      t.first_banned = static_cast<int32_t>(banned.size());
      if (row % 3 == 1) {
        t.banned = 2;
        banned.push_back(static_cast<int32_t>(vocab / 2));
        banned.push_back(1);
      }
      std::vector<float> copy(values, values + vocab);
      for (int32_t i = 0; i < t.banned; ++i)
        copy[static_cast<size_t>(banned[static_cast<size_t>(t.first_banned + i)])] = -INFINITY;
      int32_t best = 0;
      ops::argmax(c.cpu, copy.data(), 1, vocab, &best);
      const SamplingParams params{t.temperature, t.top_k, t.top_p, t.seed};
      want[static_cast<size_t>(row)] = !std::isfinite(copy[static_cast<size_t>(best)]) ? -1
                                       : t.temperature > 0
                                           ? sampler.draw(copy.data(), params, t.index)
                                           : best;
    }
    const auto gpu_logits = to_gpu(logits), gpu_terms = to_gpu(terms), gpu_banned = to_gpu(banned);
    const Poisoned out(c, want.size() * 4);
    gpu_ops::choose_tokens(c.gpu, gpu_logits.as<float>(), gpu_terms.as<gpu_ops::SamplingRow>(),
                           gpu_banned.as<int32_t>(), rows, vocab,
                           static_cast<int32_t*>(out.data()));
    const std::vector<int32_t> got = out.take<int32_t>(c, "gpu choose_tokens");
    for (size_t row = 0; row < want.size(); ++row) {
      c.report.expect(got[row] == want[row], "gpu choose_tokens vocab " + std::to_string(vocab) +
                                                 " row " + std::to_string(row) + ": " +
                                                 std::to_string(got[row]) + ", should be " +
                                                 std::to_string(want[row]));
    }

    std::vector<int32_t> target_row, targets;
    std::vector<double> log_probs;
    for (int64_t i = 0; i < 30; ++i) {
      int64_t row = c.cases.below(rows);
      if (row == 8) row = 9;
      target_row.push_back(static_cast<int32_t>(row));
      targets.push_back(static_cast<int32_t>(c.cases.below(vocab)));
      double value = 0;
      ops::log_probability(c.cpu, logits.data() + row * vocab, 1, vocab, &targets.back(), &value);
      log_probs.push_back(value);
    }
    const auto fresh = to_gpu(logits), rows_there = to_gpu(target_row), there = to_gpu(targets);
    const Poisoned scores(c, targets.size() * 8);
    gpu_ops::log_probability(c.gpu, fresh.as<float>(), vocab, rows_there.as<int32_t>(),
                             there.as<int32_t>(), 30, static_cast<double*>(scores.data()));
    c.report.near("gpu log_probability", scores.take<double>(c, "gpu log_probability"), log_probs,
                  [](size_t) { return 1e-6; });  // the twin takes fp32 exponentials
  }
}

}  // namespace loadmark::check
