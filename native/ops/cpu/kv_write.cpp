// kv_write: puts a step's keys and values at their places in the paged cache (kv_place.h), rounded
// to its type.
#include <cstring>

#if defined(LOADMARK_X86)
#include <emmintrin.h>
#endif

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

// values[i] -> every `width`-th place.
template <class Value>
void spread(const Value* values, int64_t count, int64_t width, Value* out) {
  if (width == kKeyBlock) {
    for (int64_t i = 0; i < count; ++i) out[i * kKeyBlock] = values[i];
  } else {
    for (int64_t i = 0; i < count; ++i) out[i * width] = values[i];
  }
}

constexpr int64_t kSpreadRows = 8;

// The same for 8 rows `stride` apart and as many places side by side; count % 8 == 0.
template <class Value>
void spread_rows(const Value* rows, int64_t stride, int64_t count, Value* out) {
  for (int64_t j = 0; j < kSpreadRows; ++j) spread(rows + j * stride, count, kKeyBlock, out + j);
}

#if defined(LOADMARK_X86)
template <>
void spread_rows(const uint16_t* rows, int64_t stride, int64_t count, uint16_t* out) {
  for (int64_t i = 0; i < count; i += 8) {
    __m128i a[8], b[8];
    for (int64_t j = 0; j < 8; ++j)
      a[j] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + j * stride + i));
    // Three rounds of the perfect shuffle of row j with row j + 4 transpose 8 x 8.
    for (int round = 0; round < 3; ++round) {
      for (int64_t j = 0; j < 4; ++j) {
        b[2 * j] = _mm_unpacklo_epi16(a[j], a[j + 4]);
        b[2 * j + 1] = _mm_unpackhi_epi16(a[j], a[j + 4]);
      }
      std::memcpy(a, b, sizeof a);
    }
    for (int64_t j = 0; j < 8; ++j)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + (i + j) * kKeyBlock), a[j]);
  }
}
#endif

struct Call {
  const RowKernels& kernels;
  const PagedKv& kv;
  const RowPlaces& places;
  const float* k;
  int64_t k_stride;
  const float* v;
  int64_t v_stride;

  int64_t page(int64_t row) const {
    return places.page_tables[row][places.positions[row] / kv.page_tokens];
  }
  int64_t token(int64_t row) const { return places.positions[row] % kv.page_tokens; }
  // Whether the 8 rows from `row` on stand side by side in one whole block of 16.
  bool side_by_side(int64_t row, int64_t end) const {
    const int64_t last = row + kSpreadRows - 1;
    if (last >= end || kv.head_dim % 8 != 0 || page(row) != page(last)) return false;
    const KvBlock block = kv_block(kv, 0, 0, token(row));
    if (block.width != kKeyBlock || token(row) + kSpreadRows > block.position + block.width)
      return false;
    for (int64_t i = row; i < last; ++i) {
      if (places.page_tables[i + 1] != places.page_tables[i] ||
          places.positions[i + 1] != places.positions[i] + 1)
        return false;
    }
    return true;
  }
};

// Rows [row, row + count), 1 or 8 side by side.
template <class Value>
void write_rows(const Call& call, int64_t row, int64_t count, Value* rounded) {
  const PagedKv& kv = call.kv;
  const int64_t width = kv.kv_heads * kv.head_dim, page = call.page(row), token = call.token(row);
  for (int64_t j = 0; j < count; ++j) {
    round_row(call.kernels, kv.type, call.k + (row + j) * call.k_stride, width,
              rounded + j * width);
  }
  for (int64_t head = 0; head < kv.kv_heads; ++head, rounded += kv.head_dim) {
    const KvBlock block = kv_block(kv, page, head, token);
    const int64_t place = token - block.position;
    Value* keys = static_cast<Value*>(kv.k) + block.offset + place;
    Value* values = static_cast<Value*>(kv.v) + block.offset + place * kv.head_dim;
    if (count == kSpreadRows) {
      spread_rows<Value>(rounded, width, kv.head_dim, keys);
    } else {
      spread(rounded, kv.head_dim, block.width, keys);
    }
    for (int64_t j = 0; j < count; ++j) {
      round_row(call.kernels, kv.type, call.v + (row + j) * call.v_stride + head * kv.head_dim,
                kv.head_dim, values + j * kv.head_dim);
    }
  }
}

constexpr int64_t kRowsAtOnce = 32;  // looked at together for rows side by side

}  // namespace

void kv_write(const Context& context, const PagedKv& kv, const RowPlaces& places, const float* k,
              int64_t k_stride, const float* v, int64_t v_stride) {
  const int64_t width = kv.kv_heads * kv.head_dim;
  const Call call{row_kernels(context.isa), kv, places, k, k_stride, v, v_stride};
  const int64_t groups = (places.rows + kRowsAtOnce - 1) / kRowsAtOnce;
  run_rows(context, groups, kRowsAtOnce * 2 * width, [&](int64_t group) {
    thread_local AlignedBuffer scratch;
    scratch.reserve(static_cast<size_t>(kSpreadRows * width) * sizeof(float));
    const int64_t end = std::min(places.rows, (group + 1) * kRowsAtOnce);
    for (int64_t row = group * kRowsAtOnce; row < end;) {
      const int64_t count = call.side_by_side(row, end) ? kSpreadRows : 1;
      if (kv.type == KvType::kFloat32) {
        write_rows(call, row, count, scratch.as<float>());
      } else {
        write_rows(call, row, count, scratch.as<uint16_t>());
      }
      row += count;
    }
  });
}

}  // namespace loadmark::ops
