// How is a fault of a GPU told? Kernels run behind the host's back, so that what can be said is
// which steps were under way, and how the kernel's name is found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace loadmark {

// A step that was begun, as a message calls it.
struct GpuStep {
  int64_t number = 0;  // since the load, 1 is the first
  bool is_graph = false;
  int64_t decode_rows = 0;  // of a graph with those that fill it up
  int64_t prompt_rows = 0;
};

// `fault` and the steps begun and not finished.
std::string describe_fault(const std::string& fault, const std::vector<GpuStep>& under_way);

}  // namespace loadmark
