// Which batch sizes have a graph of their own? Few, since each costs memory, and dense where a step
// of few rows is short: 1, 2, 4, then eights to 64, then 32s.
#pragma once

#include <cstdint>
#include <vector>

namespace loadmark {

// The rung that holds `rows`.
inline int64_t padded_batch(int64_t rows) {
  if (rows <= 2) return rows;
  if (rows <= 4) return 4;
  return rows <= 64 ? (rows + 7) / 8 * 8 : (rows + 31) / 32 * 32;
}

// The rungs up to the one that holds `rows`.
inline std::vector<int64_t> batch_ladder(int64_t rows) {
  std::vector<int64_t> ladder;
  for (int64_t next = 1; next <= padded_batch(rows); next = padded_batch(next + 1))
    ladder.push_back(next);
  return ladder;
}

}  // namespace loadmark
