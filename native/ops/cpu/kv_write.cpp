// kv_write: puts a step's keys and values at their places in the paged cache (kv_place.h), rounded
// to its type.
#include <cstring>

#include "base/aligned_buffer.h"
#include "ops/cpu/kv_place.h"
#include "ops/cpu/row_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {
namespace {

void round_row(const RowKernels& kernels, KvType type, const float* x, int64_t count, void* out) {
  if (type == KvType::kFloat32) {
    std::memcpy(out, x, static_cast<size_t>(count) * sizeof(float));
  } else if (type == KvType::kFloat16) {
    kernels.float_to_float16(x, count, static_cast<uint16_t*>(out));
  } else {
    kernels.float_to_bfloat16(x, count, static_cast<uint16_t*>(out));
  }
}

// One row, whose keys must be spread out: values[i] -> every `width`-th place.
template <class Value>
void write_row(const RowKernels& kernels, const PagedKv& kv, int64_t page, int64_t token,
               const float* k, const float* v, Value* rounded) {
  round_row(kernels, kv.type, k, kv.kv_heads * kv.head_dim, rounded);
  for (int64_t head = 0; head < kv.kv_heads; ++head, rounded += kv.head_dim) {
    const KvBlock block = kv_block(kv, page, head, token);
    const int64_t place = token - block.position;
    Value* keys = static_cast<Value*>(kv.k) + block.offset + place;
    if (block.width == kKeyBlock) {
      for (int64_t i = 0; i < kv.head_dim; ++i) keys[i * kKeyBlock] = rounded[i];
    } else {
      for (int64_t i = 0; i < kv.head_dim; ++i) keys[i * block.width] = rounded[i];
    }
    round_row(kernels, kv.type, v + head * kv.head_dim, kv.head_dim,
              static_cast<Value*>(kv.v) + block.offset + place * kv.head_dim);
  }
}

}  // namespace

void kv_write(const Context& context, const PagedKv& kv, const RowPlaces& places, const float* k,
              int64_t k_stride, const float* v, int64_t v_stride) {
  const int64_t width = kv.kv_heads * kv.head_dim;
  const RowKernels& kernels = row_kernels(context.isa);
  run_rows(context, places.rows, 2 * width, [&](int64_t row) {
    thread_local AlignedBuffer scratch;
    scratch.reserve(static_cast<size_t>(width) * sizeof(float));
    const int64_t position = places.positions[row];
    const int64_t page = places.page_tables[row][position / kv.page_tokens];
    const int64_t token = position % kv.page_tokens;
    const float* keys = k + row * k_stride;
    const float* values = v + row * v_stride;
    if (kv.type == KvType::kFloat32) {
      write_row(kernels, kv, page, token, keys, values, scratch.as<float>());
    } else {
      write_row(kernels, kv, page, token, keys, values, scratch.as<uint16_t>());
    }
  });
}

}  // namespace loadmark::ops
