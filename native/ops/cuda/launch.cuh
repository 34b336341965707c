// How kernels are launched and faults are found, for the .cu files alone.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "ops/cuda/ops_cuda.h"

namespace loadmark::ops::cuda {

// Throws Error(kEngineBroken) saying what failed and why; of faults that kernels launched before it
// made, that it was one of those.
void check_cuda(cudaError_t status, const char* what);

// A kernel that may begin while the one before ends (it waits for it itself: ptx.cuh's
// wait_for_prerequisites); on devices without that, an ordinary launch.
template <class... Parameters, class... Arguments>
void launch(const Gpu& gpu, const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block,
            size_t shared_bytes, Arguments&&... arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = gpu.stream();
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  config.attrs = &attribute;
  config.numAttrs = gpu.architecture() >= 90 && !gpu.profiling() ? 1 : 0;
  gpu.prefer_shared(reinterpret_cast<const void*>(kernel));
  gpu.begin_kernel(name);
  check_cuda(cudaLaunchKernelEx(&config, kernel, Parameters(std::forward<Arguments>(arguments))...),
             name);
  gpu.end_kernel();
}

// Lets `kernel` have more than the 48 KiB of shared memory a block that all get, its static part
// included.
template <class Kernel>
void allow_shared(const Gpu& gpu, Kernel kernel, size_t bytes, const char* name) {
  gpu.prefer_shared(reinterpret_cast<const void*>(kernel));  // the first to load it
  if (bytes > 40 * 1024) {
    check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(bytes)),
               name);
  }
}

// Calls `body` with a value of the type that `activation` names.
template <class Body>
void with_activation(Activation activation, const Body& body) {
  activation == Activation::kFloat16 ? body(__half()) : body(__nv_bfloat16());
}

inline unsigned blocks_for(int64_t items, int64_t each) {
  return static_cast<unsigned>((items + each - 1) / each);
}

}  // namespace loadmark::ops::cuda
