#include "telemetry/nvml_library.h"

#include <dlfcn.h>

#include <type_traits>

namespace loadmark::telemetry {

NvmlLibrary::NvmlLibrary(const std::string& path)
    : library_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (library_ == nullptr) {
    const char* why = dlerror();
    reason_ = why == nullptr ? path + " cannot be opened" : why;
    return;
  }
  if (!find_functions()) {
    reason_ = path + " is no NVML: it lacks functions that every version has";
    return;
  }
  const int status = functions_.init();
  is_open_ = status == kNvmlSuccess;
  if (!is_open_) reason_ = "NVML does not start: " + describe(status);
}

NvmlLibrary::~NvmlLibrary() {
  if (is_open_) functions_.shutdown();
  if (library_ != nullptr) dlclose(library_);
}

std::string NvmlLibrary::describe(int status) const {
  const char* text = functions_.error_string == nullptr ? nullptr : functions_.error_string(status);
  return text == nullptr ? "nvmlReturn_t " + std::to_string(status) : text;
}

bool NvmlLibrary::find_functions() {
  const auto look_up = [&](auto* function, const char* name) {
    *function = reinterpret_cast<std::remove_pointer_t<decltype(function)>>(dlsym(library_, name));
    return *function != nullptr;
  };
  NvmlFunctions& found = functions_;
  look_up(&found.error_string, "nvmlErrorString");
  look_up(&found.driver_version, "nvmlSystemGetDriverVersion");
  look_up(&found.uuid, "nvmlDeviceGetUUID");
  look_up(&found.pci_info, "nvmlDeviceGetPciInfo_v3");
  look_up(&found.power_limit, "nvmlDeviceGetEnforcedPowerLimit");
  look_up(&found.power, "nvmlDeviceGetPowerUsage");
  look_up(&found.energy, "nvmlDeviceGetTotalEnergyConsumption");
  look_up(&found.field_values, "nvmlDeviceGetFieldValues");
  look_up(&found.clock, "nvmlDeviceGetClockInfo");
  look_up(&found.temperature, "nvmlDeviceGetTemperature");
  look_up(&found.utilization, "nvmlDeviceGetUtilizationRates");
  look_up(&found.memory, "nvmlDeviceGetMemoryInfo");
  // Renamed in driver 535; both names answer alike.
  if (!look_up(&found.clock_reasons, "nvmlDeviceGetCurrentClocksEventReasons"))
    look_up(&found.clock_reasons, "nvmlDeviceGetCurrentClocksThrottleReasons");
  look_up(&found.ecc_errors, "nvmlDeviceGetTotalEccErrors");
  return look_up(&found.init, "nvmlInit_v2") && look_up(&found.shutdown, "nvmlShutdown") &&
         look_up(&found.device_count, "nvmlDeviceGetCount_v2") &&
         look_up(&found.device_at, "nvmlDeviceGetHandleByIndex_v2") &&
         look_up(&found.name, "nvmlDeviceGetName");
}

}  // namespace loadmark::telemetry
