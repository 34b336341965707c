#include "quant/rtn.h"

#include <string>

#include "base/error.h"

namespace loadmark {

void check_quantizable(int64_t n, int64_t k, const QuantizeSettings& settings) {
  const std::string shape =
      " (this linear is " + std::to_string(n) + " x " + std::to_string(k) + ")";
  if (settings.group_size < 1 || k % settings.group_size != 0) {
    throw Error(kBadArgument, "group size " + std::to_string(settings.group_size) +
                                  " does not divide the input features " + std::to_string(k) +
                                  shape);
  }
  if (k % 8 != 0) {
    throw Error(kBadArgument,
                "input features " + std::to_string(k) + " are not a multiple of 8" + shape);
  }
  if (n % 8 != 0) {
    throw Error(kBadArgument,
                "output features " + std::to_string(n) + " are not a multiple of 8" + shape);
  }
}

Int4Weight quantize_rtn(const float* w, int64_t n, int64_t k, const QuantizeSettings& settings,
                        ThreadPool& pool) {
  check_quantizable(n, k, settings);
  Int4Weight out;
  out.n = n;
  out.k = k;
  out.group_size = settings.group_size;
  out.symmetric = settings.symmetric;
  const int64_t groups = out.groups();
  out.q.resize(static_cast<size_t>(n * k));
  out.scale.resize(static_cast<size_t>(groups * n));
  out.zero.resize(static_cast<size_t>(groups * n));
  pool.run(n, [&](int64_t row, int) {
    const std::vector<double> values(w + row * k, w + (row + 1) * k);
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t first = g * settings.group_size;
      const GroupGrid grid = fit_group_grid(values.data() + first, settings.group_size, settings);
      out.scale[static_cast<size_t>(g * n + row)] = grid.scale;
      out.zero[static_cast<size_t>(g * n + row)] = static_cast<uint8_t>(grid.zero);
      for (int64_t i = first; i < first + settings.group_size; ++i) {
        out.q[static_cast<size_t>(row * k + i)] =
            static_cast<uint8_t>(nearest_level(grid, values[static_cast<size_t>(i)]));
      }
    }
  });
  return out;
}

}  // namespace loadmark
