// Samples what the machine tells of itself on a thread of its own, into a ring that was allocated
// before: neither the thread that issues nor the engine's waits for a counter.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "telemetry/telemetry_device.h"

namespace loadmark::telemetry {

struct SamplerOptions {
  double period_ms = 100;
  int64_t ring_rows = 4096;  // rows held until they are taken
  bool samples_gpus = true;
  std::vector<std::string> pci_bus_ids;  // empty: every GPU
  std::string nvml_library = "libnvidia-ml.so.1";
  std::string powercap_folder = "/sys/class/powercap";
  std::string cpu_folder = "/sys/devices/system/cpu";
};

class Sampler {
 public:
  // A row's first two values: CLOCK_MONOTONIC ns when its sampling began, and ns that it took.
  static constexpr size_t kTimes = 2;

  explicit Sampler(const SamplerOptions& options);
  ~Sampler() { stop(); }
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  const std::vector<Device>& devices() const { return devices_; }
  const std::vector<Absence>& absences() const { return absences_; }
  const std::string& driver() const { return driver_; }
  std::vector<Fault> faults() const { return faults_.list(); }
  size_t width() const { return width_; }

  // One sample now, besides those of the period; does not wait for it.
  void sample_soon();
  // Rows (n, width) that have not been taken, in order of time.
  std::vector<double> take();
  // The newest row, taken or not; empty before the first.
  std::vector<double> latest() const;
  // Rows that the ring had no room for: the oldest are written over.
  int64_t lost_rows() const;
  void stop();

 private:
  void add_source(std::unique_ptr<Source> source);
  void work();
  void sample_row();

  const int64_t period_ns_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<Device> devices_;
  std::vector<Absence> absences_;
  std::string driver_;
  size_t width_ = kTimes;
  FaultList faults_;
  std::vector<double> row_;  // of the sampling thread
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<double> ring_;  // (rows, width)
  int64_t rows_ = 0, written_ = 0, taken_ = 0, lost_ = 0;
  bool stopping_ = false, is_asked_ = false;
  std::thread thread_;
};

}  // namespace loadmark::telemetry
