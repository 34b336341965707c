// Matrices of outputs are cut by rows, those of groups by columns.
#include "model/linear_cut.h"

#include <algorithm>
#include <set>

#include "base/error.h"

namespace loadmark {
namespace {

// Rows and columns of a matrix (., width); what is empty stays empty.
template <class T>
std::vector<T> cut(const std::vector<T>& matrix, int64_t width, const Range& rows,
                   const Range& columns) {
  std::vector<T> out;
  if (matrix.empty()) return out;
  out.reserve(static_cast<size_t>(rows.count * columns.count));
  for (int64_t row = rows.first; row < rows.first + rows.count; ++row) {
    const auto first = matrix.begin() + row * width + columns.first;
    out.insert(out.end(), first, first + columns.count);
  }
  return out;
}

FloatLinear cut_content(const FloatLinear& w, const SourceLinear& whole, const Range& outputs,
                        const Range& inputs) {
  const int64_t bytes = data_type_bytes(w.type);
  return {w.type,
          cut(w.bits, whole.k * bytes, outputs, {inputs.first * bytes, inputs.count * bytes})};
}

Int8Linear cut_content(const Int8Linear& w, const SourceLinear& whole, const Range& outputs,
                       const Range& inputs) {
  return {cut(w.q, whole.k, outputs, inputs), cut(w.absmax, 1, outputs, {0, 1})};
}

RoundedInt8 cut_content(const RoundedInt8& w, const SourceLinear& whole, const Range& outputs,
                        const Range& inputs) {
  return {cut(w.q, whole.k, outputs, inputs), cut(w.scale, 1, outputs, {0, 1})};
}

// The groups of `inputs`, which begin and end with one.
Range groups_of(int64_t group_size, int64_t k, const Range& inputs) {
  const int64_t end = inputs.first + inputs.count;
  return {inputs.first / group_size,
          end == k ? (inputs.count + group_size - 1) / group_size : inputs.count / group_size};
}

bool keeps_groups(int64_t group_size, int64_t k, const Range& inputs) {
  const int64_t end = inputs.first + inputs.count;
  return inputs.first % group_size == 0 && (end == k || end % group_size == 0);
}

Int8Groups cut_content(const Int8Groups& w, const SourceLinear& whole, const Range& outputs,
                       const Range& inputs) {
  if (!keeps_groups(w.group_size, w.k, inputs)) {
    throw Error(kInternal, whole.path + ": inputs from " + std::to_string(inputs.first) +
                               " on cut a group of " + std::to_string(w.group_size));
  }
  const Range groups = groups_of(w.group_size, w.k, inputs);
  return {outputs.count, inputs.count, w.group_size, cut(w.q, whole.k, outputs, inputs),
          cut(w.scale, w.n, groups, outputs)};
}

// The groups that `inputs` are of, ascending.
std::vector<int32_t> used_groups(const Int4Weight& w, const Range& inputs) {
  std::set<int32_t> used;
  for (int64_t column = inputs.first; column < inputs.first + inputs.count; ++column)
    used.insert(static_cast<int32_t>(w.group_of(column)));
  return {used.begin(), used.end()};
}

// Columns that a scale covers where parts of groups are held: few, since kernels fill up what a
// group lacks to a multiple of them.
constexpr int64_t kScatteredGroup = 32;

// Columns name the groups they are of, counted anew.
void number_groups(const Int4Weight& whole, const Range& inputs, const std::vector<int32_t>& used,
                   Int4Weight* part) {
  part->group_size = std::min(whole.group_size, kScatteredGroup);
  part->group_count = static_cast<int64_t>(used.size());
  for (int64_t column = inputs.first; column < inputs.first + inputs.count; ++column) {
    const auto group = static_cast<int32_t>(whole.group_of(column));
    const auto at = std::lower_bound(used.begin(), used.end(), group);
    part->g_idx.push_back(static_cast<int32_t>(at - used.begin()));
  }
}

Int4Weight cut_content(const Int4Weight& w, const SourceLinear& whole, const Range& outputs,
                       const Range& inputs) {
  Int4Weight part{.n = outputs.count, .k = inputs.count, .group_size = w.group_size};
  part.symmetric = w.symmetric;
  part.q = cut(w.q, whole.k, outputs, inputs);
  const auto take_group = [&](const Range& group) {
    const auto append = [](auto* to, const auto& values) {
      to->insert(to->end(), values.begin(), values.end());
    };
    append(&part.scale, cut(w.scale, w.n, group, outputs));
    append(&part.zero, cut(w.zero, w.n, group, outputs));
    append(&part.offset, cut(w.offset, w.n, group, outputs));
  };
  if (inputs.count == w.k) {
    part.g_idx = w.g_idx;
    part.group_count = w.group_count;
    take_group({0, w.groups()});
  } else if (w.groups() == 1) {
    part.group_size = inputs.count;
    take_group({0, 1});
  } else if (w.g_idx.empty() && keeps_groups(w.group_size, w.k, inputs)) {
    part.group_size = std::min(w.group_size, inputs.count);
    take_group(groups_of(w.group_size, w.k, inputs));
  } else {
    const std::vector<int32_t> used = used_groups(w, inputs);
    number_groups(w, inputs, used, &part);
    for (const int32_t group : used) take_group({group, 1});
  }
  return part;
}

}  // namespace

SourceLinear cut_linear(const SourceLinear& source, const Range& outputs, const Range& inputs) {
  SourceLinear part{source.path, outputs.count, inputs.count, {}, source.stored};
  std::visit(
      [&](const auto& content) { part.content = cut_content(content, source, outputs, inputs); },
      source.content);
  return part;
}

}  // namespace loadmark
