// A kernel that fails, for tests of what comes after.
#pragma once

#include "ops/cuda/ops_cuda.h"

namespace loadmark::ops::cuda {

// Throws Error(kEngineBroken), as does everything on this device in this process from then on.
[[noreturn]] void trap(const Gpu& gpu);

}  // namespace loadmark::ops::cuda
