// accumulate_hessian for AVX2: products of two fp32 values are exact in double, one fused add each,
// rows in order.
#include <immintrin.h>

#include "ops/cpu/hessian_kernels.h"

namespace loadmark::ops {
namespace {

// hessian rows i, i+1 and columns [j, j + 8).
void tile(const float* x, int64_t rows, int64_t k, int64_t i, int64_t j, double* hessian) {
  __m256d sum[2][2];
  for (int64_t r = 0; r < 2; ++r) {
    for (int64_t c = 0; c < 2; ++c) sum[r][c] = _mm256_loadu_pd(hessian + (i + r) * k + j + c * 4);
  }
  for (int64_t row = 0; row < rows; ++row) {
    const float* values = x + row * k;
    const __m256d low = _mm256_cvtps_pd(_mm_loadu_ps(values + j)),
                  high = _mm256_cvtps_pd(_mm_loadu_ps(values + j + 4));
    for (int64_t r = 0; r < 2; ++r) {
      const __m256d xi = _mm256_set1_pd(static_cast<double>(values[i + r]));
      sum[r][0] = _mm256_fmadd_pd(xi, low, sum[r][0]);
      sum[r][1] = _mm256_fmadd_pd(xi, high, sum[r][1]);
    }
  }
  for (int64_t r = 0; r < 2; ++r) {
    for (int64_t c = 0; c < 2; ++c) _mm256_storeu_pd(hessian + (i + r) * k + j + c * 4, sum[r][c]);
  }
}

}  // namespace

void hessian_rows_avx2(const float* x, int64_t rows, int64_t k, int64_t begin, int64_t end,
                       double* hessian) {
  int64_t i = begin;
  for (; i + 2 <= end; i += 2) {
    // the corner on the diagonal, then whole tiles, then what is left of the columns
    for (int64_t r = i; r < i + 2; ++r) hessian_part_plain(x, rows, k, r, r, i + 2, hessian);
    int64_t j = i + 2;
    for (; j + 8 <= k; j += 8) tile(x, rows, k, i, j, hessian);
    for (int64_t r = i; r < i + 2; ++r) hessian_part_plain(x, rows, k, r, j, k, hessian);
  }
  for (; i < end; ++i) hessian_part_plain(x, rows, k, i, i, k, hessian);
}

}  // namespace loadmark::ops
