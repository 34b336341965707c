// The register-tiled loop behind subtract_product, written once and compiled once per vector width.
// Everything here has internal linkage: the same code exists under several instruction sets, and
// the linker must not merge them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace loadmark {
namespace {

constexpr int64_t kTileRows = 4;
constexpr int64_t kDepthBlock =
    128;  // rows of b walked per pass: a 128 x tile strip of b stays in the L1 cache

// One element at a time, for the ragged edges: acc -= a[p] * b[p] for p ascending, as the tile
// does.
inline void subtract_edge(double* c, int64_t ldc, const double* a, int64_t lda, const double* b,
                          int64_t ldb, int64_t m, int64_t n, int64_t k) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t p = 0; p < k; ++p) {
      const double factor = a[i * lda + p];
      for (int64_t j = 0; j < n; ++j) c[i * ldc + j] -= factor * b[p * ldb + j];
    }
  }
}

// A kTileRows x (2 lanes) tile of c held in registers while p runs.
template <class Vector>
inline void subtract_tile(double* c, int64_t ldc, const double* a, int64_t lda, const double* b,
                          int64_t ldb, int64_t k) {
  constexpr int64_t kLanes = sizeof(Vector) / sizeof(double);
  Vector acc[kTileRows][2];
  for (int64_t r = 0; r < kTileRows; ++r) std::memcpy(acc[r], c + r * ldc, sizeof(acc[r]));
  for (int64_t p = 0; p < k; ++p) {
    Vector left, right;
    std::memcpy(&left, b + p * ldb, sizeof(Vector));
    std::memcpy(&right, b + p * ldb + kLanes, sizeof(Vector));
    for (int64_t r = 0; r < kTileRows; ++r) {
      const double factor = a[r * lda + p];
      acc[r][0] -= factor * left;
      acc[r][1] -= factor * right;
    }
  }
  for (int64_t r = 0; r < kTileRows; ++r) std::memcpy(c + r * ldc, acc[r], sizeof(acc[r]));
}

template <class Vector>
inline void subtract_product_tiled(double* c, int64_t ldc, const double* a, int64_t lda,
                                   const double* b, int64_t ldb, int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kTileColumns = 2 * sizeof(Vector) / sizeof(double);
  const int64_t whole_rows = m - m % kTileRows;
  const int64_t whole_columns = n - n % kTileColumns;
  for (int64_t p0 = 0; p0 < k; p0 += kDepthBlock) {
    const int64_t depth = std::min(kDepthBlock, k - p0);
    const double* a_block = a + p0;
    const double* b_block = b + p0 * ldb;
    for (int64_t j = 0; j < whole_columns; j += kTileColumns) {
      for (int64_t i = 0; i < whole_rows; i += kTileRows) {
        subtract_tile<Vector>(c + i * ldc + j, ldc, a_block + i * lda, lda, b_block + j, ldb,
                              depth);
      }
    }
    subtract_edge(c + whole_columns, ldc, a_block, lda, b_block + whole_columns, ldb, whole_rows,
                  n - whole_columns, depth);
    subtract_edge(c + whole_rows * ldc, ldc, a_block + whole_rows * lda, lda, b_block, ldb,
                  m - whole_rows, n, depth);
  }
}

}  // namespace
}  // namespace loadmark
