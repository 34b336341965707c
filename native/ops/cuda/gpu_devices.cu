// The survey through the CUDA runtime, linked statically: on a machine without a driver it says so
// and nothing fails.
#include <cuda_runtime_api.h>

#include "ops/gpu_devices.h"

namespace loadmark::ops {

namespace {

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  return cudaDeviceGetAttribute(&value, which, device) == cudaSuccess ? value : 0;
}

}  // namespace

GpuSurvey survey_gpus() {
  GpuSurvey survey{
      .built = true, .architectures = LOADMARK_CUDA_ARCHITECTURES, .devices = {}, .reason = ""};
  // 0 without a driver, which cudaGetDeviceCount would call an old one.
  int driver = 0;
  if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0) {
    survey.reason = "no NVIDIA driver is installed";
    return survey;
  }
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    survey.reason =
        status != cudaSuccess ? cudaGetErrorString(status) : "the driver reports no device";
    return survey;
  }
  for (int device = 0; device < count; ++device) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) continue;
    // kHz and bits; two transfers a clock on every memory NVIDIA has shipped since GDDR5.
    const double clock_hz = 1e3 * attribute(cudaDevAttrMemoryClockRate, device);
    const double bus_bytes = attribute(cudaDevAttrGlobalMemoryBusWidth, device) / 8.0;
    char pci_bus_id[32] = "";
    cudaDeviceGetPCIBusId(pci_bus_id, sizeof pci_bus_id, device);
    survey.devices.push_back({.name = properties.name,
                              .pci_bus_id = pci_bus_id,
                              .memory_bytes = static_cast<int64_t>(properties.totalGlobalMem),
                              .compute_major = properties.major,
                              .compute_minor = properties.minor,
                              .multiprocessors = properties.multiProcessorCount,
                              .peak_bandwidth_gbs = 2 * clock_hz * bus_bytes / 1e9});
  }
  if (survey.devices.empty()) survey.reason = "the driver describes none of its devices";
  return survey;
}

}  // namespace loadmark::ops
