// NCCL where it can be opened at run time; nothing of it is needed to build or to run.
#pragma once

#include <atomic>
#include <memory>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "ops/cuda/launch.cuh"

namespace loadmark::ops::cuda {

// Communicators (ncclComm_t), one a rank of this process, each on a device of its own.
class NcclGroup {
 public:
  // Whether libnccl.so.2 is found.
  static bool is_there();
  // Null where libnccl.so.2 is not found. Throws Error(kEngineBroken) with NCCL's words where it
  // cannot connect the devices.
  static std::unique_ptr<NcclGroup> make(const std::vector<const Gpu*>& gpus);
  ~NcclGroup();
  NcclGroup(const NcclGroup&) = delete;
  NcclGroup& operator=(const NcclGroup&) = delete;

  // Ends the kernels that wait, on all ranks; returns at once. From any thread, once. Calls that
  // come later throw Error(kEngineBroken).
  void abort() noexcept;
  const std::string& version() const { return version_; }  // "2.27.3"
  // values (count) fp32 = the sum of every rank's, in place; queued on the rank's stream.
  void add(const Gpu& gpu, int rank, float* values, int64_t count) const;
  // all (ranks, count) 32-bit = every rank's part (count).
  void gather(const Gpu& gpu, int rank, const void* part, int64_t count, void* all) const;
  // whole (rows, ranks * columns) fp32 = every rank's part (rows, columns), side by side.
  void gather_rows(const Gpu& gpu, int rank, const float* part, int64_t rows, int64_t columns,
                   float* whole) const;

 private:
  NcclGroup() = default;
  void warm_up(const std::vector<const Gpu*>& gpus) const;
  // Holds off abort() while NCCL is called; throws where that has begun.
  std::shared_lock<std::shared_timed_mutex> enter() const;

  std::vector<void*> communicators_;
  mutable std::shared_timed_mutex calls_;
  std::atomic<bool> aborted_{false};
  std::thread aborting_;
  std::string version_;
};

}  // namespace loadmark::ops::cuda
