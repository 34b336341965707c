// Chooses the vector width of subtract_product at run time; the baseline loop is compiled here.
#include "quant/dense_kernel.h"

#include "quant/dense_kernel_tile.h"

namespace loadmark {

#if LOADMARK_X86
void subtract_product_avx2(double* c, int64_t ldc, const double* a, int64_t lda, const double* b,
                           int64_t ldb, int64_t m, int64_t n, int64_t k);
#endif

void subtract_product(double* c, int64_t ldc, const double* a, int64_t lda, const double* b,
                      int64_t ldb, int64_t m, int64_t n, int64_t k) {
#if LOADMARK_X86
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  if (has_avx2) return subtract_product_avx2(c, ldc, a, lda, b, ldb, m, n, k);
#endif
  typedef double Vector __attribute__((vector_size(16)));
  subtract_product_tiled<Vector>(c, ldc, a, lda, b, ldb, m, n, k);
}

}  // namespace loadmark
