// Devices, memory, events and graphs over the CUDA runtime, every status looked at.
#include <algorithm>

#include "base/byte_text.h"
#include "ops/cuda/blas.cuh"
#include "ops/cuda/int4_linear.cuh"
#include "ops/cuda/launch.cuh"

namespace loadmark::ops::cuda {
namespace {

// Is there code for a device? Asked of this.
__global__ void any_kernel() {}

[[noreturn]] void refuse_memory(size_t bytes, const char* where) {
  cudaGetLastError();  // an allocation that failed leaves the device as it was
  size_t free = 0, total = 0;
  cudaMemGetInfo(&free, &total);
  throw Error(kOutOfMemory,
              std::string(where) + " memory: " + gibibytes(static_cast<int64_t>(bytes)) +
                  " were asked for, " + gibibytes(static_cast<int64_t>(free)) + " of " +
                  gibibytes(static_cast<int64_t>(total)) + " are free on the GPU");
}

[[noreturn]] void fail(const std::string& what, cudaError_t status) {
  throw Error(kEngineBroken, what + " failed on the GPU: " + cudaGetErrorName(status) + ", " +
                                 cudaGetErrorString(status));
}

// Of a kernel that was running: every call answers with it from then on, whatever it was for.
bool is_fault(cudaError_t status) {
  switch (status) {
    case cudaErrorECCUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
      return true;
    default:
      return false;
  }
}

// Of a wait for kernels: which one it was is known only where each is waited for.
void check_kernels(cudaError_t status) {
  if (status != cudaSuccess) fail("a kernel", status);
}

}  // namespace

void check_cuda(cudaError_t status, const char* what) {
  if (status != cudaSuccess)
    fail(is_fault(status) ? std::string("a kernel before ") + what : what, status);
}

DeviceBuffer::DeviceBuffer(size_t bytes) : bytes_(bytes) {
  if (bytes > 0 && cudaMalloc(&data_, bytes) != cudaSuccess) refuse_memory(bytes, "GPU");
}
DeviceBuffer::~DeviceBuffer() { cudaFree(data_); }

PinnedBuffer::PinnedBuffer(size_t bytes) {
  if (bytes > 0 && cudaMallocHost(&data_, bytes) != cudaSuccess)
    refuse_memory(bytes, "pinned host");
}
PinnedBuffer::~PinnedBuffer() {
  if (data_ != nullptr) cudaFreeHost(data_);
}

DeviceBuffer upload(const void* host, size_t bytes) {
  DeviceBuffer buffer(bytes);
  check_cuda(cudaMemcpy(buffer.as<void>(), host, bytes, cudaMemcpyHostToDevice), "an upload");
  // The copy may still be on its way from a staging buffer, and streams of our own do not wait for
  // it.
  check_cuda(cudaStreamSynchronize(cudaStreamLegacy), "an upload");
  return buffer;
}

DeviceBuffer upload_in_order(Stream stream, const void* host, size_t bytes) {
  DeviceBuffer buffer;
  if (cudaMallocAsync(&buffer.data_, bytes, stream) != cudaSuccess) refuse_memory(bytes, "GPU");
  buffer.bytes_ = bytes;
  copy_to_device(stream, buffer.data_, host, bytes);
  return buffer;
}

void copy_to_device(Stream stream, void* device, const void* host, size_t bytes) {
  check_cuda(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream),
             "a copy to the device");
}
void copy_to_host(Stream stream, void* host, const void* device, size_t bytes) {
  check_cuda(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream),
             "a copy to the host");
}
void fill_bytes(Stream stream, void* device, int value, size_t bytes) {
  check_cuda(cudaMemsetAsync(device, value, bytes, stream), "a fill");
}

void copy_columns(const Gpu& gpu, const void* x, int64_t n, int64_t rows, void* y, int64_t width,
                  int64_t first) {
  check_cuda(cudaMemcpy2DAsync(static_cast<uint16_t*>(y) + first, static_cast<size_t>(width) * 2, x,
                               static_cast<size_t>(n) * 2, static_cast<size_t>(n) * 2,
                               static_cast<size_t>(rows), cudaMemcpyDeviceToDevice, gpu.stream()),
             "copy_columns");
}

const char* activation_name(Activation activation) {
  return activation == Activation::kFloat16 ? "fp16" : "bf16";
}

struct Gpu::Profile {
  std::vector<KernelTime> times;
  KernelTime next;  // its name when it has begun, its work when that was noted
  Event begin, end;
};

void Gpu::start_profile() const {
  synchronize();
  profile_ = std::make_unique<Profile>();
}

void Gpu::note_work(double bytes, double flops) const {
  if (profile_ == nullptr) return;
  profile_->next.bytes = bytes;
  profile_->next.flops = flops;
}

void Gpu::prefer_shared(const void* kernel) const {
  if (!prepared_.insert(kernel).second) return;
  settle();
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                  cudaSharedmemCarveoutMaxShared),
             "choosing a kernel's split of the L1 cache");
}

void Gpu::begin_kernel(const char* name) const {
  if (profile_ == nullptr) return;
  const std::string purpose = purpose_;
  profile_->next.name = purpose.empty() ? name : purpose + ": " + name;
  profile_->begin.record(stream());
}

void Gpu::end_kernel() const {
  if (profile_ == nullptr) return;
  const KernelTime kernel = std::exchange(profile_->next, {});
  profile_->end.record(stream());
  const cudaError_t status = cudaStreamSynchronize(stream());
  if (status != cudaSuccess) fail(kernel.name, status);
  auto& times = profile_->times;
  auto sum = std::find_if(times.begin(), times.end(),
                          [&](const KernelTime& time) { return time.name == kernel.name; });
  if (sum == times.end()) sum = times.insert(times.end(), {kernel.name, 0, 0, 0, 0});
  ++sum->count;
  sum->milliseconds += profile_->end.milliseconds_since(profile_->begin);
  sum->bytes += kernel.bytes;
  sum->flops += kernel.flops;
}

std::vector<KernelTime> Gpu::take_profile() const {
  synchronize();
  if (profile_ == nullptr) return {};
  return std::move(std::exchange(profile_, nullptr)->times);
}

Gpu::Gpu(int device) : device_(device) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || device < 0 || device >= count) {
    throw Error(kBadArgument,
                "device is cuda:" + std::to_string(device) + "; allowed: " +
                    (status != cudaSuccess ? std::string("none: ") + cudaGetErrorString(status)
                     : count == 0          ? std::string("none: the driver reports no device")
                                           : "cuda:0 to cuda:" + std::to_string(count - 1)));
  }
  make_current();
  cudaDeviceProp properties = {};
  check_cuda(cudaGetDeviceProperties(&properties, device), "reading the device's properties");
  name_ = properties.name;
  multiprocessors_ = properties.multiProcessorCount;
  architecture_ = properties.major * 10 + properties.minor;
  most_shared_ = properties.sharedMemPerBlockOptin;
  if (architecture_ < 80) {
    throw Error(kBadArgument, "device cuda:" + std::to_string(device) + " is an " + name_ +
                                  " of compute capability " + std::to_string(properties.major) +
                                  "." + std::to_string(properties.minor) +
                                  "; allowed: 8.0 and later");
  }
  cudaFuncAttributes attributes = {};
  const cudaError_t found = cudaFuncGetAttributes(&attributes, any_kernel);
  if (is_fault(found)) fail("a kernel of an engine before, in this process,", found);
  if (found != cudaSuccess) {
    cudaGetLastError();
    throw Error(kBadArgument, "device cuda:" + std::to_string(device) + " is an " + name_ +
                                  ", for which this build holds no code; allowed: GPUs of " +
                                  LOADMARK_CUDA_ARCHITECTURES +
                                  " (npm run build:cuda builds anew)");
  }
  Stream stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  stream_.reset(stream);
  partials_ =
      DeviceBuffer(static_cast<size_t>(many_rows_partial_floats(multiprocessors_)) * sizeof(float));
  flags_ = DeviceBuffer(static_cast<size_t>(multiprocessors_) * sizeof(int));
  fill_bytes(stream, flags_.as<void>(), 0, flags_.size());
  blas_workspace_ = DeviceBuffer(size_t{32} << 20);
  blas_.reset(make_blas(stream, blas_workspace_.as<void>(), blas_workspace_.size()));
  synchronize();
}

Gpu::~Gpu() { cudaStreamSynchronize(stream()); }

void Gpu::EndStream::operator()(Stream stream) const noexcept { cudaStreamDestroy(stream); }
void Gpu::EndBlas::operator()(void* blas) const noexcept { end_blas(blas); }

void Gpu::set_meets_others(bool shares_device) {
  meets_others_ = true;
  if (shares_device) blas_.reset();
}

void Gpu::settle() const {
  if (!meets_others_) return;
  cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
  check_cuda(cudaStreamIsCapturing(stream(), &capturing), "asking about a capture");
  if (capturing == cudaStreamCaptureStatusNone) synchronize();
}

void Gpu::settle_for_shape(int64_t n, int64_t k, int64_t rows) const {
  if (meets_others_ && shapes_.insert({n, k, rows}).second) settle();
}

void Gpu::make_current() const { check_cuda(cudaSetDevice(device_), "choosing the device"); }

void Gpu::synchronize() const { check_kernels(cudaStreamSynchronize(stream())); }

int64_t Gpu::free_bytes() const {
  size_t free = 0, total = 0;
  check_cuda(cudaMemGetInfo(&free, &total), "reading free memory");
  return static_cast<int64_t>(free);
}

Event::Event() {
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreate(&event), "making an event");
  event_ = event;
}
Event::~Event() {
  if (event_ != nullptr) cudaEventDestroy(static_cast<cudaEvent_t>(event_));
}
void Event::record(Stream stream) {
  check_cuda(cudaEventRecord(static_cast<cudaEvent_t>(event_), stream), "recording an event");
}
void Event::wait() const { check_kernels(cudaEventSynchronize(static_cast<cudaEvent_t>(event_))); }
float Event::milliseconds_since(const Event& earlier) const {
  float milliseconds = 0;
  check_cuda(cudaEventElapsedTime(&milliseconds, static_cast<cudaEvent_t>(earlier.event_),
                                  static_cast<cudaEvent_t>(event_)),
             "reading an event");
  return milliseconds;
}

Graph::~Graph() {
  if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
}
void Graph::begin(Stream stream) {
  check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "a capture");
}
Graph Graph::end(Stream stream) {
  cudaGraph_t graph = nullptr;
  check_cuda(cudaStreamEndCapture(stream, &graph), "a capture");
  Graph made;
  const cudaError_t status = cudaGraphInstantiate(&made.executable_, graph, 0);
  cudaGraphDestroy(graph);
  check_cuda(status, "making a graph");
  check_cuda(cudaGraphUpload(made.executable_, stream), "uploading a graph");  // not at its launch
  return made;
}
void Graph::abandon(Stream stream) noexcept {
  cudaGraph_t graph = nullptr;
  if (cudaStreamEndCapture(stream, &graph) == cudaSuccess) cudaGraphDestroy(graph);
  cudaGetLastError();
}
void Graph::launch(Stream stream) const {
  check_cuda(cudaGraphLaunch(executable_, stream), "launching a graph");
}

}  // namespace loadmark::ops::cuda
