// What ranks exchange, against sums, choices and columns made on the host, bit for bit: back to
// back, in replayed graphs, with ranks that come late, on one device and on several.
#pragma once

#include <chrono>

#include "check/cuda_ranks.h"
#include "ops/gpu_exchange.h"

namespace loadmark::check {

constexpr int kInputSets = 2;
constexpr int64_t kGuardFloats = 64;

// Fast, and with bits to lose in every addition.
inline std::vector<float> draw_floats(uint64_t seed, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (float& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = (static_cast<float>(state >> 40) - 0x1p23f) * 0x1p-22f;
  }
  return values;
}

// What one rank adds up, on the host and on its device, and what makes it late.
struct RankMemory {
  std::vector<float> inputs[kInputSets];
  gpu_ops::DeviceBuffer device_inputs[kInputSets], sum, late;
};

inline constexpr size_t kLateBytes = size_t{64} << 20;

class RankGroupCases {
 public:
  RankGroupCases(const GpuCases& c, const RankGroup& group, int64_t most_count)
      : c_(c), group_(group), most_count_(most_count), seed_(c.cases.random()) {
    start_ = draw_floats(seed_, most_count);
    for (int rank = 0; rank < group.ranks(); ++rank) {
      const GpuCases on = group.cases(c, rank);
      RankMemory memory;
      for (int set = 0; set < kInputSets; ++set) {
        const auto number = static_cast<uint64_t>(1 + rank * kInputSets + set);
        memory.inputs[set] = draw_floats(seed_ + number, most_count);
        memory.device_inputs[set] = to_gpu(memory.inputs[set]);
      }
      memory.sum = gpu_ops::DeviceBuffer(static_cast<size_t>(most_count + kGuardFloats) * 4);
      memory.late = gpu_ops::DeviceBuffer(kLateBytes);
      gpu_ops::fill_bytes(on.gpu.stream(), memory.late.as<void>(), 1, kLateBytes);
      gpu_ops::fill_bytes(on.gpu.stream(), memory.sum.as<void>(), 0, memory.sum.size());
      // A kernel's first launch may wait for all work on its device, and must not find a rank
      // waiting there.
      gpu_ops::add_bias(on.gpu, memory.sum.as<float>(), 1, 1, memory.sum.as<float>());
      gpu_ops::read_bytes(on.gpu, memory.late.as<void>(), 16);
      on.gpu.synchronize();
      memory_.push_back(std::move(memory));
    }
  }

  // `rounds` sums of `count` floats without a look between them.
  void check_sums(int64_t count, int rounds, double tolerance = 0) {
    const std::string what = group_.name + " add_across " + std::to_string(count);
    for (int rank = 0; rank < group_.ranks(); ++rank) set_sum(rank, count);
    on_ranks(group_, [&](int rank, Meeting&) {
      std::mt19937_64 random(seed_ + static_cast<uint64_t>(rank + count));
      for (int round = 0; round < rounds; ++round) {
        be_late(rank, random);
        add(rank, round % kInputSets, count);
      }
    });
    std::vector<float> want(start_.begin(), start_.begin() + count);
    for (int round = 0; round < rounds; ++round) add_on_host(round % kInputSets, count, want);
    for (int rank = 0; rank < group_.ranks(); ++rank) expect_sum(what, rank, want, tolerance);
  }

  // All of every partial.
  void check_partials() {
    for (int rank = 0; rank < group_.ranks(); ++rank) {
      const GpuCases on = group_.cases(c_, rank);
      std::vector<uint32_t> values(static_cast<size_t>(most_count_));
      gpu_ops::copy_to_host(on.gpu.stream(), values.data(), group_.collective(rank).partial(),
                            values.size() * 4);
      on.gpu.synchronize();
      const auto other = std::find_if(values.begin(), values.end(), [](uint32_t v) { return v; });
      c_.report.expect(other == values.end(), group_.name + ": partial of rank " +
                                                  std::to_string(rank) + " is not zero at " +
                                                  std::to_string(other - values.begin()));
    }
  }

  void set_sum(int rank, int64_t count) {
    const GpuCases on = group_.cases(c_, rank);
    RankMemory& memory = memory_[static_cast<size_t>(rank)];
    gpu_ops::fill_bytes(on.gpu.stream(), memory.sum.as<void>(), 0xff, memory.sum.size());
    gpu_ops::copy_to_device(on.gpu.stream(), memory.sum.as<void>(), start_.data(),
                            static_cast<size_t>(count) * 4);
    on.gpu.synchronize();
  }

  // As a row-parallel linear would, and then across.
  void add(int rank, int set, int64_t count) const {
    const RankMemory& memory = memory_[static_cast<size_t>(rank)];
    gpu_ops::Collective& collective = group_.collective(rank);
    gpu_ops::add_bias(group_.gpu(rank), memory.device_inputs[set].as<float>(), 1, count,
                      collective.partial());
    collective.add_across(count, memory.sum.as<float>());
  }

  void add_on_host(int set, int64_t count, std::vector<float>& sum) const {
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      float total = memory_[0].inputs[set][i];
      for (size_t rank = 1; rank < memory_.size(); ++rank) total += memory_[rank].inputs[set][i];
      sum[i] += total;
    }
  }

  // Now and then, on the device or on the host.
  void be_late(int rank, std::mt19937_64& random) const {
    const uint64_t kind = random() % 4;
    if (kind == 0) {
      const auto bytes = static_cast<int64_t>(random() % (kLateBytes / 16) * 16 + 16);
      gpu_ops::read_bytes(group_.gpu(rank), memory_[static_cast<size_t>(rank)].late.as<void>(),
                          bytes);
    } else if (kind == 1) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
    }
  }

  void expect_sum(const std::string& what, int rank, const std::vector<float>& want,
                  double tolerance = 0) {
    const GpuCases on = group_.cases(c_, rank);
    const std::string who = what + " rank " + std::to_string(rank);
    const auto got = from_gpu<float>(on, memory_[static_cast<size_t>(rank)].sum,
                                     want.size() + static_cast<size_t>(kGuardFloats));
    if (tolerance > 0) {
      c_.report.near(who, std::vector<float>(got.begin(), got.begin() + want.size()),
                     std::vector<double>(want.begin(), want.end()),
                     [&](size_t) { return tolerance; });
    } else {
      c_.report.same_bits(who, got.data(), want.data(), want.size());
    }
    std::vector<float> guard(kGuardFloats);
    std::memset(guard.data(), 0xff, guard.size() * 4);
    c_.report.same_bits(who + " past its end", got.data() + want.size(), guard.data(),
                        guard.size());
  }

  const std::vector<float>& start() const { return start_; }
  const RankMemory& memory(int rank) const { return memory_[static_cast<size_t>(rank)]; }
  uint64_t seed() const { return seed_; }

 private:
  const GpuCases& c_;
  const RankGroup& group_;
  int64_t most_count_;
  uint64_t seed_;
  std::vector<float> start_;
  std::vector<RankMemory> memory_;
};

// ---- choices ----

struct ChoiceRows {
  std::vector<std::vector<float>> best;  // by rank
  std::vector<std::vector<int32_t>> index;
  std::vector<int32_t> want;
};

inline ChoiceRows draw_choices(const GpuCases& c, int ranks, int64_t rows) {
  ChoiceRows drawn;
  drawn.best.resize(static_cast<size_t>(ranks));
  drawn.index.resize(static_cast<size_t>(ranks));
  for (int64_t row = 0; row < rows; ++row) {
    float largest = -INFINITY;
    int32_t token = INT32_MAX;
    bool numbers = true;
    for (int rank = 0; rank < ranks; ++rank) {
      auto value = static_cast<float>(c.cases.below(5)) - 2;  // ties are usual
      // A rank's tokens need not be above those of the rank before it.
      auto index = static_cast<int32_t>((ranks - 1 - rank + row % 2 * 2 * rank) * 1000 +
                                        c.cases.below(1000));
      switch (c.cases.below(40)) {
        case 0:
          value = NAN, index = -1;
          break;
        case 1:
          value = INFINITY;
          break;
        case 2:
          value = -INFINITY;
          break;
        default:
          break;
      }
      if (row == 3) value = -INFINITY;
      numbers = numbers && index >= 0;
      if (value > largest || (value == largest && index < token)) largest = value, token = index;
      drawn.best[static_cast<size_t>(rank)].push_back(value);
      drawn.index[static_cast<size_t>(rank)].push_back(index);
    }
    drawn.want.push_back(numbers && std::isfinite(largest) ? token : -1);
  }
  return drawn;
}

inline void check_choices(const GpuCases& c, const RankGroup& group, int64_t rows) {
  const ChoiceRows drawn = draw_choices(c, group.ranks(), rows);
  std::vector<gpu_ops::DeviceBuffer> best, index;
  std::vector<Poisoned> tokens;
  for (int rank = 0; rank < group.ranks(); ++rank) {
    const GpuCases on = group.cases(c, rank);
    best.push_back(to_gpu(drawn.best[static_cast<size_t>(rank)]));
    index.push_back(to_gpu(drawn.index[static_cast<size_t>(rank)]));
    tokens.emplace_back(on, static_cast<size_t>(rows) * 4);
    on.gpu.synchronize();
  }
  on_ranks(group, [&](int rank, Meeting&) {
    const auto at = static_cast<size_t>(rank);
    for (int again = 0; again < 3; ++again) {
      group.collective(rank).choose_across(best[at].as<float>(), index[at].as<int32_t>(), rows,
                                           static_cast<int32_t*>(tokens[at].data()));
    }
  });
  for (int rank = 0; rank < group.ranks(); ++rank) {
    const std::string what =
        group.name + " choose_across " + std::to_string(rows) + " rank " + std::to_string(rank);
    const auto got = tokens[static_cast<size_t>(rank)].take<int32_t>(group.cases(c, rank), what);
    c.report.same_bits(what, got.data(), drawn.want.data(), got.size());
  }
}

// ---- columns ----

inline void check_columns(const GpuCases& c, const RankGroup& group, int64_t rows,
                          int64_t columns) {
  const int ranks = group.ranks();
  std::vector<gpu_ops::DeviceBuffer> parts;
  std::vector<Poisoned> wholes;
  std::vector<float> want(static_cast<size_t>(rows * ranks * columns));
  for (int rank = 0; rank < ranks; ++rank) {
    const GpuCases on = group.cases(c, rank);
    const std::vector<float> part = draw_floats(c.cases.random(), rows * columns);
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n(part.begin() + row * columns, columns,
                  want.begin() + (row * ranks + rank) * columns);
    parts.push_back(to_gpu(part));
    wholes.emplace_back(on, want.size() * 4);
    on.gpu.synchronize();
  }
  on_ranks(group, [&](int rank, Meeting&) {
    const auto at = static_cast<size_t>(rank);
    for (int again = 0; again < 2; ++again)
      group.collective(rank).gather_columns(parts[at].as<float>(), rows, columns,
                                            static_cast<float*>(wholes[at].data()));
    // The ranks have read it: it may be written over at once.
    gpu_ops::fill_bytes(group.gpu(rank).stream(), parts[at].as<void>(), 0xff, parts[at].size());
  });
  for (int rank = 0; rank < ranks; ++rank) {
    const std::string what = group.name + " gather_columns " + std::to_string(rows) + " x " +
                             std::to_string(columns) + " rank " + std::to_string(rank);
    const auto got = wholes[static_cast<size_t>(rank)].take<float>(group.cases(c, rank), what);
    c.report.same_bits(what, got.data(), want.data(), got.size());
  }
}

// ---- all of them in turns, in graphs that are replayed ----

struct ExchangeStep {
  int kind;       // 0 to 2: a sum; 3: a choice; 4: columns
  int64_t count;  // of a sum
  int set;
};
constexpr int64_t kStepRows = 70, kStepColumns = 36;

// What changes at each step: choices and columns depend on how many were made before them.
struct StepMemory {
  gpu_ops::DeviceBuffer best, rise, index, tokens, part, whole;
};
struct StepHost {
  std::vector<float> best, rise, part;
  std::vector<int32_t> index;
};

class ExchangeSteps {
 public:
  ExchangeSteps(const GpuCases& c, const RankGroup& group, RankGroupCases& sums, int64_t most_count)
      : c_(c), group_(group), sums_(sums) {
    const int64_t counts[] = {1, 5, 1000, 8192, 40000, 131072, 131073, 200001};
    for (int step = 0; step < 25; ++step) {
      steps_.push_back({static_cast<int>(c.cases.below(5)),
                        std::min(counts[c.cases.below(8)], most_count),
                        static_cast<int>(c.cases.below(kInputSets))});
      most_ = std::max(most_, steps_.back().count);
    }
    for (int rank = 0; rank < group.ranks(); ++rank) make_memory(rank);
  }

  void check(int replays) {
    for (int rank = 0; rank < group_.ranks(); ++rank) sums_.set_sum(rank, most_);
    std::vector<gpu_ops::Graph> graphs(static_cast<size_t>(group_.ranks()));
    on_ranks(group_, [&](int rank, Meeting& meeting) {
      std::mt19937_64 random(sums_.seed() + static_cast<uint64_t>(rank));
      const gpu_ops::Gpu& gpu = group_.gpu(rank);
      gpu_ops::Graph::begin(gpu.stream());
      for (const ExchangeStep& step : steps_) queue(rank, step);
      graphs[static_cast<size_t>(rank)] = gpu_ops::Graph::end(gpu.stream());
      gpu.synchronize();
      meeting.arrive_and_wait();  // making a graph may wait for all work on its device
      for (int replay = 0; replay < replays; ++replay) {
        sums_.be_late(rank, random);
        graphs[static_cast<size_t>(rank)].launch(gpu.stream());
        queue(rank, steps_.front());  // one more, and the next replay begins at another parity
      }
    });
    for (int replay = 0; replay < replays; ++replay) {
      for (const ExchangeStep& step : steps_) follow(step);
      follow(steps_.front());
    }
    expect();
  }

 private:
  void make_memory(int rank) {
    const GpuCases on = group_.cases(c_, rank);
    StepHost host;
    for (int64_t row = 0; row < kStepRows; ++row) {
      host.best.push_back(static_cast<float>(c_.cases.below(3)));
      host.rise.push_back(static_cast<float>(c_.cases.below(3)) - 1);
      host.index.push_back(static_cast<int32_t>(rank * 1000 + c_.cases.below(1000)));
    }
    host.part = draw_floats(c_.cases.random(), kStepRows * kStepColumns);
    StepMemory memory = {
        to_gpu(host.best),
        to_gpu(host.rise),
        to_gpu(host.index),
        gpu_ops::DeviceBuffer(kStepRows * 4),
        to_gpu(host.part),
        gpu_ops::DeviceBuffer(kStepRows * kStepColumns * 4 * static_cast<size_t>(group_.ranks()))};
    gpu_ops::fill_bytes(on.gpu.stream(), memory.tokens.as<void>(), 0xff, memory.tokens.size());
    gpu_ops::fill_bytes(on.gpu.stream(), memory.whole.as<void>(), 0, memory.whole.size());
    on.gpu.synchronize();
    memory_.push_back(std::move(memory));
    hosts_.push_back(std::move(host));
    tokens_.assign(kStepRows, -1);
    whole_.assign(static_cast<size_t>(kStepRows * kStepColumns * group_.ranks()), 0.0f);
  }

  void queue(int rank, const ExchangeStep& step) const {
    const StepMemory& memory = memory_[static_cast<size_t>(rank)];
    const gpu_ops::Gpu& gpu = group_.gpu(rank);
    gpu_ops::Collective& collective = group_.collective(rank);
    if (step.kind < 3) {
      sums_.add(rank, step.set, step.count);
    } else if (step.kind == 3) {
      gpu_ops::add_bias(gpu, memory.rise.as<float>(), 1, kStepRows, memory.best.as<float>());
      collective.choose_across(memory.best.as<float>(), memory.index.as<int32_t>(), kStepRows,
                               memory.tokens.as<int32_t>());
    } else {
      const int64_t count = kStepRows * kStepColumns;
      gpu_ops::add_bias(gpu, sums_.memory(rank).device_inputs[step.set].as<float>(), 1,
                        std::min(count, most_), memory.part.as<float>());
      collective.gather_columns(memory.part.as<float>(), kStepRows, kStepColumns,
                                memory.whole.as<float>());
    }
  }

  // The same on the host.
  void follow(const ExchangeStep& step) {
    if (step.kind < 3) {
      if (sum_.empty()) sum_.assign(sums_.start().begin(), sums_.start().begin() + most_);
      return sums_.add_on_host(step.set, step.count, sum_);
    }
    for (int rank = 0; rank < group_.ranks(); ++rank) {
      StepHost& host = hosts_[static_cast<size_t>(rank)];
      if (step.kind == 3) {
        for (size_t row = 0; row < host.best.size(); ++row) host.best[row] += host.rise[row];
        continue;
      }
      const std::vector<float>& input = sums_.memory(rank).inputs[step.set];
      const auto raised = static_cast<size_t>(std::min(kStepRows * kStepColumns, most_));
      for (size_t i = 0; i < raised; ++i) host.part[i] += input[i];
      for (int64_t row = 0; row < kStepRows; ++row)
        std::copy_n(host.part.begin() + row * kStepColumns, kStepColumns,
                    whole_.begin() + (row * group_.ranks() + rank) * kStepColumns);
    }
    if (step.kind == 3) choose_on_host();
  }

  void choose_on_host() {
    for (size_t row = 0; row < tokens_.size(); ++row) {
      size_t best = 0;  // indices rise with ranks
      for (size_t rank = 1; rank < hosts_.size(); ++rank)
        if (hosts_[rank].best[row] > hosts_[best].best[row]) best = rank;
      tokens_[row] = hosts_[best].index[row];
    }
  }

  void expect() {
    const std::string what = group_.name + " replayed";
    if (sum_.empty()) sum_.assign(sums_.start().begin(), sums_.start().begin() + most_);
    for (int rank = 0; rank < group_.ranks(); ++rank) {
      sums_.expect_sum(what + " add_across", rank, sum_);
      const GpuCases on = group_.cases(c_, rank);
      const StepMemory& memory = memory_[static_cast<size_t>(rank)];
      const auto tokens = from_gpu<int32_t>(on, memory.tokens, tokens_.size());
      c_.report.same_bits(what + " choose_across", tokens.data(), tokens_.data(), tokens.size());
      const auto whole = from_gpu<float>(on, memory.whole, whole_.size());
      c_.report.same_bits(what + " gather_columns", whole.data(), whole_.data(), whole.size());
    }
  }

  const GpuCases& c_;
  const RankGroup& group_;
  RankGroupCases& sums_;
  std::vector<ExchangeStep> steps_;
  int64_t most_ = 1;
  std::vector<StepMemory> memory_;
  std::vector<StepHost> hosts_;
  std::vector<float> sum_, whole_;
  std::vector<int32_t> tokens_;
};

// ---- groups ----

inline void check_group(const GpuCases& c, const std::vector<int>& devices) {
  const int64_t most = c.cases.quick ? 262147 : int64_t{1} << 24;
  const RankGroup group(devices, most, gpu_ops::CollectivePath::kPeer);
  std::printf("  %s: %s\n", group.name.c_str(), group.collective(0).describe().c_str());
  RankGroupCases sums(c, group, most);
  const int64_t words = ops::cuda::kWordFloats / std::max(1, static_cast<int>(devices.size()) - 1);
  for (const int64_t count :
       {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{4}, int64_t{5}, int64_t{1023}, int64_t{1025},
        int64_t{8192}, words - 1, words, words + 1, int64_t{262147}})
    sums.check_sums(count, 20);
  if (!c.cases.quick) {
    for (const int64_t count : {int64_t{1000003}, int64_t{4194303}, most})
      sums.check_sums(count, 4);
  }
  sums.check_partials();
  for (const int64_t rows : {1, 7, 256, 257, 8197}) check_choices(c, group, rows);
  check_columns(c, group, 1, 1);
  check_columns(c, group, 3, 5);
  check_columns(c, group, 2, 8);
  check_columns(c, group, 64, 1000);
  if (!c.cases.quick) check_columns(c, group, 33, 64128);
  for (int round = 0; round < (c.cases.quick ? 2 : 6); ++round)
    ExchangeSteps(c, group, sums, most).check(c.cases.quick ? 3 : 10);
  sums.check_partials();
}

// Where the library is and each rank has a device of its own.
inline void check_nccl_group(const GpuCases& c, const std::vector<int>& devices) {
  constexpr int64_t kMost = 300000;
  try {
    const RankGroup group(devices, kMost, gpu_ops::CollectivePath::kNccl);
    std::printf("  %s: %s\n", group.name.c_str(), group.collective(0).describe().c_str());
    RankGroupCases sums(c, group, kMost);
    // Values below 2, 20 rounds: sums below 2^8, of which a rounding is at most 2^-17.
    for (const int64_t count : {int64_t{1}, int64_t{8192}, int64_t{262147}})
      sums.check_sums(count, 20, 20 * static_cast<double>(devices.size() + 1) * 0x1p-16);
    sums.check_partials();
    for (const int64_t rows : {1, 257, 8197}) check_choices(c, group, rows);
    check_columns(c, group, 3, 5);
    check_columns(c, group, 70, 1000);
    // Two addends have one order.
    if (devices.size() == 2) ExchangeSteps(c, group, sums, kMost).check(3);
  } catch (const Error& error) {
    const std::string why = error.what();
    if (why.find("libnccl.so.2 was not found") == std::string::npos) throw;
    std::printf("  NCCL is not checked: %s\n", why.c_str());
  }
}

inline void check_gpu_collectives(const GpuCases& c) {
  const int devices = gpu_count();
  std::vector<std::vector<int>> placements = {{0}, {0, 0}, {0, 0, 0}, {0, 0, 0, 0}};
  for (int ranks = 2; ranks <= std::min(devices, 8); ranks += ranks < 4 ? 1 : 2) {
    std::vector<int> spread;
    for (int rank = 0; rank < ranks; ++rank) spread.push_back(rank);
    placements.push_back(spread);
  }
  if (devices >= 2) placements.push_back({0, 1, 0});
  for (const std::vector<int>& placement : placements) {
    try {
      check_group(c, placement);
    } catch (const Error& error) {
      const std::string why = error.what();
      if (why.find("(no peer access)") == std::string::npos) throw;
      std::printf("  not checked: %s\n", why.c_str());
    }
  }
  for (size_t i = 4; i < placements.size(); ++i) {
    if (placements[i].back() != 0) check_nccl_group(c, placements[i]);
  }
  c.gpu.make_current();
  const auto refuses = [&](const char* what, size_t ranks, int64_t most_count,
                           gpu_ops::CollectivePath path) {
    c.report.refuses(std::string("gpu collective: ") + what, kBadArgument, [&] {
      gpu_ops::Collective::make(std::vector<const gpu_ops::Gpu*>(ranks, &c.gpu), most_count, path);
    });
  };
  refuses("no GPU", 0, 1, gpu_ops::CollectivePath::kAuto);
  refuses("nine GPUs", 9, 1, gpu_ops::CollectivePath::kAuto);
  refuses("no room", 2, 0, gpu_ops::CollectivePath::kAuto);
  refuses("NCCL with two ranks on a GPU", 2, 1, gpu_ops::CollectivePath::kNccl);
}

// A rank that never comes: the other gives up and says who was missing. The process's work on that
// GPU is over then, so this is a run of its own.
inline int check_absent_rank() {
  const RankGroup group({0, gpu_count() > 1 ? 1 : 0}, 1000, gpu_ops::CollectivePath::kPeer);
  group.gpu(0).make_current();
  const gpu_ops::DeviceBuffer sum(4000);
  group.collective(0).add_across(1000, sum.as<float>());
  try {
    group.gpu(0).synchronize();
  } catch (const Error& error) {
    const std::string fault = group.collective(0).fault();
    std::printf("cuda_check: %s; %s\n", error.what(), fault.c_str());
    return fault == "rank 0 waited 10 s for rank 1 in add_across" ? 0 : 1;
  }
  std::printf("cuda_check: a rank that did not come was not missed\n");
  return 1;
}

}  // namespace loadmark::check
