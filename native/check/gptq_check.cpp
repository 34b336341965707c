// Does the quantizer compute what it says? GPTQ against a plain column-by-column reading of the
// paper in double, the factor against its definition, grids and RTN against their definition, and
// the promise that GPTQ loses less.
#include <cstdio>

#include "base/thread_pool.h"
#include "check/plain_gptq.h"
#include "check/reporter.h"
#include "quant/cholesky.h"
#include "quant/gptq.h"
#include "quant/output_error.h"
#include "quant/rtn.h"

namespace loadmark::check {
namespace {

struct Case {
  int64_t n, k, rows, dead, group;
  bool symmetric, descending, v1;
};

void check_case(Reporter& report, const Case& c, ThreadPool& pool, uint32_t seed) {
  const std::string name = "n " + std::to_string(c.n) + " k " + std::to_string(c.k) + " rows " +
                           std::to_string(c.rows) + " dead " + std::to_string(c.dead) + " group " +
                           std::to_string(c.group) + (c.symmetric ? " sym" : " asym") +
                           (c.descending ? " desc-act" : "") + (c.v1 ? " v1" : " v2");
  const Problem p = make_problem(c.n, c.k, c.rows, c.dead, seed);
  const double damp = 0.01;
  const QuantizeSettings settings{.group_size = c.group,
                                  .symmetric = c.symmetric,
                                  .mse = false,
                                  .convention = c.v1 ? ZeroConvention::kV1 : ZeroConvention::kV2};
  const GptqFactor factor = factor_gptq(p.moment.data(), p.rows, p.k, damp, c.descending, pool);
  report.expect(factor.damp == damp, name + ": damping was raised");
  report.expect(factor.dead_columns == c.dead,
                name + ": dead columns " + std::to_string(factor.dead_columns));
  const PlainHessian hessian = plain_hessian(p, damp, c.descending);

  // U^T U (H + damping) = 1
  double worst = 0;
  for (int64_t i = 0; i < p.k; ++i) {
    Matrix uh(p.k);  // row i of (U^T U) H
    for (int64_t a = 0; a <= i; ++a) {
      for (int64_t b = a; b < p.k; ++b) {
        const double weight = factor.u[a * p.k + i] * factor.u[a * p.k + b];
        for (int64_t j = 0; j < p.k && p.k <= 200; ++j) uh[j] += weight * hessian.h[b * p.k + j];
      }
    }
    for (int64_t j = 0; j < p.k && p.k <= 200; ++j)
      worst = std::max(worst, std::fabs(uh[j] - (i == j ? 1 : 0)));
    for (int64_t j = 0; j < i; ++j)
      report.expect(factor.u[i * p.k + j] == 0, name + ": U is not upper triangular");
  }
  report.expect(worst < 1e-8, name + ": U^T U is off the inverse by " + std::to_string(worst));

  const Int4Weight gptq = quantize_gptq(p.w.data(), p.n, p.k, factor, settings, pool);
  const Int4Weight rtn = quantize_rtn(p.w.data(), p.n, p.k, settings, pool);
  const PlainResult plain = plain_gptq(p, hessian, c.group, c.symmetric, c.v1);
  int64_t compared = 0, different = 0, ties = 0;
  for (int64_t r = 0; r < p.n; ++r) {
    ties += plain.first_tie[r] < p.k;
    for (int64_t place = 0; place < plain.first_tie[r]; ++place) {
      const int64_t column = hessian.walk[place];
      const int64_t group = place / c.group;
      ++compared;
      different += gptq.q[r * p.k + column] != plain.q[r * p.k + column] ||
                   gptq.group_of(column) != group ||
                   gptq.scale[group * p.n + r] !=
                       static_cast<float>(plain.grid[r * (p.k / c.group) + group].scale) ||
                   gptq.zero[group * p.n + r] != plain.grid[r * (p.k / c.group) + group].zero;
    }
  }
  report.expect(different == 0, name + ": " + std::to_string(different) + " of " +
                                    std::to_string(compared) +
                                    " integers differ from the plain algorithm");
  report.expect(compared * 10 >= p.n * p.k * 9,
                name + ": only " + std::to_string(compared) + " integers could be compared");

  for (int64_t r = 0; r < p.n; ++r) {
    for (int64_t j = 0; j < p.k; ++j) {
      const Matrix row(p.w.begin() + r * p.k, p.w.begin() + (r + 1) * p.k);
      const int64_t g = j / c.group;
      const PlainGrid grid = plain_grid(row.data() + g * c.group, c.group, c.symmetric, c.v1);
      const int q =
          std::clamp(static_cast<int>(std::nearbyint(row[j] / grid.scale)) + grid.zero, 0, 15);
      if (rtn.q[r * p.k + j] != q || rtn.zero[g * p.n + r] != grid.zero) {
        report.expect(false, name + ": RTN differs at row " + std::to_string(r) + " column " +
                                 std::to_string(j));
        r = p.n;
        break;
      }
    }
  }

  const double rtn_error = relative_output_error(p.w.data(), rtn, p.moment.data(), pool);
  const double gptq_error = relative_output_error(p.w.data(), gptq, p.moment.data(), pool);
  for (const auto& [error, weight] : {std::pair{rtn_error, &rtn}, std::pair{gptq_error, &gptq}}) {
    const double direct = plain_output_error(p, *weight);
    report.expect(std::fabs(error - direct) <= 1e-9 * direct,
                  name + ": error " + std::to_string(error) + " by the moments, " +
                      std::to_string(direct) + " by the inputs");
  }
  report.expect(gptq_error < rtn_error, name + ": GPTQ loses " + std::to_string(gptq_error) +
                                            ", RTN " + std::to_string(rtn_error));

  const Int4Weight again = [&] {
    const GptqTensors tensors = pack_gptq(gptq, settings.convention);
    return unpack_gptq(tensors.qweight.data(), tensors.qzeros.data(), tensors.scales.data(),
                       tensors.g_idx.data(), p.n, p.k, c.group, settings.convention);
  }();
  report.expect(again.q == gptq.q && again.scale == gptq.scale && again.zero == gptq.zero &&
                    again.g_idx == gptq.g_idx,
                name + ": changed by packing and unpacking");

  ThreadPool alone(1);
  const GptqFactor factor_alone =
      factor_gptq(p.moment.data(), p.rows, p.k, damp, c.descending, alone);
  const Int4Weight gptq_alone = quantize_gptq(p.w.data(), p.n, p.k, factor_alone, settings, alone);
  report.expect(gptq_alone.q == gptq.q && gptq_alone.scale == gptq.scale,
                name + ": depends on the number of threads");
  std::printf("%s: output error rtn %.3e gptq %.3e, %lld integers equal, %lld rows cut at a tie\n",
              name.c_str(), rtn_error, gptq_error, static_cast<long long>(compared),
              static_cast<long long>(ties));
}

std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return "nothing thrown";
}

void check_edges(Reporter& report, ThreadPool& pool) {
  QuantizeSettings symmetric{
      .group_size = 8, .symmetric = true, .mse = false, .convention = ZeroConvention::kV1};
  QuantizeSettings asymmetric = symmetric;
  asymmetric.symmetric = false;
  const auto grid = [](std::vector<double> values, const QuantizeSettings& settings) {
    return fit_group_grid(values.data(), static_cast<int64_t>(values.size()), settings);
  };
  report.expect(grid({0, 0, 0}, symmetric).zero == 8 && grid({0, 0}, symmetric).scale > 0,
                "an all-zero group has a grid");
  report.expect(nearest_level(grid({0, 0}, asymmetric), 0.0) == grid({0, 0}, asymmetric).zero,
                "zero is a level");
  const GroupGrid positive = grid({1, 2, 3, 14}, asymmetric);
  report.expect(positive.zero == 1 && positive.scale == 1.0f && nearest_level(positive, 14) == 15,
                "an all-positive asymmetric group starts at zero 1 under v1");
  asymmetric.convention = ZeroConvention::kV2;
  const GroupGrid positive_v2 = grid({1, 2, 3, 15}, asymmetric);
  report.expect(positive_v2.zero == 0 && positive_v2.scale == 1.0f, "and at zero 0 under v2");
  const GroupGrid negative = grid({-15, -1}, asymmetric);
  report.expect(negative.zero == 15 && nearest_level(negative, -15) == 0,
                "an all-negative group ends at zero 15");
  report.expect(grid({1e-30, -1e-30}, symmetric).scale == 0x1p-24f,
                "a tiny group keeps a positive fp16 scale");
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  std::vector<double> outlier(128);
  for (double& value : outlier) value = normal(random);
  outlier[5] = 5.0;
  QuantizeSettings shrinking = symmetric;
  shrinking.mse = true;
  const auto error = [&](const GroupGrid& g) {
    double sum = 0;
    for (const double v : outlier)
      sum += std::pow(std::fabs(v - level_value(g, nearest_level(g, v))), 2.4);
    return sum;
  };
  report.expect(error(grid(outlier, shrinking)) < error(grid(outlier, symmetric)),
                "the mse search lowers the error");

  report.expect(code_of([&] { grid({1.0, std::nan("")}, symmetric); }) == kBadCheckpoint,
                "NaN weights are refused");
  report.expect(code_of([&] { grid({1e30, 0}, symmetric); }) == kBadCheckpoint,
                "weights beyond an fp16 scale are refused");
  const std::vector<float> w(24 * 40, 0.5f);
  const auto rtn = [&](int64_t n, int64_t k, int64_t group) {
    QuantizeSettings settings = symmetric;
    settings.group_size = group;
    return code_of([&] { quantize_rtn(w.data(), n, k, settings, pool); });
  };
  report.expect(rtn(8, 40, 32) == kBadArgument, "k not a multiple of the group size is refused");
  report.expect(rtn(12, 32, 32) == kBadArgument, "n not a multiple of 8 is refused");
  report.expect(rtn(8, 36, 36) == kBadArgument, "k not a multiple of 8 is refused");
  report.expect(rtn(24, 40, 40) == "nothing thrown", "one scale a row");

  const std::vector<double> indefinite{1, 5, std::nan(""), 1};
  report.expect(
      code_of([&] { factor_gptq(indefinite.data(), 4, 2, 0.01, false, pool); }) == kBadCheckpoint,
      "indefinite moments are refused");
  const std::vector<double> singular{2, 2, std::nan(""),
                                     2};  // rank one: needs damping to be invertible
  const GptqFactor raised = factor_gptq(singular.data(), 4, 2, 0.0, false, pool);
  report.expect(raised.damp > 0 && raised.damp <= 1e-3,
                "damping is raised, and told, where it does not suffice");
  report.expect(
      code_of([&] { factor_gptq(singular.data(), 0, 2, 0.01, false, pool); }) == kBadArgument,
      "no calibration rows are refused");
}

}  // namespace
}  // namespace loadmark::check

int main() {
  using namespace loadmark::check;
  loadmark::ThreadPool pool(2);
  const Case cases[] = {
      {16, 64, 300, 0, 32, true, false, true},    {24, 128, 500, 3, 64, true, false, true},
      {40, 192, 150, 0, 64, false, false, true},  {24, 160, 700, 5, 32, false, true, true},
      {16, 384, 900, 2, 128, true, true, false},  {8, 328, 800, 0, 328, true, false, true},
      {24, 136, 400, 1, 136, false, true, false}, {56, 256, 80, 0, 64, true, false, false},
      {8, 640, 1500, 4, 64, false, false, false},
  };
  uint32_t seed = 20260101;
  Reporter report;
  for (const Case& c : cases) check_case(report, c, pool, seed++);
  check_edges(report, pool);
  if (report.failures() == 0) {
    std::printf("all equal\n");
  } else {
    std::printf("%lld failures\n", static_cast<long long>(report.failures()));
  }
  return report.failures() == 0 ? 0 : 1;
}
