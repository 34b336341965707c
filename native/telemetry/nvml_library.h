// NVIDIA's management library, opened at run time: nothing to link, no header of NVIDIA's. The
// functions and structs declared here are those of the NVML API reference
// (https://docs.nvidia.com/deploy/nvml-api/), whose versioned names keep their layouts.
#pragma once

#include <string>

namespace loadmark::telemetry {

using NvmlDevice = struct NvmlDeviceHandle*;

inline constexpr int kNvmlSuccess = 0, kNvmlGpuIsLost = 15, kNvmlResetRequired = 16;
inline constexpr unsigned kNvmlClockSm = 1, kNvmlClockMemory = 2;   // nvmlClockType_t
inline constexpr unsigned kNvmlTemperatureGpu = 0;                  // nvmlTemperatureSensors_t
inline constexpr unsigned kNvmlUncorrected = 1, kNvmlVolatile = 0;  // since the driver was loaded
inline constexpr unsigned kNvmlFieldPowerInstant = 186;             // NVML_FI_DEV_POWER_INSTANT

struct NvmlPciInfo {  // nvmlPciInfo_t, _v3
  char bus_id_legacy[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};
struct NvmlUtilization {
  unsigned gpu, memory;  // percent
};
struct NvmlMemory {
  unsigned long long total, free, used;  // bytes
};
struct NvmlFieldValue {  // nvmlFieldValue_t
  unsigned field, scope;
  long long timestamp, latency_us;
  unsigned value_type;
  int status;
  union {
    double as_double;
    unsigned as_unsigned;
    unsigned long long as_unsigned_long_long;
  } value;
};
static_assert(sizeof(NvmlPciInfo) == 68 && sizeof(NvmlFieldValue) == 40);

// Null where this driver has no such function.
struct NvmlFunctions {
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  const char* (*error_string)(int) = nullptr;
  int (*driver_version)(char*, unsigned) = nullptr;
  int (*device_count)(unsigned*) = nullptr;
  int (*device_at)(unsigned, NvmlDevice*) = nullptr;
  int (*name)(NvmlDevice, char*, unsigned) = nullptr;
  int (*uuid)(NvmlDevice, char*, unsigned) = nullptr;
  int (*pci_info)(NvmlDevice, NvmlPciInfo*) = nullptr;
  int (*power_limit)(NvmlDevice, unsigned*) = nullptr;       // mW
  int (*power)(NvmlDevice, unsigned*) = nullptr;             // mW
  int (*energy)(NvmlDevice, unsigned long long*) = nullptr;  // mJ
  int (*field_values)(NvmlDevice, int, NvmlFieldValue*) = nullptr;
  int (*clock)(NvmlDevice, unsigned, unsigned*) = nullptr;        // MHz
  int (*temperature)(NvmlDevice, unsigned, unsigned*) = nullptr;  // degrees C
  int (*utilization)(NvmlDevice, NvmlUtilization*) = nullptr;
  int (*memory)(NvmlDevice, NvmlMemory*) = nullptr;
  int (*clock_reasons)(NvmlDevice, unsigned long long*) = nullptr;  // bits
  int (*ecc_errors)(NvmlDevice, unsigned, unsigned, unsigned long long*) = nullptr;
};

// Initialized while it lives.
class NvmlLibrary {
 public:
  // Not open where the library is not there or does not start: reason() says why.
  explicit NvmlLibrary(const std::string& path);
  ~NvmlLibrary();
  NvmlLibrary(const NvmlLibrary&) = delete;
  NvmlLibrary& operator=(const NvmlLibrary&) = delete;

  bool is_open() const { return is_open_; }
  const std::string& reason() const { return reason_; }
  const NvmlFunctions& functions() const { return functions_; }
  std::string describe(int status) const;

 private:
  bool find_functions();

  void* library_ = nullptr;
  bool is_open_ = false;
  NvmlFunctions functions_;
  std::string reason_;
};

}  // namespace loadmark::telemetry
