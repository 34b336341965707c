// linear: chooses the kernel, prepares the activations (act-order, padding, rounding), and cuts the
// output into tasks.
#include <algorithm>
#include <atomic>

#include "ops/cpu/isa.h"
#include "ops/cpu/linear_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {
namespace {

struct Choice {
  LinearKernel kernel;
  QuantizeKernel quantize;  // null: floating-point activations
  const char* name;
};

#define LOADMARK_CHOICES(float_isa, int_isa, float_name, int_name)                          \
  {{linear_float32_##float_isa, nullptr, "fp32 " float_name ", fp32 activations"},          \
   {linear_bfloat16_##float_isa, nullptr, "bf16 " float_name ", fp32 activations"},         \
   {linear_float16_##float_isa, nullptr, "fp16 " float_name ", fp32 activations"},          \
   {linear_int8_dequantized_##float_isa, nullptr, "int8 " float_name ", fp32 activations"}, \
   {linear_int4_dequantized_##float_isa, nullptr, "int4 " float_name ", fp32 activations"}, \
   {linear_int8_##int_isa, quantize_row_##int_isa, "int8 " int_name ", int8 activations"},  \
   {linear_int4_##int_isa, quantize_row_##int_isa, "int4 " int_name ", int8 activations"}}
// In the order of WeightType, then int8 and int4 with rounded activations.
using Choices = Choice[7];
constexpr Choices kPlain = LOADMARK_CHOICES(plain, plain, "plain", "plain");
#if defined(LOADMARK_X86)
constexpr Choices kAvx2 = LOADMARK_CHOICES(avx2, avx2, "avx2", "avx2");
constexpr Choices kAvx512 = LOADMARK_CHOICES(avx512, avx2, "avx512", "avx2");
constexpr Choices kAvx512Vnni = LOADMARK_CHOICES(avx512, avx512vnni, "avx512", "avx512-vnni");
#endif
#undef LOADMARK_CHOICES

const Choices& choices([[maybe_unused]] Isa isa) {
#if defined(LOADMARK_X86)
  if (isa == Isa::kAvx512) return has_avx512_vnni() ? kAvx512Vnni : kAvx512;
  if (isa == Isa::kAvx2) return kAvx2;
#endif
  return kPlain;
}

const Choice& choose(const Context& context, WeightType type) {
  const bool rounded = context.activations == ActivationType::kInt8;
  int index = static_cast<int>(type);
  if (rounded && type == WeightType::kInt8) index = 5;
  if (rounded && type == WeightType::kInt4) index = 6;
  return choices(context.isa)[index];
}

// Copies a row's columns into packed order; padding is zero.
void gather_row(const LinearWeight::Packed& packed, const float* x, float* out) {
  const int32_t* columns = packed.columns.data();
  for (int64_t i = 0; i < packed.padded_k; ++i) out[i] = columns[i] < 0 ? 0.0f : x[columns[i]];
}

// Activations as a kernel wants them; the memory is kept by the calling thread between calls.
struct Scratch {
  AlignedBuffer gathered, rounded, scale, sum;
};

struct Activations {
  const float* x;
  int64_t stride;
  int64_t rows;
  const int8_t* rounded = nullptr;
  const float* scale = nullptr;
  const int32_t* sum = nullptr;
};

Activations prepare(const Context& context, const Choice& choice, const LinearWeight& w,
                    const float* x, int64_t x_stride, int64_t rows) {
  const LinearWeight::Packed& packed = *w.packed;
  const bool gather = !packed.columns.empty();
  if (!gather && choice.quantize == nullptr) return {x, x_stride, rows};
  thread_local Scratch scratch;
  const int64_t width = packed.padded_k;
  const auto segments = static_cast<int64_t>(packed.segments.size());
  if (gather) scratch.gathered.reserve(static_cast<size_t>(rows * width) * sizeof(float));
  if (choice.quantize != nullptr) {
    scratch.rounded.reserve(static_cast<size_t>(rows * width));
    scratch.scale.reserve(static_cast<size_t>(rows * segments) * sizeof(float));
    scratch.sum.reserve(static_cast<size_t>(rows * segments) * sizeof(int32_t));
  }
  auto* gathered = scratch.gathered.as<float>();
  auto* rounded = scratch.rounded.as<int8_t>();
  auto* scale = scratch.scale.as<float>();
  auto* sum = scratch.sum.as<int32_t>();
  run_rows(context, rows, width, [&](int64_t row) {
    const float* source = x + row * x_stride;
    if (gather) {
      gather_row(packed, source, gathered + row * width);
      source = gathered + row * width;
    }
    if (choice.quantize != nullptr) {
      choice.quantize(source, packed.segments.data(), segments, rounded + row * width, scale + row,
                      sum + row, rows);
    }
  });
  return {gather ? gathered : x, gather ? width : x_stride, rows, rounded, scale, sum};
}

LinearBlock make_block(const LinearWeight& w, const Activations& a, int64_t first_panel,
                       int64_t first_row, float* y) {
  const LinearWeight::Packed& packed = *w.packed;
  const auto segments = static_cast<int64_t>(packed.segments.size());
  const int64_t group_offset = first_panel * packed.groups * kPanel;
  LinearBlock block{};
  block.w = packed.data.as<const uint8_t>() + first_panel * packed.panel_bytes;
  block.panel_bytes = packed.panel_bytes;
  block.k = packed.padded_k;
  block.y = y + first_row * w.n + first_panel * kPanel;
  block.y_stride = w.n;
  block.x = a.x + first_row * a.stride;
  block.x_stride = a.stride;
  block.segments = packed.segments.data();
  block.segment_count = segments;
  block.groups = packed.groups;
  if (w.group_size > 0) {
    block.group_scale = packed.scale.as<const uint16_t>() + group_offset;
  } else if (w.type == WeightType::kInt8) {
    block.scale8 = packed.scale.as<const float>() + first_panel * kPanel;
  }
  if (packed.zero.size() > 0) block.zero = packed.zero.as<const uint8_t>() + group_offset;
  if (packed.offset.size() > 0) block.offset = packed.offset.as<const uint16_t>() + group_offset;
  if (a.rounded != nullptr) {
    block.xq = a.rounded + first_row * packed.padded_k;
    block.x_scale = a.scale + first_row;
    block.x_sum = a.sum + first_row;
    block.x_rows = a.rows;
  }
  return block;
}

// Rows up to which the reading of weights decides, rather than the multiplying.
constexpr int64_t kStreamRows = 8;

// Calls fn(part) for every part. A thread takes runs of consecutive parts, a quarter of its share
// of what is left: long streams of weights first, and at the end pieces so small that no thread
// waits long.
template <class Fn>
void run_shares(const Context& context, int64_t parts, int64_t multiply_adds, Fn fn) {
  std::atomic<int64_t> next{0};
  const int64_t divisor = 4 * context.pool->size();
  run_tasks(context, context.pool->size(), multiply_adds, [&](int64_t) {
    int64_t begin = next.load(std::memory_order_relaxed);
    while (begin < parts) {
      const int64_t end = begin + std::max<int64_t>(1, (parts - begin) / divisor);
      if (!next.compare_exchange_weak(begin, end, std::memory_order_relaxed)) continue;
      for (int64_t part = begin; part < end; ++part) fn(part);
      begin = next.load(std::memory_order_relaxed);
    }
  });
}

}  // namespace

void linear(const Context& context, const LinearWeight& w, const float* x, int64_t x_stride,
            int64_t rows, float* y) {
  if (rows <= 0) return;
  const Choice& choice = choose(context, w.type);
  const Activations activations = prepare(context, choice, w, x, x_stride, rows);
  const int64_t panels = w.packed->panels;
  const int64_t panel_blocks = (panels + kBlockPanels - 1) / kBlockPanels;
  const int64_t row_blocks = (rows + kRowBlock - 1) / kRowBlock;
  const int64_t parts = panel_blocks * row_blocks, multiply_adds = rows * w.n * w.k;
  const auto run_part = [&](int64_t part) {
    const int64_t first_panel = part / row_blocks * kBlockPanels;
    const int64_t first_row = part % row_blocks * kRowBlock;
    LinearBlock block = make_block(w, activations, first_panel, first_row, y);
    block.panels = std::min(kBlockPanels, panels - first_panel);
    block.n = std::min(block.panels * kPanel, w.n - first_panel * kPanel);
    block.rows = std::min(kRowBlock, rows - first_row);
    choice.kernel(block);
  };
  if (rows <= kStreamRows) {
    run_shares(context, parts, multiply_adds, run_part);
  } else {
    run_tasks(context, parts, multiply_adds, run_part);
  }
}

const char* linear_kernel_name(const Context& context, WeightType type) {
  return choose(context, type).name;
}

}  // namespace loadmark::ops
