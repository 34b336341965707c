// accumulate_hessian for AVX-512: products of two fp32 values are exact in double, one fused add
// each, rows in order.
#include <immintrin.h>

#include "ops/cpu/hessian_kernels.h"

namespace loadmark::ops {
namespace {

constexpr int64_t kRows = 4, kColumns = 32;

// hessian rows [i, i + 4) and columns [j, j + 32): 16 registers of sums.
void tile(const float* x, int64_t rows, int64_t k, int64_t i, int64_t j, double* hessian) {
  __m512d sum[kRows][kColumns / 8];
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t c = 0; c < kColumns / 8; ++c)
      sum[r][c] = _mm512_loadu_pd(hessian + (i + r) * k + j + c * 8);
  }
  for (int64_t row = 0; row < rows; ++row) {
    const float* values = x + row * k;
    __m512d xj[kColumns / 8];
    for (int64_t c = 0; c < kColumns / 8; ++c)
      xj[c] = _mm512_cvtps_pd(_mm256_loadu_ps(values + j + c * 8));
    for (int64_t r = 0; r < kRows; ++r) {
      const __m512d xi = _mm512_set1_pd(static_cast<double>(values[i + r]));
      for (int64_t c = 0; c < kColumns / 8; ++c) sum[r][c] = _mm512_fmadd_pd(xi, xj[c], sum[r][c]);
    }
  }
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t c = 0; c < kColumns / 8; ++c)
      _mm512_storeu_pd(hessian + (i + r) * k + j + c * 8, sum[r][c]);
  }
}

}  // namespace

void hessian_rows_avx512(const float* x, int64_t rows, int64_t k, int64_t begin, int64_t end,
                         double* hessian) {
  int64_t i = begin;
  for (; i + kRows <= end; i += kRows) {
    // the corner on the diagonal, then whole tiles, then what is left of the columns
    for (int64_t r = i; r < i + kRows; ++r)
      hessian_part_plain(x, rows, k, r, r, i + kRows, hessian);
    int64_t j = i + kRows;
    for (; j + kColumns <= k; j += kColumns) tile(x, rows, k, i, j, hessian);
    for (int64_t r = i; r < i + kRows; ++r) hessian_part_plain(x, rows, k, r, j, k, hessian);
  }
  for (; i < end; ++i) hessian_part_plain(x, rows, k, i, i, k, hessian);
}

}  // namespace loadmark::ops
