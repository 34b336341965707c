// The survey of a build without CUDA: it has nothing to look with.
#include "ops/gpu_devices.h"

namespace loadmark::ops {

#ifndef LOADMARK_CUDA
GpuSurvey survey_gpus() {
  return {.built = false,
          .architectures = "",
          .devices = {},
          .reason = "this build has no CUDA backend (npm run build:cuda makes one)"};
}
#endif

}  // namespace loadmark::ops
