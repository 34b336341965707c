// Chooses the light operators' kernels for an instruction set.
#include "ops/cpu/row_kernels.h"

namespace loadmark::ops {
namespace {

#define LOADMARK_ROW_KERNELS(isa)                                                            \
  RowKernels {                                                                               \
    rmsnorm_row_##isa, layernorm_row_##isa, add_##isa, silu_mul_row_##isa, gelu_new_##isa,   \
        rope_row_##isa, argmax_row_##isa, max_##isa, exp_sum_##isa, bfloat16_to_float_##isa, \
        float16_to_float_##isa, float_to_bfloat16_##isa, float_to_float16_##isa              \
  }
constexpr RowKernels kPlain = LOADMARK_ROW_KERNELS(plain);
#if defined(LOADMARK_X86)
constexpr RowKernels kAvx2 = LOADMARK_ROW_KERNELS(avx2);
constexpr RowKernels kAvx512 = LOADMARK_ROW_KERNELS(avx512);
#endif
#undef LOADMARK_ROW_KERNELS

}  // namespace

const RowKernels& row_kernels([[maybe_unused]] Isa isa) {
#if defined(LOADMARK_X86)
  if (isa == Isa::kAvx512) return kAvx512;
  if (isa == Isa::kAvx2) return kAvx2;
#endif
  return kPlain;
}

}  // namespace loadmark::ops
