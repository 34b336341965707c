// With J the exchange of first and last: J H J = M M^T (M lower) gives H = (JMJ)(JMJ)^T with JMJ
// upper, hence H^-1 = U^T U for U = (JMJ)^-1 = J M^-1 J. Reversing all k^2 numbers of a row-major
// matrix is exactly J . J.
#include "quant/cholesky.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/dense_kernel.h"

namespace loadmark {
namespace {

constexpr int64_t kBlock = 64;    // columns factored at once
constexpr int64_t kStripe = 128;  // rows or columns one task updates

// Unblocked Cholesky of the block's lower triangle, in place.
bool factor_diagonal_block(double* a, int64_t k, int64_t size) {
  for (int64_t j = 0; j < size; ++j) {
    double pivot = a[j * k + j];
    for (int64_t p = 0; p < j; ++p) pivot -= a[j * k + p] * a[j * k + p];
    if (!(pivot > 0) || !std::isfinite(pivot)) return false;
    const double root = std::sqrt(pivot);
    a[j * k + j] = root;
    for (int64_t i = j + 1; i < size; ++i) {
      double sum = a[i * k + j];
      for (int64_t p = 0; p < j; ++p) sum -= a[i * k + p] * a[j * k + p];
      a[i * k + j] = sum / root;
    }
  }
  return true;
}

// Row x (size) of the panel becomes x L^-T, L the factored diagonal block.
void solve_panel_row(const double* diagonal, int64_t k, int64_t size, double* x) {
  for (int64_t j = 0; j < size; ++j) {
    double sum = x[j];
    for (int64_t p = 0; p < j; ++p) sum -= x[p] * diagonal[j * k + p];
    x[j] = sum / diagonal[j * k + j];
  }
}

// Right-looking blocked Cholesky of the lower triangle, in place.
bool factor_lower(double* a, int64_t k, ThreadPool& pool) {
  std::vector<double> transposed(
      static_cast<size_t>(kBlock * k));  // the panel as (block, rows below)
  for (int64_t start = 0; start < k; start += kBlock) {
    const int64_t size = std::min(kBlock, k - start);
    const int64_t next = start + size;
    const int64_t below = k - next;
    double* diagonal = a + start * k + start;
    if (!factor_diagonal_block(diagonal, k, size)) return false;
    const int64_t stripes = (below + kStripe - 1) / kStripe;
    pool.run(stripes, [&](int64_t stripe, int) {
      const int64_t last = std::min((stripe + 1) * kStripe, below);
      for (int64_t i = stripe * kStripe; i < last; ++i) {
        double* row = a + (next + i) * k + start;
        solve_panel_row(diagonal, k, size, row);
        for (int64_t p = 0; p < size; ++p) transposed[static_cast<size_t>(p * below + i)] = row[p];
      }
    });
    pool.run(stripes, [&](int64_t task, int) {
      const int64_t stripe = stripes - 1 - task;  // the longest rows first
      const int64_t first = stripe * kStripe;
      const int64_t last = std::min(first + kStripe, below);
      subtract_product(a + (next + first) * k + next, k, a + (next + first) * k + start, k,
                       transposed.data(), below, last - first, last, size);
    });
  }
  return true;
}

// m (k, k) lower triangular becomes its inverse; a block row at a time, each from the finished rows
// above it.
void invert_lower(double* m, int64_t k, ThreadPool& pool) {
  std::vector<double> block_row(static_cast<size_t>(kBlock * k));
  for (int64_t start = 0; start < k; start += kBlock) {
    const int64_t size = std::min(kBlock, k - start);
    const int64_t width = start + size;
    for (int64_t r = 0; r < size; ++r) {
      double* row = m + (start + r) * k;
      std::copy(row, row + width, block_row.begin() + r * width);
      std::fill(row, row + k, 0.0);
      row[start + r] = 1.0;
    }
    pool.run((width + kStripe - 1) / kStripe, [&](int64_t stripe, int) {
      const int64_t first = stripe * kStripe;
      const int64_t last = std::min(first + kStripe, width);
      double* target = m + start * k + first;
      if (first < start) {  // rows above `first` of these columns are zero
        subtract_product(target, k, block_row.data() + first, width, m + first * k + first, k, size,
                         last - first, start - first);
      }
      for (int64_t r = 0; r < size; ++r) {
        const double* factors = block_row.data() + r * width + start;
        double* row = target + r * k;
        for (int64_t p = 0; p < r; ++p) {
          for (int64_t j = 0; j < last - first; ++j) row[j] -= factors[p] * target[p * k + j];
        }
        for (int64_t j = 0; j < last - first; ++j) row[j] /= factors[r];
      }
    });
  }
}

}  // namespace

bool factor_inverse(double* a, int64_t k, ThreadPool& pool) {
  for (int64_t i = 0; i < k;
       ++i) {  // complete the symmetric matrix, so that the reversed one has a lower triangle
    for (int64_t j = 0; j < i; ++j) a[j * k + i] = a[i * k + j];
  }
  std::reverse(a, a + k * k);
  if (!factor_lower(a, k, pool)) return false;
  invert_lower(a, k, pool);
  std::reverse(a, a + k * k);
  return true;
}

}  // namespace loadmark
