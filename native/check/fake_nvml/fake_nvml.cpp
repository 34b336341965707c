// A library with NVML's names and layouts that tells what a script says, by the time since it was
// started: tests open it in place of NVIDIA's. The script's file is named by LOADMARK_FAKE_NVML;
// its lines are
//   MS POWER_MW SM_MHZ MEMORY_MHZ CELSIUS REASONS(hex) ECC   what holds from then on
//   lost MS                                                  the GPU is gone from then on
//   without energy | instant | ecc | start                   what this driver cannot do
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

constexpr int kSuccess = 0, kNotSupported = 3, kUnknown = 999, kDriverNotLoaded = 9, kLost = 15;

struct Segment {
  double from_ms;
  unsigned power_mw, sm_mhz, memory_mhz, celsius;
  unsigned long long reasons, ecc;
};

struct Script {
  std::vector<Segment> segments;
  std::set<std::string> without;
  double lost_ms = -1;
  std::chrono::steady_clock::time_point start;
};

Script script;

double now_ms() {
  const std::chrono::duration<double, std::milli> since =
      std::chrono::steady_clock::now() - script.start;
  return since.count();
}

const Segment& current() {
  const double now = now_ms();
  size_t at = 0;
  while (at + 1 < script.segments.size() && script.segments[at + 1].from_ms <= now) ++at;
  return script.segments[at];
}

int status_for(const char* feature = nullptr) {
  if (script.lost_ms >= 0 && now_ms() >= script.lost_ms) return kLost;
  return feature != nullptr && script.without.contains(feature) ? kNotSupported : kSuccess;
}

template <class T>
int answer(T* out, T value, const char* feature = nullptr) {
  const int status = status_for(feature);
  if (status == kSuccess) *out = value;
  return status;
}

int answer_text(char* out, unsigned size, const char* text) {
  std::snprintf(out, size, "%s", text);
  return kSuccess;
}

}  // namespace

EXPORT int nvmlInit_v2() {
  script = {};
  const char* path = std::getenv("LOADMARK_FAKE_NVML");
  std::ifstream file(path == nullptr ? "" : path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first, second;
    words >> first;
    if (first == "lost") {
      words >> script.lost_ms;
    } else if (first == "without") {
      words >> second;
      script.without.insert(second);
    } else if (!first.empty()) {
      Segment s{std::atof(first.c_str()), 0, 0, 0, 0, 0, 0};
      words >> s.power_mw >> s.sm_mhz >> s.memory_mhz >> s.celsius >> std::hex >> s.reasons >>
          std::dec >> s.ecc;
      if (words.fail()) return kUnknown;
      script.segments.push_back(s);
    }
  }
  script.start = std::chrono::steady_clock::now();
  if (script.without.contains("start")) return kDriverNotLoaded;
  return script.segments.empty() ? kUnknown : kSuccess;
}

EXPORT int nvmlShutdown() { return kSuccess; }

EXPORT const char* nvmlErrorString(int status) {
  switch (status) {
    case kLost:
      return "GPU is lost";
    case kNotSupported:
      return "Not Supported";
    case kDriverNotLoaded:
      return "Driver Not Loaded";
    default:
      return "Unknown Error";
  }
}

EXPORT int nvmlSystemGetDriverVersion(char* out, unsigned size) {
  return answer_text(out, size, "999.01");
}
EXPORT int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 1;
  return kSuccess;
}
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned, void** device) {
  *device = &script;
  return kSuccess;
}
EXPORT int nvmlDeviceGetName(void*, char* out, unsigned size) {
  return answer_text(out, size, "Scripted GPU");
}
EXPORT int nvmlDeviceGetUUID(void*, char* out, unsigned size) {
  return answer_text(out, size, "GPU-00000000-0000-0000-0000-000000000000");
}

struct PciInfo {
  char bus_id_legacy[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};
EXPORT int nvmlDeviceGetPciInfo_v3(void*, PciInfo* info) {
  *info = {};
  std::snprintf(info->bus_id, sizeof info->bus_id, "00000000:0F:00.0");
  return kSuccess;
}

EXPORT int nvmlDeviceGetEnforcedPowerLimit(void*, unsigned* out) { return answer(out, 700000u); }
EXPORT int nvmlDeviceGetPowerUsage(void*, unsigned* out) { return answer(out, current().power_mw); }

// The integral of the script's power, in mJ.
EXPORT int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* out) {
  const double now = now_ms();
  double millijoules = 5e6;  // of runs before
  for (size_t i = 0; i < script.segments.size(); ++i) {
    const double from = script.segments[i].from_ms;
    const double to = i + 1 < script.segments.size() ? script.segments[i + 1].from_ms : now;
    if (now > from) millijoules += (std::min(now, to) - from) / 1e3 * script.segments[i].power_mw;
  }
  return answer(out, static_cast<unsigned long long>(millijoules), "energy");
}

struct FieldValue {
  unsigned field, scope;
  long long timestamp, latency_us;
  unsigned value_type;
  int status;
  unsigned long long value;
};
EXPORT int nvmlDeviceGetFieldValues(void*, int count, FieldValue* fields) {
  for (int i = 0; i < count; ++i) {
    fields[i].status = fields[i].field == 186 ? status_for("instant") : kNotSupported;
    fields[i].value = current().power_mw;
  }
  return status_for();
}

EXPORT int nvmlDeviceGetClockInfo(void*, unsigned type, unsigned* out) {
  return answer(out, type == 1 ? current().sm_mhz : current().memory_mhz);
}
EXPORT int nvmlDeviceGetTemperature(void*, unsigned, unsigned* out) {
  return answer(out, current().celsius);
}

struct Utilization {
  unsigned gpu, memory;
};
EXPORT int nvmlDeviceGetUtilizationRates(void*, Utilization* out) {
  return answer(out, Utilization{50, 25});
}

struct Memory {
  unsigned long long total, free, used;
};
EXPORT int nvmlDeviceGetMemoryInfo(void*, Memory* out) {
  return answer(out, Memory{80ull << 30, 60ull << 30, 20ull << 30});
}
EXPORT int nvmlDeviceGetCurrentClocksEventReasons(void*, unsigned long long* out) {
  return answer(out, current().reasons);
}
EXPORT int nvmlDeviceGetTotalEccErrors(void*, unsigned, unsigned, unsigned long long* out) {
  return answer(out, current().ecc, "ecc");
}
