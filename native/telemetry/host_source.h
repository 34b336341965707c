// What the processors and this process were doing: clock frequency, thermal throttling, resident
// memory. Each where Linux tells it.
#pragma once

#include <string>
#include <vector>

#include "telemetry/number_file.h"
#include "telemetry/telemetry_device.h"

namespace loadmark::telemetry {

class HostSource : public Source {
 public:
  // cpu_folder: /sys/devices/system/cpu
  explicit HostSource(const std::string& cpu_folder);
  const std::vector<Device>& devices() const override { return devices_; }
  const std::vector<Absence>& absences() const override { return absences_; }
  void sample(double* values, FaultList& faults) override;

 private:
  void open_throttle_counts(const std::string& cpu_folder, const std::vector<int>& cpus);

  std::vector<Device> devices_;
  std::vector<Absence> absences_;
  std::vector<NumberFile> frequencies_;  // kHz, of some processors
  bool reads_cpuinfo_ = false;
  std::vector<NumberFile> throttle_counts_;
  NumberFile resident_;
};

}  // namespace loadmark::telemetry
