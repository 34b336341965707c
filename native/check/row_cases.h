// The light operators (norms, elementwise, rope, embedding, logits, hessian) against
// double-precision computations.
#pragma once

#include <algorithm>

#include "check/ops_cases.h"

namespace loadmark::check {

inline std::string dims(const char* name, int64_t rows, int64_t dim, ops::Isa isa) {
  return std::string(name) + " " + std::to_string(rows) + " x " + std::to_string(dim) +
         isa_tag(isa);
}

inline void check_rmsnorm(Cases& cases, const ops::Context& context, int64_t rows, int64_t dim) {
  const std::vector<float> x = cases.normal(rows * dim, 3.0f), weight = cases.normal(dim);
  std::vector<float> y = poisoned(rows * dim + 1);
  ops::rmsnorm(context, x.data(), weight.data(), 1e-5f, rows, dim, y.data());
  std::vector<double> want;
  for (int64_t row = 0; row < rows; ++row) {
    double squares = 0;
    for (int64_t i = 0; i < dim; ++i)
      squares += std::pow(double{x[static_cast<size_t>(row * dim + i)]}, 2);
    const double scale = 1.0 / std::sqrt(squares / static_cast<double>(dim) + double{1e-5f});
    for (int64_t i = 0; i < dim; ++i) {
      want.push_back(double{x[static_cast<size_t>(row * dim + i)]} * scale *
                     double{weight[static_cast<size_t>(i)]});
    }
  }
  const double relative =
      context.isa == ops::Isa::kPlain ? 3e-5 : 1e-6;  // plain adds one after the other
  cases.report.near(dims("rmsnorm", rows, dim, context.isa), y, want,
                    [&](size_t i) { return 1e-7 + relative * std::fabs(want[i]); });
  cases.report.expect(std::isnan(y.back()),
                      dims("rmsnorm", rows, dim, context.isa) + ": wrote past its end");
  std::vector<float> last = poisoned(dim);
  ops::rmsnorm(context, x.data() + (rows - 1) * dim, weight.data(), 1e-5f, 1, dim, last.data());
  cases.report.same_bits(dims("rmsnorm alone", rows, dim, context.isa), last.data(),
                         y.data() + (rows - 1) * dim, last.size());
}

inline void check_layernorm(Cases& cases, const ops::Context& context, int64_t rows, int64_t dim) {
  std::vector<float> x = cases.normal(rows * dim, 3.0f);
  for (float& value : x) value += 5.0f;  // a mean to take out
  const std::vector<float> weight = cases.normal(dim), bias = cases.normal(dim);
  std::vector<float> y = poisoned(rows * dim + 1);
  ops::layernorm(context, x.data(), weight.data(), bias.data(), 1e-5f, rows, dim, y.data());
  std::vector<double> want;
  for (int64_t row = 0; row < rows; ++row) {
    const float* values = x.data() + row * dim;
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < dim; ++i) mean += values[i] / static_cast<double>(dim);
    for (int64_t i = 0; i < dim; ++i) squares += std::pow(values[i] - mean, 2);
    const double scale = 1.0 / std::sqrt(squares / static_cast<double>(dim) + double{1e-5f});
    for (int64_t i = 0; i < dim; ++i) {
      want.push_back((values[i] - mean) * scale * double{weight[static_cast<size_t>(i)]} +
                     double{bias[static_cast<size_t>(i)]});
    }
  }
  // The mean's own rounding, in units of the deviation, comes on top of the relative one.
  const double bound = context.isa == ops::Isa::kPlain ? 5e-5 : 4e-6;
  const std::string what = dims("layernorm", rows, dim, context.isa);
  cases.report.near(what, y, want, [&](size_t i) { return bound * (1 + std::fabs(want[i])); });
  cases.report.expect(std::isnan(y.back()), what + ": wrote past its end");
  std::vector<float> last = poisoned(dim);
  ops::layernorm(context, x.data() + (rows - 1) * dim, weight.data(), bias.data(), 1e-5f, 1, dim,
                 last.data());
  cases.report.same_bits(what + " alone", last.data(), y.data() + (rows - 1) * dim, last.size());
}

// Every head equals rmsnorm of that head by itself; what lies between rows stays.
inline void check_head_rmsnorm(Cases& cases, const ops::Context& context, int64_t rows,
                               int64_t heads, int64_t head_dim) {
  const int64_t stride = heads * head_dim + 3;
  std::vector<float> x = cases.normal(rows * stride), want = x;
  const std::vector<float> weight = cases.normal(head_dim);
  for (int64_t i = 0; i < rows * heads; ++i) {
    float* head = want.data() + i / heads * stride + i % heads * head_dim;
    const std::vector<float> before(head, head + head_dim);
    ops::rmsnorm(context, before.data(), weight.data(), 1e-6f, 1, head_dim, head);
  }
  ops::head_rmsnorm(context, x.data(), stride, weight.data(), 1e-6f, rows, heads, head_dim);
  cases.report.same_bits(dims("head_rmsnorm", rows, head_dim, context.isa), x.data(), want.data(),
                         x.size());
}

inline void check_add_bias(Cases& cases, const ops::Context& context, int64_t rows, int64_t dim) {
  const std::vector<float> bias = cases.normal(dim);
  std::vector<float> y = cases.normal(rows * dim + 1), want = y;
  for (int64_t i = 0; i < rows * dim; ++i)
    want[static_cast<size_t>(i)] += bias[static_cast<size_t>(i % dim)];
  ops::add_bias(context, bias.data(), rows, dim, y.data());
  cases.report.same_bits(dims("add_bias", rows, dim, context.isa), y.data(), want.data(), y.size());
}

inline void check_gelu_new(Cases& cases, const ops::Context& context, int64_t count) {
  std::vector<float> x = cases.normal(count, 3.0f);
  for (const float edge : {-40.0f, -9.0f, 0.0f, 1e-8f, 12.0f, 1e6f, -1e6f})
    x[static_cast<size_t>(cases.below(count))] = edge;
  std::vector<float> y = poisoned(count + 1);
  ops::gelu_new(context, x.data(), count, y.data());
  std::vector<double> want;
  for (const float value : x) {
    const double v = value, u = std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v);
    want.push_back(v / (1 + std::exp(-2 * u)));
  }
  // exp carries the relative rounding of u, which is at most about 50 where the result is no zero.
  const std::string what = dims("gelu_new", 1, count, context.isa);
  cases.report.near(what, y, want, [&](size_t i) { return 1e-30 + 3e-5 * std::fabs(want[i]); });
  cases.report.expect(std::isnan(y.back()), what + ": wrote past its end");
}

inline void check_add(Cases& cases, const ops::Context& context, int64_t count) {
  const std::vector<float> x = cases.normal(count), before = cases.normal(count + 1);
  std::vector<float> y = before, want = before;
  for (size_t i = 0; i < x.size(); ++i) want[i] += x[i];
  ops::add(context, x.data(), count, y.data());
  cases.report.same_bits(dims("add", 1, count, context.isa), y.data(), want.data(), y.size());
}

inline void check_silu_mul(Cases& cases, const ops::Context& context, int64_t rows, int64_t dim) {
  std::vector<float> gate_up = cases.normal(rows * 2 * dim, 4.0f);
  for (const float edge : {-86.0f, -30.0f, 0.0f, 40.0f, 100.0f, -200.0f}) {
    gate_up[static_cast<size_t>(cases.below(rows) * 2 * dim + cases.below(dim))] = edge;
  }
  std::vector<float> y = poisoned(rows * dim + 1);
  ops::silu_mul(context, gate_up.data(), rows, dim, y.data());
  std::vector<double> want;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < dim; ++i) {
      const double gate = gate_up[static_cast<size_t>(row * 2 * dim + i)];
      want.push_back(gate / (1 + std::exp(-gate)) *
                     double{gate_up[static_cast<size_t>((row * 2 + 1) * dim + i)]});
    }
  }
  cases.report.near(dims("silu_mul", rows, dim, context.isa), y, want,
                    [&](size_t i) { return 1e-36 + 6e-7 * std::fabs(want[i]); });
  cases.report.expect(std::isnan(y.back()),
                      dims("silu_mul", rows, dim, context.isa) + ": wrote past its end");
}

// Of each head the first `turned` dimensions turn.
inline void check_rope(Cases& cases, const ops::Context& context, int64_t rows, int64_t heads,
                       int64_t head_dim, int64_t turned, bool interleaved) {
  const int64_t stride = heads * head_dim + 5;
  const std::vector<float> before = cases.normal(rows * stride);
  std::vector<float> x = before, frequencies;
  std::vector<int32_t> positions;
  for (int64_t i = 0; i < turned / 2; ++i) {
    frequencies.push_back(static_cast<float>(
        std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(turned))));
  }
  for (int64_t row = 0; row < rows; ++row)
    positions.push_back(static_cast<int32_t>(cases.below(row % 2 == 0 ? 100 : 131072)));
  ops::rope(context, x.data(), stride, positions.data(), {frequencies.data(), turned, interleaved},
            rows, heads, head_dim);
  std::vector<double> want(before.begin(), before.end());
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < heads * head_dim; ++i) {
      const int64_t d = i % head_dim, half = turned / 2;
      if (d >= turned) continue;
      const int64_t pair = interleaved ? d / 2 : d % half;
      const float angle = static_cast<float>(positions[static_cast<size_t>(row)]) *
                          frequencies[static_cast<size_t>(pair)];
      const bool first = interleaved ? d % 2 == 0 : d < half;
      const int64_t other_at = i + (first ? 1 : -1) * (interleaved ? 1 : half);
      const double own = before[static_cast<size_t>(row * stride + i)];
      const double other = before[static_cast<size_t>(row * stride + other_at)];
      want[static_cast<size_t>(row * stride + i)] =
          own * std::cos(double{angle}) + (first ? -other : other) * std::sin(double{angle});
    }
  }
  cases.report.near(dims(interleaved ? "rope interleaved" : "rope", rows, turned, context.isa), x,
                    want, [](size_t) { return 3e-6; });
}

inline void check_embedding(Cases& cases, const ops::Context& context, int64_t rows, int64_t dim) {
  using ops::WeightType;
  const int64_t vocab = 50;
  for (const WeightType type :
       {WeightType::kFloat32, WeightType::kBFloat16, WeightType::kFloat16}) {
    const std::vector<float> source = cases.normal(vocab * dim);
    std::vector<float> table32;
    std::vector<uint16_t> table16;
    for (const float value : source) {
      const double kept = type == WeightType::kFloat32    ? double{value}
                          : type == WeightType::kBFloat16 ? round_to_bfloat16(value)
                                                          : round_to_float16(value);
      table32.push_back(static_cast<float>(kept));
      table16.push_back(type == WeightType::kBFloat16 ? bfloat16_bits(kept) : float16_bits(kept));
    }
    std::vector<int32_t> tokens;
    for (int64_t row = 0; row < rows; ++row)
      tokens.push_back(static_cast<int32_t>(cases.below(vocab)));
    std::vector<float> y = poisoned(rows * dim), want;
    const void* table =
        type == WeightType::kFloat32 ? static_cast<const void*>(table32.data()) : table16.data();
    ops::embedding(context, table, type, tokens.data(), rows, dim, y.data());
    for (const int32_t token : tokens)
      want.insert(want.end(), table32.begin() + token * dim, table32.begin() + (token + 1) * dim);
    cases.report.same_bits(dims("embedding", rows, dim, context.isa), y.data(), want.data(),
                           y.size());
  }
}

inline void check_logits(Cases& cases, const ops::Context& context, int64_t rows, int64_t vocab) {
  std::vector<float> logits = cases.normal(rows * vocab, 5.0f);
  if (vocab > 2) {  // ties, a NaN that must not win, a row of nothing but -infinity
    for (int64_t i = 0; i < 3; ++i) logits[static_cast<size_t>(cases.below(vocab))] = 1000.0f;
    if (rows > 1) std::fill_n(logits.begin() + vocab, vocab, -INFINITY);
    if (rows > 2) logits[static_cast<size_t>(2 * vocab + cases.below(vocab))] = NAN;
  }
  std::vector<int32_t> got(static_cast<size_t>(rows), -7), targets;
  ops::argmax(context, logits.data(), rows, vocab, got.data());
  bool right = true;
  for (int64_t row = 0; row < rows; ++row) {
    int32_t best = 0;
    double largest = -INFINITY;
    for (int64_t i = 0; i < vocab; ++i) {
      const double value = logits[static_cast<size_t>(row * vocab + i)];
      if (value > largest) {
        largest = value;
        best = static_cast<int32_t>(i);
      }
    }
    right = right && got[static_cast<size_t>(row)] == best;
    targets.push_back(static_cast<int32_t>(cases.below(vocab)));
  }
  cases.report.expect(right, dims("argmax", rows, vocab, context.isa));
  const std::vector<float> plain = cases.normal(rows * vocab, 8.0f);
  std::vector<double> log_probability(static_cast<size_t>(rows), NAN), want;
  ops::log_probability(context, plain.data(), rows, vocab, targets.data(), log_probability.data());
  for (int64_t row = 0; row < rows; ++row) {
    const float* x = plain.data() + row * vocab;
    const double largest = *std::max_element(x, x + vocab);
    double sum = 0;
    for (int64_t i = 0; i < vocab; ++i) sum += std::exp(double{x[i]} - largest);
    want.push_back(double{x[targets[static_cast<size_t>(row)]]} - largest - std::log(sum));
  }
  cases.report.near(dims("log_probability", rows, vocab, context.isa), log_probability, want,
                    [](size_t) { return 5e-7; });
}

inline void check_hessian(Cases& cases, const ops::Context& context, int64_t rows, int64_t k) {
  const std::vector<float> x = cases.normal(rows * k);
  std::vector<double> hessian(static_cast<size_t>(k * k)), want;
  for (double& value : hessian) value = static_cast<double>(cases.below(1000));
  want = hessian;
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = i; j < k; ++j) {
      for (int64_t row = 0; row < rows; ++row) {
        want[static_cast<size_t>(i * k + j)] += double{x[static_cast<size_t>(row * k + i)]} *
                                                double{x[static_cast<size_t>(row * k + j)]};
      }
    }
  }
  ops::accumulate_hessian(context, x.data(), rows, k, hessian.data());
  cases.report.near(dims("accumulate_hessian", rows, k, context.isa), hessian, want,
                    [](size_t) { return 1e-10; });
}

inline void check_rows(Cases& cases) {
  for (const ops::Isa isa : cases.isas) {
    const ops::Context context{&cases.two, isa, ops::ActivationType::kFloat32};
    for (const int64_t dim : {8, 15, 16, 17, 64, 100, 344, 4096}) {
      for (const int64_t rows : {1, 2, 3, 7, 16, 17, 64, 65}) {
        if (dim * rows > 70000) continue;
        check_rmsnorm(cases, context, rows, dim);
        check_layernorm(cases, context, rows, dim);
        check_add_bias(cases, context, rows, dim);
        check_silu_mul(cases, context, rows, dim);
        check_logits(cases, context, rows, dim);
        if (rows < 8) check_embedding(cases, context, rows, dim);
      }
    }
    for (const int64_t count : {1, 15, 16, 17, 1000, 16384, 40001}) {
      check_add(cases, context, count);
      check_gelu_new(cases, context, count);
    }
    for (const int64_t head_dim : {8, 24, 64, 80, 128}) {
      for (const int64_t rows : {1, 3, 17}) {
        check_rope(cases, context, rows, 3, head_dim, head_dim, false);
        check_rope(cases, context, rows, 3, head_dim, head_dim / 2, false);
        check_rope(cases, context, rows, 3, head_dim, head_dim / 4 * 2, true);
        check_head_rmsnorm(cases, context, rows, 3, head_dim);
      }
    }
    for (const int64_t k : {1, 2, 7, 8, 36, 37, 75, 130}) {
      for (const int64_t rows : {1, 3, 16}) check_hessian(cases, context, rows, k);
    }
    check_logits(cases, context, 3, 32003);
  }
}

}  // namespace loadmark::check
