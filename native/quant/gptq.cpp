// Rows of a weight do not touch each other, so a task takes a few rows through all columns: blocks
// of 128, the error of a block's columns fed to the rest of the block at once and to the columns
// behind it in one product.
#include "quant/gptq.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/error.h"
#include "quant/cholesky.h"
#include "quant/dense_kernel.h"
#include "quant/rtn.h"

namespace loadmark {
namespace {

constexpr int64_t kBlockColumns = 128;
constexpr int64_t kTaskRows = 32;

// The rows of one task, in walking order.
struct RowBlock {
  int64_t first_row;
  int64_t rows;
  std::vector<double> w;        // (rows, k), updated as columns close
  std::vector<double> errors;   // (rows, kBlockColumns) error of each closed column over its U_jj
  std::vector<GroupGrid> grid;  // (rows) of the current group
};

class GptqRun {
 public:
  GptqRun(const float* w, const GptqFactor& factor, const QuantizeSettings& settings,
          Int4Weight& out)
      : w_(w), factor_(factor), settings_(settings), out_(out), k_(out.k) {}

  void quantize_rows(int64_t first_row, int64_t rows) const {
    RowBlock block{first_row, rows, load_rows(first_row, rows),
                   std::vector<double>(static_cast<size_t>(rows * kBlockColumns)),
                   std::vector<GroupGrid>(static_cast<size_t>(rows))};
    for (int64_t start = 0; start < k_; start += kBlockColumns) {
      const int64_t end = std::min(start + kBlockColumns, k_);
      for (int64_t j = start; j < end; ++j) {
        if (j % settings_.group_size == 0) fit_groups(block, j);
        for (int64_t r = 0; r < rows; ++r) close_column(block, r, j, start, end);
      }
      if (end < k_) {
        subtract_product(block.w.data() + end, k_, block.errors.data(), kBlockColumns,
                         factor_.u.data() + start * k_ + end, k_, rows, k_ - end, end - start);
      }
    }
  }

 private:
  int64_t column_at(int64_t place) const {
    return factor_.walk.empty() ? place : factor_.walk[static_cast<size_t>(place)];
  }

  std::vector<double> load_rows(int64_t first_row, int64_t rows) const {
    std::vector<double> block(static_cast<size_t>(rows * k_));
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t j = 0; j < k_; ++j) {
        const int64_t column = column_at(j);
        const bool dead = factor_.dead[static_cast<size_t>(column)] != 0;
        block[static_cast<size_t>(r * k_ + j)] = dead ? 0.0 : w_[(first_row + r) * k_ + column];
      }
    }
    return block;
  }

  void fit_groups(RowBlock& block, int64_t place) const {
    const int64_t group = place / settings_.group_size;
    for (int64_t r = 0; r < block.rows; ++r) {
      const GroupGrid grid =
          fit_group_grid(block.w.data() + r * k_ + place, settings_.group_size, settings_);
      block.grid[static_cast<size_t>(r)] = grid;
      const size_t slot = static_cast<size_t>(group * out_.n + block.first_row + r);
      out_.scale[slot] = grid.scale;
      out_.zero[slot] = static_cast<uint8_t>(grid.zero);
    }
  }

  void close_column(RowBlock& block, int64_t r, int64_t j, int64_t start, int64_t end) const {
    const double* u = factor_.u.data() + j * k_;
    double* row = block.w.data() + r * k_;
    const GroupGrid& grid = block.grid[static_cast<size_t>(r)];
    const int32_t level = nearest_level(grid, row[j]);
    out_.q[static_cast<size_t>((block.first_row + r) * k_ + column_at(j))] =
        static_cast<uint8_t>(level);
    const double error = (row[j] - level_value(grid, level)) / u[j];
    for (int64_t i = j + 1; i < end; ++i) row[i] -= error * u[i];
    block.errors[static_cast<size_t>(r * kBlockColumns + j - start)] = error;
  }

  const float* w_;
  const GptqFactor& factor_;
  const QuantizeSettings& settings_;
  Int4Weight& out_;
  const int64_t k_;
};

// H in walking order with `damp` of its mean diagonal added, lower triangle and diagonal; into u.
void fill_damped(const double* moment, double scale, double damp, GptqFactor& factor) {
  const int64_t k = factor.k;
  const auto column = [&](int64_t place) {
    return factor.walk.empty() ? place : factor.walk[static_cast<size_t>(place)];
  };
  double mean = 0;
  for (int64_t i = 0; i < k; ++i)
    mean += factor.dead[static_cast<size_t>(i)] ? 1.0 : scale * moment[i * k + i];
  mean /= static_cast<double>(k);
  for (int64_t i = 0; i < k; ++i) {
    const int64_t row = column(i);
    for (int64_t j = 0; j <= i; ++j) {
      const int64_t other = column(j);
      factor.u[static_cast<size_t>(i * k + j)] =
          scale * moment[std::min(row, other) * k + std::max(row, other)];
    }
    double& diagonal = factor.u[static_cast<size_t>(i * k + i)];
    if (factor.dead[static_cast<size_t>(row)]) diagonal = 1.0;
    diagonal += damp * mean;
  }
}

}  // namespace

GptqFactor factor_gptq(const double* moment, int64_t rows, int64_t k, double damp, bool descending,
                       ThreadPool& pool) {
  if (rows < 1)
    throw Error(kBadArgument, "GPTQ needs at least one input row to calibrate on, got none");
  GptqFactor factor;
  factor.k = k;
  factor.u.resize(static_cast<size_t>(k * k));
  factor.dead.resize(static_cast<size_t>(k));
  for (int64_t i = 0; i < k; ++i) {
    const double diagonal = moment[i * k + i];
    if (!std::isfinite(diagonal))
      throw Error(kBadCheckpoint, "the calibration inputs of a linear are not finite");
    factor.dead[static_cast<size_t>(i)] = diagonal == 0;
    factor.dead_columns += diagonal == 0;
  }
  const double scale = 2.0 / static_cast<double>(rows);
  if (descending) {
    factor.walk.resize(static_cast<size_t>(k));
    std::iota(factor.walk.begin(), factor.walk.end(), 0);
    const auto diagonal = [&](int32_t i) {
      return factor.dead[static_cast<size_t>(i)] ? 1.0 : scale * moment[i * k + i];
    };
    std::stable_sort(factor.walk.begin(), factor.walk.end(),
                     [&](int32_t a, int32_t b) { return diagonal(a) > diagonal(b); });
  }
  for (factor.damp = damp; factor.damp <= 1; factor.damp = std::max(factor.damp * 10, 1e-4)) {
    fill_damped(moment, scale, factor.damp, factor);
    if (factor_inverse(factor.u.data(), k, pool)) return factor;
  }
  throw Error(kBadCheckpoint,
              "the inputs' second moments are not positive definite with any damping from " +
                  std::to_string(damp) + " to 1");
}

Int4Weight quantize_gptq(const float* w, int64_t n, int64_t k, const GptqFactor& factor,
                         const QuantizeSettings& settings, ThreadPool& pool) {
  check_quantizable(n, k, settings);
  if (factor.k != k) {
    throw Error(kInternal, "GPTQ got inputs of " + std::to_string(factor.k) +
                               " features for a linear of " + std::to_string(k));
  }
  Int4Weight out;
  out.n = n;
  out.k = k;
  out.group_size = settings.group_size;
  out.symmetric = settings.symmetric;
  out.q.resize(static_cast<size_t>(n * k));
  out.scale.resize(static_cast<size_t>(out.groups() * n));
  out.zero.resize(static_cast<size_t>(out.groups() * n));
  if (!factor.walk.empty() && out.groups() > 1) {
    out.g_idx.resize(static_cast<size_t>(k));
    for (int64_t place = 0; place < k; ++place) {
      out.g_idx[static_cast<size_t>(factor.walk[static_cast<size_t>(place)])] =
          static_cast<int32_t>(place / settings.group_size);
    }
  }
  const GptqRun run(w, factor, settings, out);
  pool.run((n + kTaskRows - 1) / kTaskRows, [&](int64_t task, int) {
    const int64_t first = task * kTaskRows;
    run.quantize_rows(first, std::min(kTaskRows, n - first));
  });
  return out;
}

}  // namespace loadmark
