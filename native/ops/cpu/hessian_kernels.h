// The kernels of accumulate_hessian: a run of rows of the upper triangle.
#pragma once

#include <cstdint>

namespace loadmark::ops {

inline constexpr int64_t kHessianRows = 8;  // rows of the hessian a task takes

// hessian[i][j] += sum over rows of x[row][i] * x[row][j], for i in [begin, end), j in [i, k), rows
// in order.
void hessian_rows_plain(const float* x, int64_t rows, int64_t k, int64_t begin, int64_t end,
                        double* hessian);
void hessian_rows_avx2(const float* x, int64_t rows, int64_t k, int64_t begin, int64_t end,
                       double* hessian);
void hessian_rows_avx512(const float* x, int64_t rows, int64_t k, int64_t begin, int64_t end,
                         double* hessian);
// The same for one i and j in [first, last): what tiles leave over.
void hessian_part_plain(const float* x, int64_t rows, int64_t k, int64_t i, int64_t first,
                        int64_t last, double* hessian);

}  // namespace loadmark::ops
