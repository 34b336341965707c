// The int4 kernels' launchers.
#pragma once

#include "ops/cuda/linear_operands.cuh"
#include "ops/cuda/packed.cuh"

namespace loadmark::ops::cuda {

// Few rows: as many as can_run_int4_few_rows allows.
void int4_linear_few_rows(const Gpu& gpu, Activation activation, const Int4Layout& w,
                          const LinearRows& input, int64_t rows, const LinearOutput& out);
// Any number of rows; sm_90a only.
void int4_linear_many_rows_sm90(const Gpu& gpu, Activation activation, const Int4Layout& w,
                                const LinearRows& input, int64_t rows, const LinearOutput& out);
// Any number of rows; sm_80 and later.
void int4_linear_many_rows_mma(const Gpu& gpu, Activation activation, const Int4Layout& w,
                               const LinearRows& input, int64_t rows, const LinearOutput& out);
// Scratch of the sm_90 kernel.
int64_t many_rows_partial_floats(int multiprocessors);

}  // namespace loadmark::ops::cuda
