#include "telemetry/gpu_source.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <tuple>

#include "base/clock.h"

namespace loadmark::telemetry {
namespace {

// In the order in which sample_gpu() writes them.
const std::vector<std::string> kChannels = {
    "powerWatts",       "energyJoules",    "smClockMhz",      "memoryClockMhz", "temperatureC",
    "utilizationShare", "memoryUsedBytes", "throttleReasons", "eccUncorrected"};

using PciAddress = std::tuple<unsigned, unsigned, unsigned>;

// CUDA writes domains with four digits, NVML with eight.
PciAddress parse_pci(const std::string& text) {
  unsigned domain = ~0u, bus = ~0u, device = ~0u;
  std::sscanf(text.c_str(), "%x:%x:%x", &domain, &bus, &device);
  return {domain, bus, device};
}

}  // namespace

GpuSource::GpuSource(const std::string& library, const std::vector<std::string>& pci_bus_ids)
    : nvml_(library) {
  if (!nvml_.is_open()) {
    absences_.push_back({"gpus", nvml_.reason()});
    return;
  }
  char text[96] = "";
  if (nvml_.functions().driver_version != nullptr &&
      nvml_.functions().driver_version(text, sizeof text) == kNvmlSuccess) {
    driver_ = text;
  }
  open_gpus(pci_bus_ids);
}

void GpuSource::open_gpus(const std::vector<std::string>& pci_bus_ids) {
  const NvmlFunctions& nvml = nvml_.functions();
  unsigned count = 0;
  const int status = nvml.device_count(&count);
  if (status != kNvmlSuccess) absences_.push_back({"gpus", nvml_.describe(status)});
  std::vector<PciAddress> wanted;
  for (const std::string& id : pci_bus_ids) wanted.push_back(parse_pci(id));
  for (unsigned i = 0; i < count; ++i) {
    NvmlDevice handle = nullptr;
    const std::string name = "gpu" + std::to_string(i);
    const int opened = nvml.device_at(i, &handle);
    if (opened != kNvmlSuccess) {
      absences_.push_back({name, nvml_.describe(opened)});
      continue;
    }
    const auto text_of = [&](auto* function) {
      char text[96] = "";
      const bool known = function != nullptr && function(handle, text, sizeof text) == kNvmlSuccess;
      return known ? std::string(text) : std::string();
    };
    NvmlPciInfo pci{};
    if (nvml.pci_info != nullptr) nvml.pci_info(handle, &pci);
    const std::string bus_id(pci.bus_id, strnlen(pci.bus_id, sizeof pci.bus_id));
    const auto match = std::find(wanted.begin(), wanted.end(), parse_pci(bus_id));
    if (!wanted.empty() && match == wanted.end()) continue;
    unsigned limit = 0;
    const bool has_limit =
        nvml.power_limit != nullptr && nvml.power_limit(handle, &limit) == kNvmlSuccess;
    devices_.push_back({.name = name,
                        .kind = "gpu",
                        .model = text_of(nvml.name),
                        .uuid = text_of(nvml.uuid),
                        .pci_bus_id = bus_id,
                        .power_limit_watts = has_limit ? limit / 1e3 : kAbsent,
                        .channels = kChannels});
    gpus_.push_back({handle, false});
  }
  if (status == kNvmlSuccess && gpus_.empty()) {
    std::string asked;
    for (const std::string& id : pci_bus_ids) asked += (asked.empty() ? " at " : ", ") + id;
    absences_.push_back({"gpus", "NVML lists no GPU" + asked});
  }
}

void GpuSource::sample(double* values, FaultList& faults) {
  for (size_t i = 0; i < gpus_.size(); ++i, values += kChannels.size()) {
    std::fill_n(values, kChannels.size(), kAbsent);
    if (gpus_[i].is_lost) continue;
    const int status = sample_gpu(gpus_[i].handle, values);
    if (status == kNvmlSuccess) continue;
    gpus_[i].is_lost = true;  // later calls could only block
    faults.add({devices_[i].name, nvml_.describe(status), monotonic_ns()});
  }
}

int GpuSource::sample_gpu(NvmlDevice gpu, double* values) const {
  const NvmlFunctions& nvml = nvml_.functions();
  int gone = kNvmlSuccess;
  const auto asked = [&](auto* function, auto... arguments) {
    if (function == nullptr || gone != kNvmlSuccess) return false;
    const int status = function(gpu, arguments...);
    if (status == kNvmlGpuIsLost || status == kNvmlResetRequired) gone = status;
    return status == kNvmlSuccess;
  };
  unsigned number = 0;
  unsigned long long large = 0;
  // nvmlDeviceGetPowerUsage is a mean over the last second since Ampere (but for GA100).
  NvmlFieldValue instant{};
  instant.field = kNvmlFieldPowerInstant;
  if (asked(nvml.field_values, 1, &instant) && instant.status == kNvmlSuccess) {
    values[0] = instant.value.as_unsigned / 1e3;
  } else if (asked(nvml.power, &number)) {
    values[0] = number / 1e3;
  }
  if (asked(nvml.energy, &large)) values[1] = static_cast<double>(large) / 1e3;
  if (asked(nvml.clock, kNvmlClockSm, &number)) values[2] = number;
  if (asked(nvml.clock, kNvmlClockMemory, &number)) values[3] = number;
  if (asked(nvml.temperature, kNvmlTemperatureGpu, &number)) values[4] = number;
  NvmlUtilization use{};
  if (asked(nvml.utilization, &use)) values[5] = use.gpu / 100.0;
  NvmlMemory memory{};
  if (asked(nvml.memory, &memory)) values[6] = static_cast<double>(memory.used);
  if (asked(nvml.clock_reasons, &large)) values[7] = static_cast<double>(large);
  if (asked(nvml.ecc_errors, kNvmlUncorrected, kNvmlVolatile, &large))
    values[8] = static_cast<double>(large);
  if (gone != kNvmlSuccess) std::fill_n(values, kChannels.size(), kAbsent);
  return gone;
}

}  // namespace loadmark::telemetry
