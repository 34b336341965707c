// Goes by the device's name.
#include "engine/load_runner.h"

#include <string>

#include "base/error.h"
#include "engine/cpu_runner.h"
#ifdef LOADMARK_CUDA
#include "engine/cuda_runner.h"
#endif
#include "ops/gpu_exchange.h"

namespace loadmark {
namespace {

std::string kind_of(const std::string& device) { return device.substr(0, device.find(':')); }

// Ranks are all CPUs or all GPUs, and the engine's device is the first.
void check_ranks(const EngineOptions& options) {
  const std::vector<std::string>& devices = options.tensor_parallel_devices;
  if (devices.empty()) return;
  std::string names;
  for (const std::string& device : devices) names += (names.empty() ? "" : ", ") + device;
  const std::string named = "tensorParallelDevices is [" + names + "]";
  if (devices.front() != options.device)
    throw Error(kBadArgument,
                named + "; allowed: device, \"" + options.device + "\", as the first");
  for (const std::string& device : devices) {
    if (kind_of(device) != kind_of(devices.front()))
      throw Error(kBadArgument, named + "; allowed: devices of one kind");
  }
  if (kind_of(devices.front()) == "cuda" && devices.size() > ops::cuda::kMostRanks)
    throw Error(kBadArgument,
                named + "; allowed: up to " + std::to_string(ops::cuda::kMostRanks) + " GPUs");
}

void check_fault(const EngineOptions& options) {
  if (options.fault.rank >= options.ranks()) {
    throw Error(kBadArgument, "faultRank is " + std::to_string(options.fault.rank) +
                                  "; allowed: -1 to " + std::to_string(options.ranks() - 1));
  }
  if (options.fault.kind == FaultKind::kDeviceFault && options.device == "cpu") {
    throw Error(kBadArgument,
                "faultKind is \"device-fault\", and the CPU has no kernels that could; allowed on "
                "cpu: exception, out-of-memory, thread-death");
  }
}

}  // namespace

LoadedRunner load_runner(const EngineOptions& options) {
  check_ranks(options);
  check_fault(options);
  if (options.device == "cpu") return load_cpu_runner(options);
  const std::string named = "device is \"" + options.device + "\"";
  if (options.device.rfind("cuda", 0) == 0)
#ifdef LOADMARK_CUDA
    return load_cuda_runner(options);
#else
    throw Error(kUnsupportedDevice, named + "; this build has no CUDA engine; allowed: cpu");
#endif
  throw Error(kBadArgument, named + "; allowed: cpu");
}

}  // namespace loadmark
