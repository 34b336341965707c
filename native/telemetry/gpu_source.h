// Power, energy, clocks, temperature, use, memory, throttle reasons and ECC errors of GPUs, as NVML
// tells them.
#pragma once

#include <string>
#include <vector>

#include "telemetry/nvml_library.h"
#include "telemetry/telemetry_device.h"

namespace loadmark::telemetry {

class GpuSource : public Source {
 public:
  // library: libnvidia-ml.so.1. pci_bus_ids ("0000:0f:00.0", any width of the domain): which GPUs;
  // empty: all that NVML lists.
  GpuSource(const std::string& library, const std::vector<std::string>& pci_bus_ids);
  const std::vector<Device>& devices() const override { return devices_; }
  const std::vector<Absence>& absences() const override { return absences_; }
  void sample(double* values, FaultList& faults) override;
  // Empty where it is not known.
  const std::string& driver() const { return driver_; }

 private:
  struct Gpu {
    NvmlDevice handle;
    bool is_lost;
  };
  void open_gpus(const std::vector<std::string>& pci_bus_ids);
  // The status that says the GPU is gone, or success.
  int sample_gpu(NvmlDevice gpu, double* values) const;

  NvmlLibrary nvml_;
  std::string driver_;
  std::vector<Device> devices_;
  std::vector<Absence> absences_;
  std::vector<Gpu> gpus_;
};

}  // namespace loadmark::telemetry
