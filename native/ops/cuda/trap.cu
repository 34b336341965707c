// trap (PTX ISA, "Control Flow Instructions") aborts the grid and interrupts the host: the device's
// context is lost to the process.
#include "ops/cuda/launch.cuh"
#include "ops/cuda/trap.h"

namespace loadmark::ops::cuda {
namespace {

__global__ void trap_kernel() { __trap(); }

}  // namespace

void trap(const Gpu& gpu) {
  gpu.begin_kernel("trap_kernel");
  trap_kernel<<<1, 1, 0, gpu.stream()>>>();
  check_cuda(cudaGetLastError(), "trap_kernel");
  gpu.end_kernel();
  gpu.synchronize();
  throw Error(kInternal, "a kernel trapped, and its GPU did not fail");
}

}  // namespace loadmark::ops::cuda
