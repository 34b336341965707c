// What does a sum across two ranks take, in microseconds and as a share of an NVLink's rate, over
// peer memory and by NCCL? Calls stand in graphs, as in the engine.
#pragma once

#include "check/cuda_ranks.h"

namespace loadmark::check {

// Median microseconds of one add_across, from graphs of many, all ranks at once.
inline double time_add_across(const RankGroup& group, int64_t count) {
  const int calls = count < (int64_t{1} << 20) ? 40 : 8;
  std::vector<gpu_ops::DeviceBuffer> sums;
  for (int rank = 0; rank < group.ranks(); ++rank) {
    group.gpu(rank).make_current();
    sums.push_back(
        gpu_ops::random_values(group.gpu(rank), 2 * count, gpu_ops::Activation::kFloat16, 1, 1));
    group.gpu(rank).synchronize();
  }
  std::vector<double> times;
  on_ranks(group, [&](int rank, Meeting& meeting) {
    const gpu_ops::Gpu& gpu = group.gpu(rank);
    gpu_ops::Graph::begin(gpu.stream());
    for (int call = 0; call < calls; ++call)
      group.collective(rank).add_across(count, sums[static_cast<size_t>(rank)].as<float>());
    const gpu_ops::Graph graph = gpu_ops::Graph::end(gpu.stream());
    gpu_ops::Event begin, end;
    gpu.synchronize();
    for (int repeat = 0; repeat < 14; ++repeat) {
      meeting.arrive_and_wait();
      begin.record(gpu.stream());
      graph.launch(gpu.stream());
      end.record(gpu.stream());
      end.wait();
      if (rank == 0 && repeat >= 5)  // clocks rise only under load
        times.push_back(1e3 * end.milliseconds_since(begin) / calls);
    }
    meeting.arrive_and_wait();  // what ends a graph or an event may wait for the device
  });
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

inline void time_collectives() {
  constexpr double kLinkGbs = 450;  // H100's NVLink, a direction (datasheet)
  constexpr int64_t kDim = 8192;
  const int64_t row_counts[] = {1, 16, 64, 512, 2048};
  const bool two = gpu_count() > 1;
  const std::vector<int> devices = {0, two ? 1 : 0};
  const RankGroup peers(devices, kDim * 2048, gpu_ops::CollectivePath::kAuto);
  std::unique_ptr<RankGroup> nccl;
  std::string nccl_name = "no NCCL: two ranks share a GPU";
  if (two) {
    try {
      nccl = std::make_unique<RankGroup>(devices, kDim * 2048, gpu_ops::CollectivePath::kNccl);
      nccl_name = nccl->collective(0).describe();
    } catch (const Error& error) {
      nccl_name = error.what();
    }
  }
  std::printf(
      "\nadd_across of rows of %lld floats, %s: %s beside %s\n"
      "  rows        MiB        us   GB/s  of %.0f    NCCL us   GB/s\n",
      static_cast<long long>(kDim), peers.name.c_str(), peers.collective(0).describe().c_str(),
      nccl_name.c_str(), kLinkGbs);
  for (const int64_t rows : row_counts) {
    const double bytes = static_cast<double>(rows * kDim) * 4;
    const double us = time_add_across(peers, rows * kDim), gbs = bytes / us / 1e3;
    std::printf("  %4lld  %9.3f  %8.2f  %5.0f", static_cast<long long>(rows), bytes / (1 << 20), us,
                gbs);
    two ? std::printf("  %5.1f%%", 100 * gbs / kLinkGbs) : std::printf("       -");
    if (nccl != nullptr) {
      const double nccl_us = time_add_across(*nccl, rows * kDim);
      std::printf("  %9.2f  %5.0f", nccl_us, bytes / nccl_us / 1e3);
    }
    std::printf("\n");
  }
}

}  // namespace loadmark::check
