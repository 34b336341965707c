// Repacks weights from their natural order into panels (packed.h). Runs once a weight, at load.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

#include "base/error.h"
#include "base/float16.h"
#include "ops/cpu/packed.h"

namespace loadmark::ops {
namespace {

using PackedPtr = std::shared_ptr<LinearWeight::Packed>;

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

PackedPtr make_packed(int64_t n, int64_t k) {
  if (n <= 0 || k <= 0 || n > INT32_MAX || k > INT32_MAX - 4096) {
    throw Error(kBadArgument, "a linear weight is " + std::to_string(n) + " x " +
                                  std::to_string(k) + "; both must be positive and below 2^31");
  }
  auto packed = std::make_shared<LinearWeight::Packed>();
  packed->panels = round_up(n, kPanel) / kPanel;
  packed->padded_k = k;
  return packed;
}

LinearWeight finish(WeightType type, int64_t n, int64_t k, int64_t group_size,
                    const PackedPtr& packed) {
  LinearWeight weight;
  weight.type = type;
  weight.n = n;
  weight.k = k;
  weight.group_size = group_size;
  weight.bytes = static_cast<int64_t>(packed->data.size() + packed->scale.size() +
                                      packed->zero.size() + packed->offset.size());
  weight.packed = packed;
  return weight;
}

template <class T>
LinearWeight pack_floats(WeightType type, const T* w, int64_t n, int64_t k) {
  const PackedPtr packed = make_packed(n, k);
  packed->panel_bytes = k * kPanel * static_cast<int64_t>(sizeof(T));
  packed->data = AlignedBuffer(static_cast<size_t>(packed->panels * packed->panel_bytes));
  for (int64_t panel = 0; panel < packed->panels; ++panel) {
    T* out = packed->data.as<T>() + panel * k * kPanel;
    for (int64_t lane = 0; lane < kPanel; ++lane) {
      const int64_t row = panel * kPanel + lane;
      for (int64_t column = 0; column < k; ++column) {
        out[column * kPanel + lane] = row < n ? w[row * k + column] : T{0};
      }
    }
  }
  return finish(type, n, k, 0, packed);
}

// Cuts the columns, taken in the order `sorted`, into segments of at most `longest` columns of one
// group.
template <class GroupOf>
void cut_segments(LinearWeight::Packed& packed, const std::vector<int32_t>& sorted, int64_t longest,
                  GroupOf group_of) {
  const auto k = static_cast<int64_t>(sorted.size());
  std::vector<int32_t> columns;
  for (int64_t begin = 0; begin < k;) {
    const int64_t group = group_of(sorted[static_cast<size_t>(begin)]);
    int64_t end = begin;
    while (end < k && end - begin < longest && group_of(sorted[static_cast<size_t>(end)]) == group)
      ++end;
    const int64_t padded = round_up(end - begin, 8);
    packed.segments.push_back({static_cast<int32_t>(columns.size()),
                               static_cast<int32_t>(padded / 8), static_cast<int32_t>(group)});
    columns.insert(columns.end(), sorted.begin() + begin, sorted.begin() + end);
    columns.resize(columns.size() + static_cast<size_t>(padded - (end - begin)), -1);
    begin = end;
  }
  packed.padded_k = static_cast<int64_t>(columns.size());
  bool identity = packed.padded_k == k;
  for (int64_t i = 0; identity && i < k; ++i) identity = columns[static_cast<size_t>(i)] == i;
  if (!identity) packed.columns = std::move(columns);
}

int64_t source_column(const LinearWeight::Packed& packed, int64_t padded_column) {
  return packed.columns.empty() ? padded_column
                                : packed.columns[static_cast<size_t>(padded_column)];
}

// The longest run of columns that shares one activation scale: the group itself up to kMaxSegment.
int64_t segment_length(int64_t group_size) { return group_size <= kMaxSegment ? group_size : 64; }

void check_int4(const Int4Weight& w) {
  const auto groups = static_cast<size_t>(w.groups());
  const auto n = static_cast<size_t>(w.n), k = static_cast<size_t>(w.k);
  const bool zeros_fit = w.offset.empty()
                             ? w.zero.size() == groups * n || (w.symmetric && w.zero.empty())
                             : w.zero.empty() && w.offset.size() == groups * n;
  if (w.q.size() != n * k || w.scale.size() != groups * n || !zeros_fit ||
      (!w.g_idx.empty() && w.g_idx.size() != k)) {
    throw Error(kInternal, "an int4 weight's vectors do not match its shape " + std::to_string(n) +
                               " x " + std::to_string(k) + ", group " +
                               std::to_string(w.group_size));
  }
  for (const int32_t group : w.g_idx) {
    if (group < 0 || static_cast<size_t>(group) >= groups) {
      throw Error(kBadArgument, "g_idx holds " + std::to_string(group) + "; allowed are 0 to " +
                                    std::to_string(groups - 1));
    }
  }
}

void fill_int4_panel(const Int4Weight& w, LinearWeight::Packed& packed, int64_t panel) {
  uint8_t* out = packed.data.as<uint8_t>() + panel * packed.panel_bytes;
  const int64_t lanes = std::min(kPanel, w.n - panel * kPanel);
  for (int64_t column = 0; column < packed.padded_k; ++column) {
    const int64_t source = source_column(packed, column);
    if (source < 0) continue;
    uint8_t* block = out + column / 8 * (kPanel * 4) + column % 4;
    const int shift = column % 8 < 4 ? 0 : 4;
    const uint8_t* q = w.q.data() + panel * kPanel * w.k + source;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      block[lane * 4] = static_cast<uint8_t>(block[lane * 4] | (q[lane * w.k] & 15) << shift);
    }
  }
}

void fill_int4_groups(const Int4Weight& w, LinearWeight::Packed& packed) {
  for (int64_t panel = 0; panel < packed.panels; ++panel) {
    const int64_t lanes = std::min(kPanel, w.n - panel * kPanel);
    for (int64_t group = 0; group < packed.groups; ++group) {
      const int64_t to = (panel * packed.groups + group) * kPanel;
      const int64_t from = group * w.n + panel * kPanel;
      for (int64_t lane = 0; lane < kPanel; ++lane) {
        const bool real = lane < lanes;
        packed.scale.as<uint16_t>()[to + lane] =
            real ? float_to_float16(w.scale[static_cast<size_t>(from + lane)]) : 0;
        if (packed.offset.size() > 0) {
          packed.offset.as<uint16_t>()[to + lane] =
              real ? float_to_float16(w.offset[static_cast<size_t>(from + lane)]) : 0;
        }
        if (packed.zero.size() > 0) {
          packed.zero.as<uint8_t>()[to + lane] =
              real ? w.zero[static_cast<size_t>(from + lane)] : 0;
        }
      }
    }
  }
}

// Values + 128 in panels, columns in segments of `longest` at most.
template <class GroupOf>
void fill_int8(LinearWeight::Packed& packed, const int8_t* w, int64_t n, int64_t k, int64_t longest,
               GroupOf group_of) {
  std::vector<int32_t> natural(static_cast<size_t>(k));
  std::iota(natural.begin(), natural.end(), 0);
  cut_segments(packed, natural, longest, group_of);
  packed.panel_bytes = packed.padded_k * kPanel;
  packed.data = AlignedBuffer(static_cast<size_t>(packed.panels * packed.panel_bytes));
  std::memset(packed.data.as<uint8_t>(), 128, packed.data.size());
  for (int64_t row = 0; row < n; ++row) {
    uint8_t* panel =
        packed.data.as<uint8_t>() + row / kPanel * packed.panel_bytes + row % kPanel * 4;
    for (int64_t column = 0; column < k; ++column) {
      panel[column / 4 * (kPanel * 4) + column % 4] =
          static_cast<uint8_t>(w[row * k + column] + 128);
    }
  }
}

}  // namespace

LinearWeight pack_float32(const float* w, int64_t n, int64_t k) {
  return pack_floats(WeightType::kFloat32, w, n, k);
}

LinearWeight pack_bfloat16(const uint16_t* w, int64_t n, int64_t k) {
  return pack_floats(WeightType::kBFloat16, w, n, k);
}

LinearWeight pack_float16(const uint16_t* w, int64_t n, int64_t k) {
  return pack_floats(WeightType::kFloat16, w, n, k);
}

LinearWeight pack_int8(const int8_t* w, const float* scale, int64_t n, int64_t k) {
  const PackedPtr packed = make_packed(n, k);
  packed->groups = 1;
  fill_int8(*packed, w, n, k, kInt8Segment, [](int32_t) { return 0; });
  packed->scale = AlignedBuffer(static_cast<size_t>(packed->panels * kPanel) * sizeof(float));
  for (int64_t row = 0; row < packed->panels * kPanel; ++row)
    packed->scale.as<float>()[row] = row < n ? scale[row] : 0.0f;
  return finish(WeightType::kInt8, n, k, 0, packed);
}

LinearWeight pack_int8(const Int8Groups& w) {
  if (w.group_size < 1 || w.group_size > kMaxSegment || w.group_size % 8 != 0) {
    throw Error(kBadArgument, "an int8 group has " + std::to_string(w.group_size) +
                                  " columns; allowed: multiples of 8 up to " +
                                  std::to_string(kMaxSegment));
  }
  const PackedPtr packed = make_packed(w.n, w.k);
  packed->groups = w.groups();
  fill_int8(*packed, w.q.data(), w.n, w.k, w.group_size,
            [&](int32_t column) { return column / static_cast<int32_t>(w.group_size); });
  packed->scale = AlignedBuffer(static_cast<size_t>(packed->panels * packed->groups * kPanel) *
                                sizeof(uint16_t));
  for (int64_t row = 0; row < packed->panels * kPanel; ++row) {
    for (int64_t group = 0; group < packed->groups; ++group) {
      packed->scale
          .as<uint16_t>()[(row / kPanel * packed->groups + group) * kPanel + row % kPanel] =
          row < w.n ? float_to_float16(w.scale[static_cast<size_t>(group * w.n + row)]) : 0;
    }
  }
  return finish(WeightType::kInt8, w.n, w.k, w.group_size, packed);
}

LinearWeight pack_int4(const Int4Weight& w) {
  if (w.group_size < 1)
    throw Error(kBadArgument,
                "group size is " + std::to_string(w.group_size) + "; it must be positive");
  const PackedPtr packed = make_packed(w.n, w.k);
  check_int4(w);
  packed->groups = w.groups();
  std::vector<int32_t> sorted(static_cast<size_t>(w.k));
  std::iota(sorted.begin(), sorted.end(), 0);
  const auto group_of = [&](int32_t column) { return w.group_of(column); };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](int32_t a, int32_t b) { return group_of(a) < group_of(b); });
  cut_segments(*packed, sorted, segment_length(w.group_size), group_of);
  packed->panel_bytes = packed->padded_k * kPanel / 2;
  packed->data = AlignedBuffer(static_cast<size_t>(packed->panels * packed->panel_bytes));
  std::memset(packed->data.as<uint8_t>(), 0, packed->data.size());
  const auto values = static_cast<size_t>(packed->panels * packed->groups * kPanel);
  packed->scale = AlignedBuffer(values * sizeof(uint16_t));
  const bool all_eight =
      std::all_of(w.zero.begin(), w.zero.end(), [](uint8_t zero) { return zero == 8; });
  if (!all_eight) packed->zero = AlignedBuffer(values);
  if (!w.offset.empty()) packed->offset = AlignedBuffer(values * sizeof(uint16_t));
  for (int64_t panel = 0; panel < packed->panels; ++panel) fill_int4_panel(w, *packed, panel);
  fill_int4_groups(w, *packed);
  return finish(WeightType::kInt4, w.n, w.k, w.group_size, packed);
}

}  // namespace loadmark::ops
