// kv_write: puts a step's keys and values at their places in the paged cache, rounded to its type.
#include <cstring>

#include "ops/cpu/kv_place.h"
#include "ops/cpu/row_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {
namespace {

void write_row(const RowKernels& kernels, KvType type, void* cache, int64_t at, const float* x,
               int64_t count) {
  if (type == KvType::kFloat32) {
    std::memcpy(static_cast<float*>(cache) + at, x, static_cast<size_t>(count) * sizeof(float));
  } else if (type == KvType::kFloat16) {
    kernels.float_to_float16(x, count, static_cast<uint16_t*>(cache) + at);
  } else {
    kernels.float_to_bfloat16(x, count, static_cast<uint16_t*>(cache) + at);
  }
}

}  // namespace

void kv_write(const Context& context, const PagedKv& kv, const RowPlaces& places, const float* k,
              int64_t k_stride, const float* v, int64_t v_stride) {
  const int64_t width = kv.kv_heads * kv.head_dim;
  const RowKernels& kernels = row_kernels(context.isa);
  run_rows(context, places.rows, 2 * width, [&](int64_t row) {
    const int64_t at = kv_offset(kv, places.page_tables[row], places.positions[row]);
    write_row(kernels, kv.type, kv.k, at, k + row * k_stride, width);
    write_row(kernels, kv.type, kv.v, at, v + row * v_stride, width);
  });
}

}  // namespace loadmark::ops
