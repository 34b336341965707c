// Undoes the permutation of a lane's registers: what is stored at i of 1024 belongs at order[i].
#include "quant/marlin_format.h"

#include <array>

namespace loadmark {
namespace {

constexpr int64_t kTile = 16;
constexpr int64_t kRun = 1024;  // four tiles of 256

// The place among four tiles (tile * 256 + input * 16 + output) of each stored value.
std::array<int, kRun> weight_order() {
  constexpr int kNibble[] = {0, 2, 4, 6, 1, 3, 5, 7};
  std::array<int, kRun> order;
  for (int lane = 0; lane < 32; ++lane) {
    // A lane holds inputs 2 (lane % 4) + {0, 1, 8, 9} of outputs lane / 4 + {0, 8}.
    int held[8];
    for (int i = 0; i < 8; ++i) {
      const int input = 2 * (lane % 4) + i % 2 + (i % 4 >= 2 ? 8 : 0);
      held[i] = 16 * input + lane / 4 + (i >= 4 ? 8 : 0);
    }
    for (int tile = 0; tile < 4; ++tile) {
      for (int i = 0; i < 8; ++i)
        order[static_cast<size_t>(lane * 32 + tile * 8 + i)] = held[kNibble[i]] + 256 * tile;
    }
  }
  return order;
}

// Where the scale at i of a run belongs.
int64_t scale_place(int64_t i, bool grouped) {
  if (grouped) return i / 64 * 64 + i % 64 / 8 + 8 * (i % 8);
  constexpr int kOffset[] = {0, 1, 8, 9, 16, 17, 24, 25};
  return i / 32 * 32 + 2 * (i % 32 / 8) + kOffset[i % 8];
}

}  // namespace

Int4Weight unpack_marlin(const int32_t* b, const uint16_t* s, int64_t n, int64_t k,
                         int64_t group_size) {
  Int4Weight weight{.n = n, .k = k, .group_size = group_size};
  const int64_t groups = weight.groups();
  const std::array<int, kRun> order = weight_order();
  weight.q.resize(static_cast<size_t>(n * k));
  weight.zero.assign(static_cast<size_t>(groups * n), 8);
  for (int64_t tile_row = 0; tile_row < k / kTile; ++tile_row) {
    const int32_t* words = b + tile_row * 2 * n;
    for (int64_t i = 0; i < kTile * n; ++i) {
      const int64_t place = i / kRun * kRun + order[static_cast<size_t>(i % kRun)];
      const int64_t row = place / 256 * kTile + place % kTile;
      const int64_t column = tile_row * kTile + place % 256 / kTile;
      weight.q[static_cast<size_t>(row * k + column)] =
          (static_cast<uint32_t>(words[i / 8]) >> (4 * (i % 8))) & 15u;
    }
  }
  const std::vector<float> stored = read_scales(s, groups, n);
  weight.scale.resize(stored.size());
  for (int64_t i = 0; i < groups * n; ++i) {
    weight.scale[static_cast<size_t>(i / n * n + scale_place(i % n, groups > 1))] =
        stored[static_cast<size_t>(i)];
  }
  return weight;
}

}  // namespace loadmark
