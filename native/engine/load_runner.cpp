// Goes by the device's name.
#include "engine/load_runner.h"

#include <string>

#include "base/error.h"
#include "engine/cpu_runner.h"
#ifdef LOADMARK_CUDA
#include "engine/cuda_runner.h"
#endif

namespace loadmark {

LoadedRunner load_runner(const EngineOptions& options) {
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
