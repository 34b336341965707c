// Energy of processor packages and their memory: the counters of Linux's powercap, which Intel's
// and (since Linux 5.8) AMD's processors both have under the name intel-rapl
// (https://docs.kernel.org/power/powercap/powercap.html).
#pragma once

#include <string>
#include <vector>

#include "telemetry/number_file.h"
#include "telemetry/telemetry_device.h"

namespace loadmark::telemetry {

// A counter that starts again at 0 behind `range`, made one that only grows.
class WrappingCounter {
 public:
  explicit WrappingCounter(double range) : range_(range) {}
  // The sum since the first value. Right where it wrapped at most once between two values.
  double add(double value);

 private:
  double range_, last_ = kAbsent, sum_ = 0;
};

class RaplSource : public Source {
 public:
  // folder: /sys/class/powercap
  explicit RaplSource(const std::string& folder);
  const std::vector<Device>& devices() const override { return devices_; }
  const std::vector<Absence>& absences() const override { return absences_; }
  void sample(double* values, FaultList& faults) override;

 private:
  struct Zone {
    NumberFile energy;
    WrappingCounter counter;
  };
  void open_zone(const std::string& folder, const std::string& name);

  std::vector<Device> devices_;
  std::vector<Absence> absences_;
  std::vector<Zone> zones_;
};

}  // namespace loadmark::telemetry
