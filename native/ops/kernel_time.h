// What a kernel took in the steps that were profiled, for those who time it and those who tell it.
#pragma once

#include <cstdint>
#include <string>

namespace loadmark::ops {

struct KernelTime {
  std::string name;  // purpose and kernel: "gate_up: int4_linear_few_rows"
  int64_t count = 0;
  double milliseconds = 0;
  double bytes = 0, flops = 0;  // of the work it was given; 0 where that is not known
};

}  // namespace loadmark::ops
