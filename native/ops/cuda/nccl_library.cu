// The functions of NCCL that a group of ranks needs, looked up by name (NCCL 2's nccl.h gives their
// signatures and the values of the enumerations).
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <type_traits>

#include "ops/cuda/nccl_library.cuh"
#include "ops/gpu_exchange.h"

namespace loadmark::ops::cuda {
namespace {

constexpr int kInt32 = 2, kFloat32 = 7;  // ncclDataType_t
constexpr int kSum = 0;                  // ncclRedOp_t

struct Nccl {
  int (*get_version)(int*) = nullptr;
  const char* (*error_text)(int) = nullptr;
  int (*init_all)(void**, int, const int*) = nullptr;
  int (*destroy)(void*) = nullptr;
  int (*abort)(void*) = nullptr;
  int (*group_start)() = nullptr;
  int (*group_end)() = nullptr;
  int (*all_reduce)(const void*, void*, size_t, int, int, void*, cudaStream_t) = nullptr;
  int (*all_gather)(const void*, void*, size_t, int, void*, cudaStream_t) = nullptr;
  bool found = false;
};

const Nccl& nccl() {
  static const Nccl functions = [] {
    Nccl found;
    // NVLink multicast (NVLS) binds memory on switches that other tenants of a machine may share.
    setenv("NCCL_NVLS_ENABLE", "0", 1);
    void* library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return found;
    const auto look_up = [&](auto* function, const char* name) {
      *function = reinterpret_cast<std::remove_pointer_t<decltype(function)>>(dlsym(library, name));
      return *function != nullptr;
    };
    found.found =
        look_up(&found.get_version, "ncclGetVersion") &&
        look_up(&found.error_text, "ncclGetErrorString") &&
        look_up(&found.init_all, "ncclCommInitAll") && look_up(&found.destroy, "ncclCommDestroy") &&
        look_up(&found.abort, "ncclCommAbort") && look_up(&found.group_start, "ncclGroupStart") &&
        look_up(&found.group_end, "ncclGroupEnd") && look_up(&found.all_reduce, "ncclAllReduce") &&
        look_up(&found.all_gather, "ncclAllGather");
    return found;
  }();
  return functions;
}

void check_nccl(int status, const char* what) {
  if (status != 0) {
    throw Error(kEngineBroken, std::string(what) + " failed: " + nccl().error_text(status) +
                                   " (ncclResult_t " + std::to_string(status) +
                                   "; NCCL_DEBUG=INFO makes NCCL tell more)");
  }
}

}  // namespace

bool NcclGroup::is_there() { return nccl().found; }

std::unique_ptr<NcclGroup> NcclGroup::make(const std::vector<const Gpu*>& gpus) {
  if (!is_there()) return nullptr;
  std::unique_ptr<NcclGroup> group(new NcclGroup);
  int version = 0;
  check_nccl(nccl().get_version(&version), "ncclGetVersion");
  group->version_ = nccl_version_text(version);
  std::vector<int> devices;
  for (const Gpu* gpu : gpus) devices.push_back(gpu->device());
  std::vector<void*> communicators(gpus.size());
  check_nccl(nccl().init_all(communicators.data(), static_cast<int>(devices.size()),  //
                             devices.data()),
             "ncclCommInitAll");
  group->communicators_ = std::move(communicators);
  group->warm_up(gpus);
  return group;
}

// Connections are made at the first call, which must not be one that a graph records.
void NcclGroup::warm_up(const std::vector<const Gpu*>& gpus) const {
  std::vector<DeviceBuffer> memory;
  for (const Gpu* gpu : gpus) {
    gpu->make_current();
    memory.emplace_back(sizeof(float) * (gpus.size() + 1));
    fill_bytes(gpu->stream(), memory.back().as<void>(), 0, memory.back().size());
  }
  const auto together = [&](const auto& call) {
    check_nccl(nccl().group_start(), "ncclGroupStart");
    for (size_t rank = 0; rank < gpus.size(); ++rank)
      call(*gpus[rank], static_cast<int>(rank), memory[rank].as<float>());
    check_nccl(nccl().group_end(), "ncclGroupEnd");
    for (const Gpu* gpu : gpus) gpu->synchronize();
  };
  together([&](const Gpu& gpu, int rank, float* values) { add(gpu, rank, values, 1); });
  together(
      [&](const Gpu& gpu, int rank, float* values) { gather(gpu, rank, values, 1, values + 1); });
}

NcclGroup::~NcclGroup() {
  if (aborting_.joinable()) {
    aborting_.join();
    return;
  }
  for (void* communicator : communicators_) nccl().destroy(communicator);
}

// In a thread of its own: NCCL returns from this when the graphs that call a communicator have
// ended, which the ranks' owner does behind their failure.
void NcclGroup::abort() noexcept {
  aborted_.store(true);
  try {
    aborting_ = std::thread([this] {
      // A call takes microseconds, unless it waits for room in a queue that only this can empty.
      const std::unique_lock<std::shared_timed_mutex> alone(calls_, std::chrono::seconds(1));
      nccl().group_start();
      for (void* communicator : communicators_) nccl().abort(communicator);
      nccl().group_end();
    });
  } catch (const std::system_error&) {
    // Without a thread to do it, ranks that wait for one that failed wait on.
  }
}

std::shared_lock<std::shared_timed_mutex> NcclGroup::enter() const {
  std::shared_lock<std::shared_timed_mutex> entered(calls_);
  if (aborted_.load()) throw Error(kEngineBroken, "NCCL was given up, since a rank has failed");
  return entered;
}

void NcclGroup::add(const Gpu& gpu, int rank, float* values, int64_t count) const {
  const auto entered = enter();
  gpu.begin_kernel("ncclAllReduce");
  check_nccl(nccl().all_reduce(values, values, static_cast<size_t>(count), kFloat32, kSum,
                               communicators_[static_cast<size_t>(rank)], gpu.stream()),
             "ncclAllReduce");
  gpu.end_kernel();
}

void NcclGroup::gather(const Gpu& gpu, int rank, const void* part, int64_t count, void* all) const {
  const auto entered = enter();
  gpu.begin_kernel("ncclAllGather");
  check_nccl(nccl().all_gather(part, all, static_cast<size_t>(count), kInt32,
                               communicators_[static_cast<size_t>(rank)], gpu.stream()),
             "ncclAllGather");
  gpu.end_kernel();
}

void NcclGroup::gather_rows(const Gpu& gpu, int rank, const float* part, int64_t rows,
                            int64_t columns, float* whole) const {
  constexpr int64_t kTogether = 64;  // NCCL plans a group's calls one by one on the host
  const auto ranks = static_cast<int64_t>(communicators_.size());
  const auto entered = enter();
  gpu.begin_kernel("ncclAllGather");
  for (int64_t first = 0; first < rows; first += kTogether) {
    check_nccl(nccl().group_start(), "ncclGroupStart");
    for (int64_t row = first; row < std::min(rows, first + kTogether); ++row) {
      check_nccl(nccl().all_gather(part + row * columns, whole + row * ranks * columns,
                                   static_cast<size_t>(columns), kFloat32,
                                   communicators_[static_cast<size_t>(rank)], gpu.stream()),
                 "ncclAllGather");
    }
    check_nccl(nccl().group_end(), "ncclGroupEnd");
  }
  gpu.end_kernel();
}

}  // namespace loadmark::ops::cuda
