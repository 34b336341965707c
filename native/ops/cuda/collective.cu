// The memory and the communicators that ranks share, and which exchange serves which call.
#include <algorithm>
#include <cstring>

#include "ops/cuda/collective.h"
#include "ops/cuda/exchange.cuh"
#include "ops/cuda/nccl_library.cuh"

namespace loadmark::ops::cuda {

// Everything of all ranks: what one rank's kernels write to lives as long as any rank.
struct Collective::Group {
  std::vector<const Gpu*> gpus;
  int64_t most_count = 0;
  ExchangeMeans means;
  std::vector<DeviceBuffer> partials;
  std::vector<DeviceBuffer> exchanges, words, choices;  // where ranks reach each other's memory
  std::vector<DeviceBuffer> gathered;  // (2, ranks, kChoiceRows) 32-bit where NCCL carries choices
  std::vector<PinnedBuffer> faults;
  std::vector<Peers> peers;
  std::unique_ptr<NcclGroup> nccl;

  void take_memory();
  void introduce(int rank);
};

namespace {

std::string gpu_text(const Gpu& gpu) {
  return "cuda:" + std::to_string(gpu.device()) + " (" + gpu.name() + ")";
}

// Makes the device of before current again at its end.
class CurrentDevice {
 public:
  CurrentDevice() { check_cuda(cudaGetDevice(&device_), "asking for the device"); }
  ~CurrentDevice() { cudaSetDevice(device_); }

 private:
  int device_ = 0;
};

bool reaches(int from, int to) {
  int can = from == to ? 1 : 0;
  if (can == 0) check_cuda(cudaDeviceCanAccessPeer(&can, from, to), "asking for peer access");
  return can != 0;
}

// Of two that can read each other's memory NCCL would carry nothing.
bool gains_by_nccl(int ranks, bool peer) { return !peer || ranks > 2; }

// The first pair that cannot read each other's memory, or two nulls.
using Pair = std::pair<const Gpu*, const Gpu*>;
Pair strangers(const std::vector<const Gpu*>& gpus) {
  for (const Gpu* from : gpus) {
    for (const Gpu* to : gpus) {
      if (!reaches(from->device(), to->device())) return {from, to};
    }
  }
  return {};
}

Pair on_one_device(const std::vector<const Gpu*>& gpus) {
  for (size_t i = 0; i < gpus.size(); ++i) {
    for (size_t j = i + 1; j < gpus.size(); ++j)
      if (gpus[i]->device() == gpus[j]->device()) return {gpus[i], gpus[j]};
  }
  return {};
}

void open_peers(const std::vector<const Gpu*>& gpus) {
  for (const Gpu* from : gpus) {
    from->make_current();
    for (const Gpu* to : gpus) {
      if (from->device() == to->device()) continue;
      const cudaError_t status = cudaDeviceEnablePeerAccess(to->device(), 0);
      if (status == cudaErrorPeerAccessAlreadyEnabled) {
        cudaGetLastError();
      } else if (status != cudaSuccess) {
        cudaGetLastError();
        throw Error(kBadArgument, gpu_text(*from) + " cannot read the memory of " + gpu_text(*to) +
                                      ": " + cudaGetErrorString(status));
      }
    }
  }
}

void check_arguments(const std::vector<const Gpu*>& gpus, int64_t most_count, CollectivePath path) {
  if (gpus.empty() || gpus.size() > kMostRanks) {
    throw Error(kBadArgument, "a tensor-parallel group has " + std::to_string(gpus.size()) +
                                  " GPUs; allowed: 1 to " + std::to_string(kMostRanks));
  }
  if (most_count < 1) {
    throw Error(kBadArgument, "a collective's most_count is " + std::to_string(most_count) +
                                  "; allowed: 1 and more");
  }
  const Pair same = on_one_device(gpus);
  if (path == CollectivePath::kNccl && same.first != nullptr) {
    throw Error(kBadArgument, "two ranks are on " + gpu_text(*same.first) +
                                  ", which NCCL does not serve; allowed: a GPU a rank");
  }
}

[[noreturn]] void refuse(const Pair& apart, CollectivePath path) {
  if (path == CollectivePath::kNccl)
    throw Error(kBadArgument, "NCCL was asked for, and libnccl.so.2 was not found");
  const std::string first = gpu_text(*apart.first), second = gpu_text(*apart.second);
  if (path == CollectivePath::kPeer)
    throw Error(kBadArgument,
                first + " and " + second + " cannot read each other's memory (no peer access)");
  throw Error(kBadArgument, no_exchange(first, second));
}

// Blocks that wait for another rank's hold their room meanwhile: 128 a rank, eight a
// multiprocessor.
void check_room(const ExchangeMeans& means, const Gpu& gpu) {
  const int most = means.multiprocessors / (kWordBlocks / 8);
  if (!means.shares_device || means.ranks <= most) return;
  throw Error(kBadArgument, std::to_string(means.ranks) + " ranks share GPUs such as " +
                                gpu_text(gpu) + ", which has room for at most " +
                                std::to_string(most) + "; allowed: a GPU a rank");
}

DeviceBuffer zeros(const Gpu& gpu, size_t bytes) {
  DeviceBuffer buffer(bytes);
  fill_bytes(gpu.stream(), buffer.as<void>(), 0, bytes);
  return buffer;
}

void check_aligned(const void* pointer, const char* name) {
  if (reinterpret_cast<uintptr_t>(pointer) % 16 != 0) {
    throw Error(kInternal, std::string(name) + " of a collective is not aligned to 16 bytes");
  }
}

void check_positive(int64_t value, const char* name) {
  if (value < 1) {
    throw Error(kInternal, std::string(name) + " of a collective is " + std::to_string(value) +
                               "; allowed: 1 and more");
  }
}

}  // namespace

// Zero on every rank before any rank's kernel can write there.
void Collective::Group::take_memory() {
  const size_t ranks = gpus.size();
  for (const Gpu* gpu : gpus) {
    gpu->make_current();
    partials.push_back(zeros(*gpu, static_cast<size_t>((most_count + 3) / 4) * 16));
    faults.emplace_back(sizeof(uint32_t));
    *faults.back().as<uint32_t>() = 0;
    if (means.peer) {
      exchanges.push_back(zeros(*gpu, sizeof(Exchange)));
      words.push_back(zeros(*gpu, 2 * ranks * kWordInbox * sizeof(ulonglong2)));
      choices.push_back(zeros(*gpu, 2 * ranks * kChoiceRows * sizeof(ulonglong2)));
    } else {
      gathered.push_back(zeros(*gpu, 2 * ranks * kChoiceRows * sizeof(int32_t)));
    }
    prepare_exchange(*gpu, static_cast<int>(ranks));
    gpu->synchronize();
  }
  if (means.peer) {
    for (size_t rank = 0; rank < ranks; ++rank) introduce(static_cast<int>(rank));
  }
}

void Collective::Group::introduce(int rank) {
  Peers of = {};
  for (size_t other = 0; other < gpus.size(); ++other) {
    of.partial[other] = partials[other].as<float>();
    of.exchange[other] = exchanges[other].as<Exchange>();
    of.words[other] = words[other].as<ulonglong2>();
    of.choices[other] = choices[other].as<ulonglong2>();
  }
  of.fault = faults[static_cast<size_t>(rank)].as<uint32_t>();
  of.rank = rank;
  // On one device the next kernel's blocks could take the room that the awaited rank needs.
  of.early = !means.shares_device;
  peers.push_back(of);
}

std::vector<std::unique_ptr<Collective>> Collective::make(const std::vector<const Gpu*>& gpus,
                                                          int64_t most_count, CollectivePath path) {
  check_arguments(gpus, most_count, path);
  const CurrentDevice restored;
  auto group = std::make_shared<Group>();
  group->gpus = gpus;
  group->most_count = most_count;
  ExchangeMeans& means = group->means;
  means.ranks = static_cast<int>(gpus.size());
  means.shares_device = on_one_device(gpus).first != nullptr;
  means.multiprocessors = (*std::min_element(gpus.begin(), gpus.end(), [](auto* a, auto* b) {
                            return a->multiprocessors() < b->multiprocessors();
                          }))->multiprocessors();
  check_room(means, *gpus.front());
  const Pair apart = strangers(gpus);
  means.peer = apart.first == nullptr && path != CollectivePath::kNccl;
  const bool wants_nccl = path == CollectivePath::kNccl ||
                          (path == CollectivePath::kAuto && gains_by_nccl(means.ranks, means.peer));
  if (wants_nccl && !means.shares_device) {
    try {
      group->nccl = NcclGroup::make(gpus);
    } catch (const Error&) {
      // Found, and cannot connect them: where it was a choice, peer memory carries everything.
      if (path == CollectivePath::kNccl || !means.peer) throw;
    }
  }
  means.nccl = group->nccl != nullptr;
  if (means.nccl) means.nccl_version = group->nccl->version();
  if (!means.peer && !means.nccl) refuse(apart, path);
  if (means.peer) open_peers(gpus);
  group->take_memory();
  std::vector<std::unique_ptr<Collective>> made;
  for (int rank = 0; rank < means.ranks; ++rank)
    made.push_back(std::unique_ptr<Collective>(new Collective(group, rank)));
  return made;
}

int64_t Collective::nccl_bytes(const std::vector<int>& devices) {
  bool peer = true;
  for (size_t i = 0; i < devices.size(); ++i) {
    for (size_t j = 0; j < devices.size(); ++j) {
      if (i != j && devices[i] == devices[j]) return 0;  // which NCCL does not serve
      peer = peer && reaches(devices[i], devices[j]);
    }
  }
  const auto ranks = static_cast<int>(devices.size());
  return gains_by_nccl(ranks, peer) && NcclGroup::is_there() ? kNcclBytes : 0;
}

Collective::~Collective() = default;

int Collective::ranks() const { return group_->means.ranks; }
const Gpu& Collective::gpu() const { return *group_->gpus[static_cast<size_t>(rank_)]; }
float* Collective::partial() const {
  return group_->partials[static_cast<size_t>(rank_)].as<float>();
}
std::string Collective::describe() const { return describe_exchange(group_->means); }
std::string Collective::fault() const {
  // The GPU wrote it, if it did, before its kernel ended.
  const volatile uint32_t* fault = group_->faults[static_cast<size_t>(rank_)].as<uint32_t>();
  return describe_exchange_fault(rank_, *fault);
}

void Collective::give_up() noexcept {
  if (group_->nccl != nullptr) group_->nccl->abort();
}

void Collective::add_across(int64_t count, float* sum) {
  check_positive(count, "the count");
  check_aligned(sum, "the sum");
  if (count > group_->most_count) {
    throw Error(kInternal, "a collective made for " + std::to_string(group_->most_count) +
                               " floats was given " + std::to_string(count));
  }
  const ExchangeMeans& means = group_->means;
  switch (exchange_path(means, count)) {
    case ExchangePath::kWords:
      return add_by_words(gpu(), group_->peers[static_cast<size_t>(rank_)], ranks(), count, sum);
    case ExchangePath::kChunks:
      return add_by_chunks(gpu(), group_->peers[static_cast<size_t>(rank_)], ranks(),
                           chunk_shape(means, count), count, sum);
    case ExchangePath::kNccl:
      group_->nccl->add(gpu(), rank_, partial(), count);
      return add_whole(gpu(), partial(), count, sum);
  }
}

void Collective::choose_across(const float* best, const int32_t* index, int64_t rows,
                               int32_t* tokens) {
  for (int64_t first = 0; first < rows; first += kChoiceRows) {
    const int64_t some = std::min(kChoiceRows, rows - first);
    if (group_->means.peer) {
      choose_by_words(gpu(), group_->peers[static_cast<size_t>(rank_)], ranks(), best + first,
                      index + first, some, tokens + first);
    } else {
      choose_by_nccl(best + first, index + first, some, tokens + first);
    }
  }
}

void Collective::choose_by_nccl(const float* best, const int32_t* index, int64_t rows,
                                int32_t* tokens) {
  auto* const values = group_->gathered[static_cast<size_t>(rank_)].as<float>();
  auto* const indices = reinterpret_cast<int32_t*>(values + ranks() * kChoiceRows);
  group_->nccl->gather(gpu(), rank_, best, rows, values);
  group_->nccl->gather(gpu(), rank_, index, rows, indices);
  choose_gathered(gpu(), ranks(), values, indices, rows, tokens);
}

void Collective::gather_columns(const float* part, int64_t rows, int64_t part_columns,
                                float* whole) {
  if (rows == 0) return;
  check_positive(part_columns, "the columns");
  check_aligned(part, "the part");
  check_aligned(whole, "the whole");
  if (group_->means.peer) {
    const int blocks = chunk_shape(group_->means, rows * part_columns).blocks;
    return gather_by_chunks(gpu(), group_->peers[static_cast<size_t>(rank_)], ranks(), blocks, part,
                            rows, part_columns, whole);
  }
  group_->nccl->gather_rows(gpu(), rank_, part, rows, part_columns, whole);
}

}  // namespace loadmark::ops::cuda
