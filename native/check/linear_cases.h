// linear against a double-precision computation of its own, over awkward shapes, every weight
// format and activation type; and bit for bit against itself with other row and thread counts.
#pragma once

#include <algorithm>
#include <numeric>

#include "check/ops_cases.h"

namespace loadmark::check {

constexpr int64_t kMostRows = 65;

// A weight with what the reference needs to know about it.
struct LinearCase {
  std::string name;
  ops::LinearWeight packed;
  std::vector<double> w;  // (n, k)
  std::vector<std::vector<int>>
      segments;  // columns that share an activation scale when x is rounded to int8
};

inline std::vector<std::vector<int>> runs_of(const std::vector<int>& columns,
                                             const std::vector<int>& group, size_t longest) {
  std::vector<std::vector<int>> runs;
  for (const int column : columns) {
    const bool fresh =
        runs.empty() || runs.back().size() == longest ||
        group[static_cast<size_t>(runs.back().front())] != group[static_cast<size_t>(column)];
    if (fresh) runs.emplace_back();
    runs.back().push_back(column);
  }
  return runs;
}

inline LinearCase float_case(Cases& cases, ops::WeightType type, int64_t n, int64_t k) {
  std::vector<float> w = cases.normal(n * k, 0.05f);
  LinearCase result;
  std::vector<uint16_t> bits(w.size());
  for (size_t i = 0; i < w.size(); ++i) {
    if (type == ops::WeightType::kFloat32) result.w.push_back(w[i]);
    if (type == ops::WeightType::kBFloat16) result.w.push_back(round_to_bfloat16(w[i]));
    if (type == ops::WeightType::kFloat16) result.w.push_back(round_to_float16(w[i]));
    bits[i] =
        type == ops::WeightType::kBFloat16 ? bfloat16_bits(result.w[i]) : float16_bits(result.w[i]);
  }
  result.name = type == ops::WeightType::kFloat32    ? "fp32"
                : type == ops::WeightType::kBFloat16 ? "bf16"
                                                     : "fp16";
  result.packed = type == ops::WeightType::kFloat32    ? ops::pack_float32(w.data(), n, k)
                  : type == ops::WeightType::kBFloat16 ? ops::pack_bfloat16(bits.data(), n, k)
                                                       : ops::pack_float16(bits.data(), n, k);
  return result;
}

inline LinearCase int8_case(Cases& cases, int64_t n, int64_t k) {
  LinearCase result;
  result.name = "int8";
  std::vector<int8_t> q(static_cast<size_t>(n * k));
  std::vector<float> scale(static_cast<size_t>(n));
  for (int8_t& value : q) value = static_cast<int8_t>(cases.below(256) - 128);
  for (float& value : scale) value = 0.0001f * static_cast<float>(1 + cases.below(50));
  for (size_t i = 0; i < q.size(); ++i)
    result.w.push_back(double{scale[i / static_cast<size_t>(k)]} * q[i]);
  result.packed = ops::pack_int8(q.data(), scale.data(), n, k);
  std::vector<int> columns(static_cast<size_t>(k));
  std::iota(columns.begin(), columns.end(), 0);
  result.segments = runs_of(columns, std::vector<int>(columns.size(), 0), 64);
  return result;
}

inline LinearCase int8_groups_case(Cases& cases, int64_t n, int64_t k) {
  Int8Groups w;
  w.n = n, w.k = k, w.group_size = 32;
  w.q.resize(static_cast<size_t>(n * k));
  w.scale.resize(static_cast<size_t>(w.groups() * n));
  for (int8_t& value : w.q) value = static_cast<int8_t>(cases.below(256) - 128);
  for (float& value : w.scale)
    value = static_cast<float>(round_to_float16(0.0001 * static_cast<double>(1 + cases.below(50))));
  LinearCase result;
  result.name = "int8 g32";
  std::vector<float> values(w.q.size());
  dequantize(w, values.data());
  result.w.assign(values.begin(), values.end());
  result.packed = ops::pack_int8(w);
  std::vector<int> columns(static_cast<size_t>(k)), group;
  std::iota(columns.begin(), columns.end(), 0);
  for (const int column : columns) group.push_back(column / 32);
  result.segments = runs_of(columns, group, 32);
  return result;
}

// kScattered: of twice as many groups as the columns fill, what a part of a linear has.
enum class GroupOrder { kNatural, kActOrder, kUneven, kScattered };
constexpr const char* kOrderNames[] = {"", " act-order", " uneven g_idx", " scattered g_idx"};

inline Int4Weight random_int4(Cases& cases, int64_t n, int64_t k, int64_t group_size,
                              bool symmetric, GroupOrder order) {
  Int4Weight w;
  w.n = n, w.k = k, w.group_size = group_size, w.symmetric = symmetric;
  if (order == GroupOrder::kScattered) w.group_count = 2 * w.groups();
  const auto groups = static_cast<size_t>(w.groups());
  w.q.resize(static_cast<size_t>(n * k));
  for (uint8_t& value : w.q) value = static_cast<uint8_t>(cases.below(16));
  w.scale.resize(groups * static_cast<size_t>(n));
  for (float& value : w.scale)
    value = static_cast<float>(round_to_float16(0.001 * static_cast<double>(1 + cases.below(30))));
  w.zero.resize(w.scale.size(), 8);
  if (!symmetric) {
    for (uint8_t& value : w.zero) value = static_cast<uint8_t>(cases.below(16));
  }
  if (order == GroupOrder::kNatural) return w;
  w.g_idx.resize(static_cast<size_t>(k));
  for (int64_t i = 0; i < k; ++i) {
    w.g_idx[static_cast<size_t>(i)] = static_cast<int32_t>(
        order == GroupOrder::kActOrder ? i / group_size : cases.below(w.groups()));
  }
  std::shuffle(w.g_idx.begin(), w.g_idx.end(), cases.random);
  return w;
}

// `offsets`: in place of zero points.
inline LinearCase int4_case(Cases& cases, int64_t n, int64_t k, int64_t group_size, bool symmetric,
                            GroupOrder order, bool offsets = false) {
  Int4Weight w = random_int4(cases, n, k, group_size, symmetric, order);
  if (offsets) {
    w.zero.clear();
    for (size_t i = 0; i < w.scale.size(); ++i)
      w.offset.push_back(
          static_cast<float>(round_to_float16(-0.001 * static_cast<double>(cases.below(300)))));
  }
  LinearCase result;
  result.name = "int4 g" + std::to_string(group_size) +
                (offsets     ? " offset"
                 : symmetric ? " sym"
                             : " asym") +
                kOrderNames[static_cast<int>(order)];
  std::vector<int> group(static_cast<size_t>(k));
  for (int64_t column = 0; column < k; ++column) {
    const int64_t natural = column / group_size;
    group[static_cast<size_t>(column)] =
        w.g_idx.empty() ? static_cast<int>(natural) : w.g_idx[static_cast<size_t>(column)];
  }
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t column = 0; column < k; ++column) {
      const auto at = static_cast<size_t>(group[static_cast<size_t>(column)] * n + row);
      const int q = w.q[static_cast<size_t>(row * k + column)];
      result.w.push_back(offsets ? double{w.scale[at]} * q + double{w.offset[at]}
                                 : double{w.scale[at]} * (q - w.zero[at]));
    }
  }
  std::vector<int> columns(static_cast<size_t>(k));
  std::iota(columns.begin(), columns.end(), 0);
  std::stable_sort(columns.begin(), columns.end(), [&](int a, int b) {
    return group[static_cast<size_t>(a)] < group[static_cast<size_t>(b)];
  });
  result.segments =
      runs_of(columns, group, group_size <= 128 ? static_cast<size_t>(group_size) : 64);
  result.packed = ops::pack_int4(w);
  return result;
}

// One row of x after rounding to int8 by segment, in double, as ops.h promises; bound: half a step
// of each.
inline void round_row(const LinearCase& item, const float* x, double* rounded, double* half_step) {
  for (const std::vector<int>& segment : item.segments) {
    float absmax = 0;
    for (const int column : segment) absmax = std::max(absmax, std::fabs(x[column]));
    for (const int column : segment) {
      const float q = absmax > 0 ? std::nearbyint(x[column] * (127.0f / absmax)) : 0.0f;
      rounded[column] = double{q} * double{absmax / 127.0f};
      half_step[column] = 0.5001 * double{absmax} / 127.0;
    }
  }
}

struct LinearReference {
  std::vector<double> exact, rounded, magnitude, rounding_bound;  // (rows, n)
};

inline LinearReference linear_reference(const LinearCase& item, const std::vector<float>& x,
                                        int64_t n, int64_t k) {
  LinearReference reference;
  std::vector<double> rounded(static_cast<size_t>(k)), half_step(static_cast<size_t>(k));
  for (int64_t row = 0; row < kMostRows; ++row) {
    const float* values = x.data() + row * k;
    round_row(item, values, rounded.data(), half_step.data());
    for (int64_t out = 0; out < n; ++out) {
      const double* w = item.w.data() + out * k;
      double exact = 0, with_rounding = 0, magnitude = 0, bound = 0;
      for (int64_t i = 0; i < k; ++i) {
        exact += w[i] * double{values[i]};
        with_rounding += w[i] * rounded[static_cast<size_t>(i)];
        magnitude += std::fabs(w[i] * double{values[i]});
        bound += std::fabs(w[i]) * half_step[static_cast<size_t>(i)];
      }
      reference.exact.push_back(exact);
      reference.rounded.push_back(with_rounding);
      reference.magnitude.push_back(magnitude);
      reference.rounding_bound.push_back(bound);
    }
  }
  return reference;
}

inline std::vector<float> run_linear(const ops::Context& context, const LinearCase& item,
                                     const std::vector<float>& x, int64_t rows, int64_t n) {
  std::vector<float> y = poisoned(rows * n + 1);
  ops::linear(context, item.packed, x.data(), rows, y.data());
  return y;
}

inline void check_linear_case(Cases& cases, const LinearCase& item, int64_t n, int64_t k) {
  std::vector<float> x = cases.normal(kMostRows * k);
  std::fill_n(x.begin() + 2 * k, k, 0.0f);  // a row of zeros: its scales are zero
  const LinearReference reference = linear_reference(item, x, n, k);
  const std::string shape =
      "linear " + item.name + " n " + std::to_string(n) + " k " + std::to_string(k);
  std::vector<float> other_set;
  for (const auto activations : {ops::ActivationType::kFloat32, ops::ActivationType::kInt8}) {
    const bool integer = activations == ops::ActivationType::kInt8;
    if (integer && item.segments.empty()) continue;
    other_set.clear();
    for (const ops::Isa isa : cases.isas) {
      const std::string what =
          shape + (integer ? " int8 activations" : " fp32 activations") + isa_tag(isa);
      ops::Context context{&cases.two, isa, activations};
      const std::vector<float> y = run_linear(context, item, x, kMostRows, n);
      const auto at = [](const std::vector<double>& values, size_t i) { return values[i]; };
      cases.report.near(what, y, integer ? reference.rounded : reference.exact,
                        [&](size_t i) { return 1e-6 + 3e-6 * at(reference.magnitude, i); });
      if (integer) {
        cases.report.near(what + " against unrounded", y, reference.exact, [&](size_t i) {
          return 1e-6 + at(reference.rounding_bound, i) + 3e-6 * at(reference.magnitude, i);
        });
        if (!other_set.empty())
          cases.report.same_bits(what + " against plain", y.data(), other_set.data(), y.size() - 1);
        other_set = y;
      }
      cases.report.expect(std::isnan(y.back()), what + ": wrote past its end");
      for (const int64_t rows : {1, 2, 3, 7, 16, 17, 64}) {
        const std::vector<float> fewer = run_linear(context, item, x, rows, n);
        cases.report.same_bits(what + " rows " + std::to_string(rows), fewer.data(), y.data(),
                               fewer.size() - 1);
        cases.report.expect(std::isnan(fewer.back()), what + ": wrote past its end");
      }
      for (ThreadPool* pool : {&cases.one, &cases.three}) {
        context.pool = pool;
        const std::vector<float> again = run_linear(context, item, x, 17, n);
        cases.report.same_bits(what + " threads " + std::to_string(pool->size()), again.data(),
                               y.data(), again.size() - 1);
      }
    }
  }
}

// A NaN or an infinity among the activations must reach the outputs of its row and of no other.
inline void check_linear_non_finite(Cases& cases) {
  const int64_t n = 20, k = 96;
  for (const LinearCase& item :
       {float_case(cases, ops::WeightType::kBFloat16, n, k), int8_case(cases, n, k),
        int8_groups_case(cases, n, k), int4_case(cases, n, k, 32, true, GroupOrder::kNatural)}) {
    for (const float bad : {NAN, INFINITY}) {
      std::vector<float> x = cases.normal(3 * k);
      x[static_cast<size_t>(k + cases.below(k))] = bad;
      for (const ops::Isa isa : cases.isas) {
        const ops::Context context{&cases.one, isa, ops::ActivationType::kInt8};
        const std::vector<float> y = run_linear(context, item, x, 3, n);
        bool others = true, spoiled = true;
        for (int64_t i = 0; i < n; ++i) {
          others = others && std::isfinite(y[static_cast<size_t>(i)]) &&
                   std::isfinite(y[static_cast<size_t>(2 * n + i)]);
          spoiled = spoiled && !std::isfinite(y[static_cast<size_t>(n + i)]);
        }
        cases.report.expect(others, "linear " + item.name + isa_tag(isa) +
                                        ": a non-finite row reached another row");
        cases.report.expect(
            spoiled, "linear " + item.name + isa_tag(isa) + ": a non-finite activation was lost");
      }
    }
  }
}

inline void check_linear(Cases& cases) {
  using ops::WeightType;
  std::vector<std::pair<int64_t, int64_t>> shapes = {{1, 8},    {16, 64},  {17, 40},
                                                     {33, 129}, {48, 256}, {100, 328}};
  if (!cases.quick)
    shapes.insert(shapes.end(), {{1, 1}, {5, 1000}, {31, 512}, {64, 96}, {130, 1096}});
  for (const auto& [n, k] : shapes) {
    for (const WeightType type :
         {WeightType::kFloat32, WeightType::kBFloat16, WeightType::kFloat16}) {
      check_linear_case(cases, float_case(cases, type, n, k), n, k);
    }
    check_linear_case(cases, int8_case(cases, n, k), n, k);
    check_linear_case(cases, int8_groups_case(cases, n, k), n, k);
    for (const int64_t group : {32, 128}) {
      check_linear_case(cases, int4_case(cases, n, k, group, false, GroupOrder::kNatural, true), n,
                        k);
    }
    std::vector<int64_t> groups = {k};
    for (const int64_t group : {20, 32, 64, 128}) {
      if (group < k) groups.push_back(group);
    }
    for (const int64_t group : groups) {
      for (const bool symmetric : {true, false}) {
        for (const GroupOrder order : {GroupOrder::kNatural, GroupOrder::kActOrder,
                                       GroupOrder::kUneven, GroupOrder::kScattered}) {
          check_linear_case(cases, int4_case(cases, n, k, group, symmetric, order), n, k);
        }
      }
    }
  }
  check_linear_non_finite(cases);
}

}  // namespace loadmark::check
