// What telemetry reads of one device: its channels, which make up a row of the trace, and the
// interface of whoever reads them.
#pragma once

#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace loadmark::telemetry {

inline constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

struct Device {
  std::string name;                     // "gpu0", "package-0", "dram-0", "cpu", "process"
  std::string kind;                     // "gpu", "rapl", "cpu", "process"
  std::string model, uuid, pci_bus_id;  // of a GPU; empty elsewhere
  double power_limit_watts = kAbsent;   // of a GPU, as enforced when it was opened
  std::vector<std::string> channels;    // units in the names, in the order of the row
};

// Why something is not in the trace.
struct Absence {
  std::string what;
  std::string because;
};

// A device that stopped answering while it was sampled.
struct Fault {
  std::string device;
  std::string because;
  int64_t at_ns;  // CLOCK_MONOTONIC
};

// Faults cross from the sampling thread to whoever asks.
class FaultList {
 public:
  void add(Fault fault) {
    const std::lock_guard<std::mutex> lock(mutex_);
    faults_.push_back(std::move(fault));
  }
  std::vector<Fault> list() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return faults_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Fault> faults_;
};

// Opened on the caller's thread, sampled on one other.
class Source {
 public:
  virtual ~Source() = default;
  virtual const std::vector<Device>& devices() const = 0;
  virtual const std::vector<Absence>& absences() const = 0;
  // Writes one value a channel, device after device; kAbsent where there is none now.
  virtual void sample(double* values, FaultList& faults) = 0;
};

}  // namespace loadmark::telemetry
