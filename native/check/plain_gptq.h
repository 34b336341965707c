// GPTQ as the paper derives it, in double and column by column, with the grid and the loss by their
// definitions: what gptq_check holds the quantizer to.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "base/float16.h"
#include "quant/int4_format.h"

namespace loadmark::check {

using Matrix = std::vector<double>;

struct Problem {
  int64_t n, k, rows;
  std::vector<float> w;  // (n, k)
  std::vector<float> x;  // (rows, k)
  Matrix moment;         // (k, k) upper triangle of X^T X; the rest is poison
};

// Inputs that share k/4 hidden causes, so that columns are strongly correlated; `dead` columns are
// always zero.
inline Problem make_problem(int64_t n, int64_t k, int64_t rows, int64_t dead, uint32_t seed) {
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

inline PlainHessian plain_hessian(const Problem& p, double damp, bool descending) {
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
inline Matrix invert(Matrix a, int64_t k) {
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
inline PlainGrid plain_grid(const double* values, int64_t count, bool symmetric, bool v1) {
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
inline PlainResult plain_gptq(const Problem& p, const PlainHessian& hessian, int64_t group,
                              bool symmetric, bool v1) {
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
inline double plain_output_error(const Problem& p, const Int4Weight& quantized) {
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

}  // namespace loadmark::check
