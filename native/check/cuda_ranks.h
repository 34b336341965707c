// Ranks as threads: a Gpu and a Collective each, on the devices there are.
#pragma once

#include <barrier>
#include <exception>
#include <memory>
#include <thread>

#include "check/cuda_cases.h"
#include "ops/cuda/collective.h"
#include "ops/gpu_devices.h"

namespace loadmark::check {

inline int gpu_count() { return static_cast<int>(ops::survey_gpus().devices.size()); }

struct RankGroup {
  std::string name;
  std::vector<std::unique_ptr<gpu_ops::Gpu>> gpus;
  std::vector<std::unique_ptr<gpu_ops::Collective>> collectives;

  RankGroup(const std::vector<int>& devices, int64_t most_count, gpu_ops::CollectivePath path) {
    std::vector<const gpu_ops::Gpu*> members;
    for (const int device : devices) {
      gpus.push_back(std::make_unique<gpu_ops::Gpu>(device));
      members.push_back(gpus.back().get());
      name += (name.empty() ? "cuda:" : ",") + std::to_string(device);
    }
    collectives = gpu_ops::Collective::make(members, most_count, path);
    name = std::to_string(devices.size()) + " ranks on " + name;
  }
  int ranks() const { return static_cast<int>(gpus.size()); }
  const gpu_ops::Gpu& gpu(int rank) const { return *gpus[static_cast<size_t>(rank)]; }
  gpu_ops::Collective& collective(int rank) const {
    return *collectives[static_cast<size_t>(rank)];
  }
  // Its buffers are made and read by the calling thread, on this rank's device.
  GpuCases cases(const GpuCases& c, int rank) const {
    gpu(rank).make_current();
    return {c.report, c.cases, c.cpu, gpu(rank)};
  }
  // What ranks say of each other after a fault.
  std::string faults() const {
    std::string all;
    for (const auto& collective : collectives) {
      const std::string fault = collective->fault();
      if (!fault.empty()) all += "; " + fault;
    }
    return all;
  }
};

using Meeting = std::barrier<>;

// body(rank, meeting) in a thread a rank, each with its device current; waits for the devices at
// the end. Throws what the first rank threw that did.
template <class Body>
void on_ranks(const RankGroup& group, const Body& body) {
  Meeting meeting(group.ranks());
  std::vector<std::exception_ptr> thrown(static_cast<size_t>(group.ranks()));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < group.ranks(); ++rank) {
    threads.emplace_back([&, rank] {
      try {
        group.gpu(rank).make_current();
        body(rank, meeting);
        group.gpu(rank).synchronize();
      } catch (...) {
        thrown[static_cast<size_t>(rank)] = std::current_exception();
        meeting.arrive_and_drop();  // the others do not wait for this rank
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& exception : thrown) {
    if (!exception) continue;
    try {
      std::rethrow_exception(exception);
    } catch (const Error& error) {
      throw Error(error.code(), group.name + ": " + error.what() + group.faults());
    }
  }
}

}  // namespace loadmark::check
