// Does the quantizer compute what it says? GPTQ against a plain column-by-column reading of the
// paper in double, the factor against its definition, grids and RTN against their definition, and
// the promise that GPTQ loses less.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/float16.h"
#include "base/thread_pool.h"
#include "quant/cholesky.h"
#include "quant/gptq.h"
#include "quant/output_error.h"
#include "quant/rtn.h"

namespace loadmark {
namespace {

using Matrix = std::vector<double>;

int failures = 0;

void expect(bool ok, const std::string& what) {
  if (!ok) {
    ++failures;
    std::printf("FAIL %s\n", what.c_str());
  }
}

struct Problem {
  int64_t n, k, rows;
  std::vector<float> w;  // (n, k)
  std::vector<float> x;  // (rows, k)
  Matrix moment;         // (k, k) upper triangle of X^T X; the rest is poison
};

// Inputs that share k/4 hidden causes, so that columns are strongly correlated; `dead` columns are
// always zero.
Problem make_problem(int64_t n, int64_t k, int64_t rows, int64_t dead, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Problem problem{n,
                  k,
                  rows,
                  std::vector<float>(n * k),
                  std::vector<float>(rows * k),
                  Matrix(k * k, std::nan(""))};
  for (float& value : problem.w) value = static_cast<float>(0.05 * normal(random));
  const int64_t causes = std::max<int64_t>(k / 4, 2);
  Matrix mix(causes * k);
  for (double& value : mix) value = normal(random);
  Matrix gain(k);
  for (double& value : gain) value = std::exp(normal(random));
  Matrix cause(causes);
  for (int64_t r = 0; r < rows; ++r) {
    for (double& value : cause) value = normal(random);
    for (int64_t j = 0; j < k; ++j) {
      double value = 0.3 * normal(random);
      for (int64_t c = 0; c < causes; ++c)
        value += cause[c] * mix[c * k + j] / std::sqrt(double(causes));
      problem.x[r * k + j] = static_cast<float>(gain[j] * value);
    }
  }
  for (int64_t d = 0; d < dead; ++d) {
    const int64_t column = (d * 7 + 3) % k;
    for (int64_t r = 0; r < rows; ++r) problem.x[r * k + column] = 0;
  }
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = i; j < k; ++j) {
      double sum = 0;
      for (int64_t r = 0; r < rows; ++r) sum += double{problem.x[r * k + i]} * problem.x[r * k + j];
      problem.moment[i * k + j] = sum;
    }
  }
  return problem;
}

// H of the paper, damped, in walking order, with its walk.
struct PlainHessian {
  Matrix h;
  std::vector<int64_t> walk;
  std::vector<bool> dead;
};

PlainHessian plain_hessian(const Problem& p, double damp, bool descending) {
  PlainHessian out{Matrix(p.k * p.k), std::vector<int64_t>(p.k), std::vector<bool>(p.k)};
  Matrix h(p.k * p.k);
  for (int64_t i = 0; i < p.k; ++i) {
    for (int64_t j = 0; j < p.k; ++j)
      h[i * p.k + j] = 2.0 / p.rows * p.moment[std::min(i, j) * p.k + std::max(i, j)];
  }
  double mean = 0;
  for (int64_t i = 0; i < p.k; ++i) {
    out.dead[i] = h[i * p.k + i] == 0;
    if (out.dead[i]) h[i * p.k + i] = 1;
    mean += h[i * p.k + i] / p.k;
  }
  std::iota(out.walk.begin(), out.walk.end(), 0);
  if (descending) {
    std::stable_sort(out.walk.begin(), out.walk.end(),
                     [&](int64_t a, int64_t b) { return h[a * p.k + a] > h[b * p.k + b]; });
  }
  for (int64_t i = 0; i < p.k; ++i) {
    for (int64_t j = 0; j < p.k; ++j) {
      out.h[i * p.k + j] = h[out.walk[i] * p.k + out.walk[j]] + (i == j ? damp * mean : 0);
    }
  }
  return out;
}

// Gauss-Jordan with partial pivoting.
Matrix invert(Matrix a, int64_t k) {
  Matrix inverse(k * k);
  for (int64_t i = 0; i < k; ++i) inverse[i * k + i] = 1;
  for (int64_t column = 0; column < k; ++column) {
    int64_t pivot = column;
    for (int64_t i = column + 1; i < k; ++i) {
      if (std::fabs(a[i * k + column]) > std::fabs(a[pivot * k + column])) pivot = i;
    }
    for (int64_t j = 0; j < k; ++j) {
      std::swap(a[pivot * k + j], a[column * k + j]);
      std::swap(inverse[pivot * k + j], inverse[column * k + j]);
    }
    const double divisor = a[column * k + column];
    for (int64_t j = 0; j < k; ++j) {
      a[column * k + j] /= divisor;
      inverse[column * k + j] /= divisor;
    }
    for (int64_t i = 0; i < k; ++i) {
      const double factor = a[i * k + column];
      if (i == column || factor == 0) continue;
      for (int64_t j = 0; j < k; ++j) {
        a[i * k + j] -= factor * a[column * k + j];
        inverse[i * k + j] -= factor * inverse[column * k + j];
      }
    }
  }
  return inverse;
}

// The grid by its definition, written again: an oracle must not share code with what it judges.
struct PlainGrid {
  double scale;
  int zero;
};
PlainGrid plain_grid(const double* values, int64_t count, bool symmetric, bool v1) {
  double low = 0, high = 0;
  for (int64_t i = 0; i < count; ++i) {
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
  }
  if (low == 0 && high == 0) low = -1, high = 1;
  const auto half = [](double s) {
    return double{float16_to_float(float_to_float16(static_cast<float>(s)))};
  };
  if (symmetric) return {half(2 * std::max(-low, high) / 15), 8};
  const double scale = half((high - low) / 15);
  const int zero = static_cast<int>(std::nearbyint(-low / scale));
  if (zero == 0 && v1) return {half(high / 14), 1};
  return {scale, std::min(zero, 15)};
}

struct PlainResult {
  std::vector<int> q;           // (n, k) in the weight's own column order
  std::vector<PlainGrid> grid;  // (n, groups)
  std::vector<int64_t>
      first_tie;  // (n) place of the first value within 1e-7 of a rounding tie, or k
};

// The paper's Algorithm as its derivation (OBQ in a fixed order): after a column closes, every open
// column moves by -error * Hinv[j][i] / Hinv[j][j], and row and column j are eliminated from the
// inverse.
PlainResult plain_gptq(const Problem& p, const PlainHessian& hessian, int64_t group, bool symmetric,
                       bool v1) {
  const int64_t groups = p.k / group;
  PlainResult out{std::vector<int>(p.n * p.k), std::vector<PlainGrid>(p.n * groups),
                  std::vector<int64_t>(p.n, p.k)};
  Matrix w(p.n * p.k);
  for (int64_t r = 0; r < p.n; ++r) {
    for (int64_t j = 0; j < p.k; ++j) {
      w[r * p.k + j] = hessian.dead[hessian.walk[j]] ? 0 : p.w[r * p.k + hessian.walk[j]];
    }
  }
  Matrix inverse = invert(hessian.h, p.k);
  for (int64_t j = 0; j < p.k; ++j) {
    const Matrix column(inverse.begin() + j * p.k, inverse.begin() + (j + 1) * p.k);
    for (int64_t r = 0; r < p.n; ++r) {
      double* row = w.data() + r * p.k;
      PlainGrid& grid = out.grid[r * groups + j / group];
      if (j % group == 0) grid = plain_grid(row + j, group, symmetric, v1);
      const double steps = row[j] / grid.scale;
      if (std::fabs(std::fabs(steps - std::floor(steps)) - 0.5) < 1e-7) {
        out.first_tie[r] = std::min(out.first_tie[r], j);
      }
      const int q = std::clamp(static_cast<int>(std::nearbyint(steps)) + grid.zero, 0, 15);
      out.q[r * p.k + hessian.walk[j]] = q;
      const double error = (row[j] - grid.scale * (q - grid.zero)) / column[j];
      for (int64_t i = j + 1; i < p.k; ++i) row[i] -= error * column[i];
    }
    for (int64_t a = j + 1; a < p.k; ++a) {
      for (int64_t b = j + 1; b < p.k; ++b)
        inverse[a * p.k + b] -= column[a] * column[b] / column[j];
    }
  }
  return out;
}

// ||X (W - Wq)^T||^2 / ||X W^T||^2 through the inputs themselves.
double plain_output_error(const Problem& p, const Int4Weight& quantized) {
  std::vector<float> rounded(p.n * p.k);
  dequantize(quantized, rounded.data());
  double signal = 0, lost = 0;
  for (int64_t r = 0; r < p.rows; ++r) {
    for (int64_t i = 0; i < p.n; ++i) {
      double exact = 0, difference = 0;
      for (int64_t j = 0; j < p.k; ++j) {
        const double x = p.x[r * p.k + j];
        exact += x * p.w[i * p.k + j];
        difference += x * (double{p.w[i * p.k + j]} - rounded[i * p.k + j]);
      }
      signal += exact * exact;
      lost += difference * difference;
    }
  }
  return lost / signal;
}

struct Case {
  int64_t n, k, rows, dead, group;
  bool symmetric, descending, v1;
};

void check_case(const Case& c, ThreadPool& pool, uint32_t seed) {
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
  expect(factor.damp == damp, name + ": damping was raised");
  expect(factor.dead_columns == c.dead,
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
      expect(factor.u[i * p.k + j] == 0, name + ": U is not upper triangular");
  }
  expect(worst < 1e-8, name + ": U^T U is off the inverse by " + std::to_string(worst));

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
  expect(different == 0, name + ": " + std::to_string(different) + " of " +
                             std::to_string(compared) +
                             " integers differ from the plain algorithm");
  expect(compared * 10 >= p.n * p.k * 9,
         name + ": only " + std::to_string(compared) + " integers could be compared");

  for (int64_t r = 0; r < p.n; ++r) {
    for (int64_t j = 0; j < p.k; ++j) {
      const Matrix row(p.w.begin() + r * p.k, p.w.begin() + (r + 1) * p.k);
      const int64_t g = j / c.group;
      const PlainGrid grid = plain_grid(row.data() + g * c.group, c.group, c.symmetric, c.v1);
      const int q =
          std::clamp(static_cast<int>(std::nearbyint(row[j] / grid.scale)) + grid.zero, 0, 15);
      if (rtn.q[r * p.k + j] != q || rtn.zero[g * p.n + r] != grid.zero) {
        expect(false,
               name + ": RTN differs at row " + std::to_string(r) + " column " + std::to_string(j));
        r = p.n;
        break;
      }
    }
  }

  const double rtn_error = relative_output_error(p.w.data(), rtn, p.moment.data(), pool);
  const double gptq_error = relative_output_error(p.w.data(), gptq, p.moment.data(), pool);
  for (const auto& [error, weight] : {std::pair{rtn_error, &rtn}, std::pair{gptq_error, &gptq}}) {
    const double direct = plain_output_error(p, *weight);
    expect(std::fabs(error - direct) <= 1e-9 * direct,
           name + ": error " + std::to_string(error) + " by the moments, " +
               std::to_string(direct) + " by the inputs");
  }
  expect(gptq_error < rtn_error, name + ": GPTQ loses " + std::to_string(gptq_error) + ", RTN " +
                                     std::to_string(rtn_error));

  const Int4Weight again = [&] {
    const GptqTensors tensors = pack_gptq(gptq, settings.convention);
    return unpack_gptq(tensors.qweight.data(), tensors.qzeros.data(), tensors.scales.data(),
                       tensors.g_idx.data(), p.n, p.k, c.group, settings.convention);
  }();
  expect(again.q == gptq.q && again.scale == gptq.scale && again.zero == gptq.zero &&
             again.g_idx == gptq.g_idx,
         name + ": changed by packing and unpacking");

  ThreadPool alone(1);
  const GptqFactor factor_alone =
      factor_gptq(p.moment.data(), p.rows, p.k, damp, c.descending, alone);
  const Int4Weight gptq_alone = quantize_gptq(p.w.data(), p.n, p.k, factor_alone, settings, alone);
  expect(gptq_alone.q == gptq.q && gptq_alone.scale == gptq.scale,
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

void check_edges(ThreadPool& pool) {
  QuantizeSettings symmetric{
      .group_size = 8, .symmetric = true, .mse = false, .convention = ZeroConvention::kV1};
  QuantizeSettings asymmetric = symmetric;
  asymmetric.symmetric = false;
  const auto grid = [](std::vector<double> values, const QuantizeSettings& settings) {
    return fit_group_grid(values.data(), static_cast<int64_t>(values.size()), settings);
  };
  expect(grid({0, 0, 0}, symmetric).zero == 8 && grid({0, 0}, symmetric).scale > 0,
         "an all-zero group has a grid");
  expect(nearest_level(grid({0, 0}, asymmetric), 0.0) == grid({0, 0}, asymmetric).zero,
         "zero is a level");
  const GroupGrid positive = grid({1, 2, 3, 14}, asymmetric);
  expect(positive.zero == 1 && positive.scale == 1.0f && nearest_level(positive, 14) == 15,
         "an all-positive asymmetric group starts at zero 1 under v1");
  asymmetric.convention = ZeroConvention::kV2;
  const GroupGrid positive_v2 = grid({1, 2, 3, 15}, asymmetric);
  expect(positive_v2.zero == 0 && positive_v2.scale == 1.0f, "and at zero 0 under v2");
  const GroupGrid negative = grid({-15, -1}, asymmetric);
  expect(negative.zero == 15 && nearest_level(negative, -15) == 0,
         "an all-negative group ends at zero 15");
  expect(grid({1e-30, -1e-30}, symmetric).scale == 0x1p-24f,
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
  expect(error(grid(outlier, shrinking)) < error(grid(outlier, symmetric)),
         "the mse search lowers the error");

  expect(code_of([&] {
           grid({1.0, std::nan("")}, symmetric);
         }) == kBadCheckpoint,
         "NaN weights are refused");
  expect(code_of([&] {
           grid({1e30, 0}, symmetric);
         }) == kBadCheckpoint,
         "weights beyond an fp16 scale are refused");
  const std::vector<float> w(24 * 40, 0.5f);
  const auto rtn = [&](int64_t n, int64_t k, int64_t group) {
    QuantizeSettings settings = symmetric;
    settings.group_size = group;
    return code_of([&] { quantize_rtn(w.data(), n, k, settings, pool); });
  };
  expect(rtn(8, 40, 32) == kBadArgument, "k not a multiple of the group size is refused");
  expect(rtn(12, 32, 32) == kBadArgument, "n not a multiple of 8 is refused");
  expect(rtn(8, 36, 36) == kBadArgument, "k not a multiple of 8 is refused");
  expect(rtn(24, 40, 40) == "nothing thrown", "one scale a row");

  const std::vector<double> indefinite{1, 5, std::nan(""), 1};
  expect(
      code_of([&] { factor_gptq(indefinite.data(), 4, 2, 0.01, false, pool); }) == kBadCheckpoint,
      "indefinite moments are refused");
  const std::vector<double> singular{2, 2, std::nan(""),
                                     2};  // rank one: needs damping to be invertible
  const GptqFactor raised = factor_gptq(singular.data(), 4, 2, 0.0, false, pool);
  expect(raised.damp > 0 && raised.damp <= 1e-3,
         "damping is raised, and told, where it does not suffice");
  expect(code_of([&] { factor_gptq(singular.data(), 0, 2, 0.01, false, pool); }) == kBadArgument,
         "no calibration rows are refused");
}

}  // namespace
}  // namespace loadmark

int main() {
  using loadmark::Case;
  loadmark::ThreadPool pool(2);
  const Case cases[] = {
      {16, 64, 300, 0, 32, true, false, true},    {24, 128, 500, 3, 64, true, false, true},
      {40, 192, 150, 0, 64, false, false, true},  {24, 160, 700, 5, 32, false, true, true},
      {16, 384, 900, 2, 128, true, true, false},  {8, 328, 800, 0, 328, true, false, true},
      {24, 136, 400, 1, 136, false, true, false}, {56, 256, 80, 0, 64, true, false, false},
      {8, 640, 1500, 4, 64, false, false, false},
  };
  uint32_t seed = 20260101;
  for (const Case& c : cases) loadmark::check_case(c, pool, seed++);
  loadmark::check_edges(pool);
  std::printf(loadmark::failures == 0 ? "all equal\n" : "%d failures\n", loadmark::failures);
  return loadmark::failures == 0 ? 0 : 1;
}
