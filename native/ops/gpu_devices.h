// Which GPUs this build could use, or why it can use none. Answers without touching a GPU's memory
// or state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace loadmark::ops {

struct GpuDevice {
  std::string name;
  std::string pci_bus_id;  // "0000:0f:00.0", by which other tools know it
  int64_t memory_bytes = 0;
  int compute_major = 0, compute_minor = 0;
  int multiprocessors = 0;
  double peak_bandwidth_gbs =
      0;  // 2 x memory clock x bus width, the datasheet's figure; 0 when the driver hides it
};

struct GpuSurvey {
  bool built = false;              // compiled with the CUDA backend
  std::string architectures;       // whose code this build holds: "sm_80, sm_90a"; empty when not built
  std::vector<GpuDevice> devices;  // empty when there is none
  std::string reason;              // why `devices` is empty; empty otherwise
};

GpuSurvey survey_gpus();

}  // namespace loadmark::ops
