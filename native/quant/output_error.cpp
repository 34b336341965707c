#include "quant/output_error.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "quant/dense_kernel.h"

namespace loadmark {
namespace {

constexpr int64_t kTaskRows = 64;
constexpr int64_t kBlockColumns = 128;

double dot(const std::vector<double>& a, const double* b, int64_t b_stride, int64_t rows,
           int64_t columns) {
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < columns; ++j)
      sum += a[static_cast<size_t>(r * kBlockColumns + j)] * b[r * b_stride + j];
  }
  return sum;
}

// sum over `rows` rows v of v M v^T, twice the part above the diagonal blocks and the blocks
// themselves once.
double rows_energy(const double* v, int64_t rows, int64_t k, const double* moment) {
  double energy = 0;
  std::vector<double> product(static_cast<size_t>(kTaskRows * kBlockColumns));
  std::vector<double> diagonal(static_cast<size_t>(kBlockColumns * kBlockColumns));
  for (int64_t start = 0; start < k; start += kBlockColumns) {
    const int64_t size = std::min(kBlockColumns, k - start);
    std::fill(product.begin(), product.end(), 0.0);
    subtract_product(product.data(), kBlockColumns, v, k, moment + start, k, rows, size, start);
    energy -= 2 * dot(product, v + start, k, rows, size);
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t j = i; j < size; ++j) {
        const double value = moment[(start + i) * k + start + j];
        diagonal[static_cast<size_t>(i * kBlockColumns + j)] = value;
        diagonal[static_cast<size_t>(j * kBlockColumns + i)] = value;
      }
    }
    std::fill(product.begin(), product.end(), 0.0);
    subtract_product(product.data(), kBlockColumns, v + start, k, diagonal.data(), kBlockColumns,
                     rows, size, size);
    energy -= dot(product, v + start, k, rows, size);
  }
  return energy;
}

}  // namespace

double output_energy(const double* v, int64_t n, int64_t k, const double* moment,
                     ThreadPool& pool) {
  const int64_t tasks = (n + kTaskRows - 1) / kTaskRows;
  std::vector<double> partial(
      static_cast<size_t>(tasks));  // summed in order: the same result with any thread count
  pool.run(tasks, [&](int64_t task, int) {
    const int64_t first = task * kTaskRows;
    partial[static_cast<size_t>(task)] =
        rows_energy(v + first * k, std::min(kTaskRows, n - first), k, moment);
  });
  return std::accumulate(partial.begin(), partial.end(), 0.0);
}

double relative_output_error(const float* w, const Int4Weight& quantized, const double* moment,
                             ThreadPool& pool) {
  const int64_t n = quantized.n;
  const int64_t k = quantized.k;
  std::vector<float> rounded(static_cast<size_t>(n * k));
  dequantize(quantized, rounded.data());
  std::vector<double> v(w, w + n * k);
  const double signal = output_energy(v.data(), n, k, moment, pool);
  for (size_t i = 0; i < v.size(); ++i) v[i] -= rounded[i];
  const double lost = output_energy(v.data(), n, k, moment, pool);
  return signal > 0 ? lost / signal : 0;
}

double relative_weight_error(const float* w, const Int4Weight& quantized) {
  std::vector<float> rounded(static_cast<size_t>(quantized.n * quantized.k));
  dequantize(quantized, rounded.data());
  double signal = 0, lost = 0;
  for (size_t i = 0; i < rounded.size(); ++i) {
    const double difference = static_cast<double>(w[i]) - rounded[i];
    signal += static_cast<double>(w[i]) * w[i];
    lost += difference * difference;
  }
  return signal > 0 ? lost / signal : 0;
}

}  // namespace loadmark
