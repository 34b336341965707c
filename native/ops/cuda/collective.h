// What the GPUs of one tensor-parallel group exchange: sums of partial results, the best of each
// rank's tokens, columns side by side. The ranks are threads of one process, a Gpu each; who
// computes what is the model's business.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/cuda/ops_cuda.h"

namespace loadmark::ops::cuda {

// Ranks read each other's memory, or NCCL carries what they exchange; by itself what is faster.
enum class CollectivePath { kAuto, kPeer, kNccl };

// The ranks of one process that add up and exchange what each has, a GPU each. All ranks queue the
// same calls with the same sizes in the same order, each from its own thread with its device
// current, and a call returns at once; it may be captured in a graph, and the graph replayed any
// number of times, as long as every rank replays the same. Pointers are memory of the rank's own
// device as DeviceBuffer gives it. Over peer memory every rank gets the same bits in every run, and
// a rank that does not come within 10 seconds ends the process's work on the GPUs that wait for it:
// their next synchronisation throws Error(kEngineBroken), and fault() names the rank. NCCL waits
// for one until give_up(). Ranks may share a GPU, for tests: while one waits there nothing may wait
// for all work on that GPU, so memory is taken and kernels are loaded before
// (CUDA_MODULE_LOADING=EAGER).
class Collective {
 public:
  // One object a rank, in the order of `gpus`, 1 to 8 of them; messages have at most `most_count`
  // floats. The Gpus outlive them; they end when no call is under way on any rank. Throws
  // Error(kBadArgument) naming the pair of GPUs and what they cannot do.
  static std::vector<std::unique_ptr<Collective>> make(const std::vector<const Gpu*>& gpus,
                                                       int64_t most_count,
                                                       CollectivePath path = CollectivePath::kAuto);
  // What NCCL takes at most on each of these devices, beside these objects' own memory; 0 where it
  // would carry nothing, or is not found.
  static int64_t nccl_bytes(const std::vector<int>& devices);
  ~Collective();
  Collective(const Collective&) = delete;
  Collective& operator=(const Collective&) = delete;

  int rank() const { return rank_; }
  int ranks() const;
  // (most_count) fp32 of this rank, zero between calls and at one address for life: row-parallel
  // linears add into it.
  float* partial() const;
  // sum (count) fp32, 16-byte aligned, += partial of rank 0 + rank 1 + ...; the first `count`
  // floats of partial are zero afterwards. 1 <= count <= most_count.
  void add_across(int64_t count, float* sum);
  // tokens[r] = the index of the largest best[r] of all ranks, of equal ones the lowest; -1 where
  // any rank's index is -1 or the largest is not finite. best, index, tokens (rows).
  void choose_across(const float* best, const int32_t* index, int64_t rows, int32_t* tokens);
  // whole (rows, ranks * part_columns) = part (rows, part_columns) of every rank, side by side in
  // rank order. `part` lies in a DeviceBuffer, where the other ranks read it; both are 16-byte
  // aligned.
  void gather_columns(const float* part, int64_t rows, int64_t part_columns, float* whole);
  // Some rank will not come any more: NCCL's kernels end, on all ranks, and what they were to bring
  // is nothing. Returns at once; from any thread, once. Graphs with such kernels must end before
  // the last of these objects does.
  void give_up() noexcept;
  // Which path serves which sizes: "one-shot over peer memory up to 4.0 MiB, NCCL 2.27.3 above".
  std::string describe() const;
  // Which rank this one gave up waiting for, and in which call; empty where all came, and where
  // NCCL waits.
  std::string fault() const;

 private:
  struct Group;
  Collective(std::shared_ptr<Group> group, int rank) : group_(std::move(group)), rank_(rank) {}
  const Gpu& gpu() const;
  void choose_by_nccl(const float* best, const int32_t* index, int64_t rows, int32_t* tokens);

  std::shared_ptr<Group> group_;
  int rank_;
};

}  // namespace loadmark::ops::cuda
