// Cuts the rows of a light operator into tasks worth waking a thread for.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/ops.h"

namespace loadmark::ops {

// Values a task should touch at least: about 5 us of streaming, a few times the cost of handing it
// out.
inline constexpr int64_t kTaskValues = 16 << 10;

// Multiply-adds below which an operator runs on the calling thread: about 2 us of work, what a
// start and join can cost.
inline constexpr int64_t kInlineMultiplyAdds = 512 << 10;

// Calls fn(task) for every task, on the pool when they are worth it together.
template <class Fn>
void run_tasks(const Context& context, int64_t tasks, int64_t multiply_adds, Fn fn) {
  if (multiply_adds < kInlineMultiplyAdds) {
    for (int64_t task = 0; task < tasks; ++task) fn(task);
  } else {
    context.pool->run(tasks, [&](int64_t task, int) { fn(task); });
  }
}

// Calls fn(row) for every row; `width` is how many values a row touches.
template <class Fn>
void run_rows(const Context& context, int64_t rows, int64_t width, Fn fn) {
  if (rows <= 0) return;
  const int64_t rows_per_task = std::max<int64_t>(1, kTaskValues / std::max<int64_t>(1, width));
  context.pool->run((rows + rows_per_task - 1) / rows_per_task, [&](int64_t task, int) {
    const int64_t end = std::min(rows, (task + 1) * rows_per_task);
    for (int64_t row = task * rows_per_task; row < end; ++row) fn(row);
  });
}

}  // namespace loadmark::ops
