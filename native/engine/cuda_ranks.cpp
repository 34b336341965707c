// Ranks load at once, each its own shard, and then have as many pages as the fullest GPU can hold.
#include "engine/cuda_ranks.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/error.h"
#include "engine/cuda_loading.h"

namespace loadmark {
namespace {

using ops::cuda::Collective;

// A rank before it can run.
struct Share {
  std::unique_ptr<ops::cuda::Gpu> gpu;
  CudaModel model;
  int64_t free_bytes = 0;  // its own, as if its weights were not there yet
  GpuPlan plan;
};

int64_t ranks_on(const std::vector<std::string>& devices, const std::string& device) {
  return std::count(devices.begin(), devices.end(), device);
}

// Of two ranks on one device one would wait for the other, which waits for the device: where
// kernels are loaded at their first launch, that is a wait without end.
void check_shared(const std::vector<std::string>& devices) {
  const char* loading = std::getenv("CUDA_MODULE_LOADING");
  if (loading != nullptr && std::string(loading) == "EAGER") return;
  for (const std::string& device : devices) {
    if (ranks_on(devices, device) == 1) continue;
    throw Error(kBadArgument,
                "tensorParallelDevices names " + device +
                    " twice, which tests do; allowed: with CUDA_MODULE_LOADING=EAGER in the "
                    "environment, since a kernel that is loaded late waits for the whole device");
  }
}

// Before a rank is made: what cannot be split is nobody's fault in particular.
void check_split(const EngineOptions& options) {
  if (const auto synthetic = parse_synthetic_model(options.model_path))
    return ShardLimits(synthetic->config).check(options.ranks());
  const ModelConfig config = read_model_config(options.model_path);
  ShardLimits(config, Checkpoint(options.model_path)).check(options.ranks());
}

void load_share(const EngineOptions& options, int rank, RankThreads& threads, Share* share) {
  const std::vector<std::string>& devices = options.tensor_parallel_devices;
  const std::string& device = devices[static_cast<size_t>(rank)];
  const int64_t sharing = ranks_on(devices, device);
  share->gpu = std::make_unique<ops::cuda::Gpu>(device_number(device));
  share->gpu->set_meets_others(sharing > 1);
  std::vector<int> numbers;
  for (const std::string& name : devices) numbers.push_back(device_number(name));
  // Memory is looked at while no rank takes any; NCCL takes its own when ranks have theirs.
  const auto own_free_bytes = [&] {
    threads.group().meet();
    const int64_t bytes = share->gpu->free_bytes() / sharing - Collective::nccl_bytes(numbers);
    threads.group().meet();
    return bytes;
  };
  share->model = load_cuda_model(*share->gpu, options, {rank, options.ranks()}, own_free_bytes());
  const CudaLlama& shard = *share->model.shard;
  share->free_bytes = own_free_bytes() + shard.weight_bytes();
  share->plan = plan_gpu(options, shard.config(), shard.weight_bytes(), share->free_bytes);
}

// Every rank has the same pages.
void plan_alike(const EngineOptions& options, std::vector<Share>* shares) {
  EngineOptions alike = options;
  alike.kv_cache_bytes = shares->front().plan.sizes.kv_bytes;
  for (const Share& share : *shares)
    alike.kv_cache_bytes = std::min(alike.kv_cache_bytes, share.plan.sizes.kv_bytes);
  for (Share& share : *shares) {
    const CudaLlama& shard = *share.model.shard;
    share.plan = plan_gpu(alike, shard.config(), shard.weight_bytes(), share.free_bytes);
  }
}

CudaRanks::Collectives make_collectives(const std::vector<Share>& shares) {
  std::vector<const ops::cuda::Gpu*> gpus;
  for (const Share& share : shares) gpus.push_back(share.gpu.get());
  const Share& first = shares.front();
  return ops::cuda::Collective::make(
      gpus, first.plan.step_rows * first.model.shard->config().hidden_size);
}

EngineInfo describe(const EngineOptions& options, const std::vector<Share>& shares) {
  std::vector<const CudaLlama*> shards;
  for (const Share& share : shares) shards.push_back(share.model.shard.get());
  const Share& first = shares.front();
  return describe_cuda(options, first.model.whole, shards, *first.gpu, first.plan);
}

}  // namespace

LoadedRunner load_cuda_ranks(const EngineOptions& options) {
  check_shared(options.tensor_parallel_devices);
  check_split(options);
  auto threads = std::make_unique<RankThreads>(options.tensor_parallel_devices);
  std::vector<Share> shares(static_cast<size_t>(options.ranks()));
  threads->run(
      [&](int rank) { load_share(options, rank, *threads, &shares[static_cast<size_t>(rank)]); });
  plan_alike(options, &shares);
  std::vector<std::unique_ptr<CudaRunner>> runners(shares.size());
  CudaRanks::Collectives collectives = make_collectives(shares);  // ends before the GPUs do
  LoadedRunner loaded;
  loaded.info = describe(options, shares);
  loaded.info.kernels.emplace_back("collective", collectives.front()->describe());
  loaded.step_rows = shares.front().plan.sizes.step_rows;
  const GpuPlan plan = shares.front().plan;
  const int64_t vocab = shares.front().model.whole.vocab_size;
  threads->run([&](int rank) {
    const auto at = static_cast<size_t>(rank);
    Share& share = shares[at];
    share.gpu->make_current();
    runners[at] = std::make_unique<CudaRunner>(std::move(share.gpu), std::move(share.model.shard),
                                               vocab, options, share.plan, collectives[at].get());
  });
  auto runner =
      std::make_unique<CudaRanks>(std::move(threads), std::move(collectives), std::move(runners));
  prepare_ladder(options, plan, [&](int64_t rows) { runner->prepare_decode(rows); });
  loaded.info.kernels.emplace_back("decode_graphs", runner->describe_graphs());
  loaded.runner = std::move(runner);
  return loaded;
}

CudaRanks::CudaRanks(std::unique_ptr<RankThreads> threads, Collectives collectives,
                     std::vector<std::unique_ptr<CudaRunner>> runners)
    : threads_(std::move(threads)),
      runners_(std::move(runners)),
      collectives_(std::move(collectives)),
      results_(runners_.size()) {
  threads_->set_give_up([this] { collectives_.front()->give_up(); });
}

// A rank whose peer has failed waits on its GPU until its patience ends. NCCL's communicators end
// when no graph that calls them is left.
CudaRanks::~CudaRanks() {
  for (const auto& runner : runners_) runner->forget_graphs();
  for (const auto& runner : runners_) runner->drain();
}

void CudaRanks::on_all(std::function<void(CudaRunner& runner, int rank)> work) {
  threads_->run([this, work = std::move(work)](int rank) {
    const auto at = static_cast<size_t>(rank);
    try {
      work(*runners_[at], rank);
    } catch (const Error& error) {
      const std::string absent = collectives_[at]->fault();
      if (absent.empty()) throw;
      throw Error(error.code(), std::string(error.what()) + "; " + absent);
    }
  });
}

void CudaRanks::begin(const Batch& batch) {
  on_all([&batch](CudaRunner& runner, int) { runner.begin(batch); });
}

const StepResults& CudaRanks::finish() {
  on_all([this](CudaRunner& runner, int rank) {
    results_[static_cast<size_t>(rank)] = &runner.finish();
  });
  std::vector<int64_t> device_ns;
  int64_t busy = 0, gap = 0;
  for (const StepResults* own : results_) {
    device_ns.push_back(own->device_ns);
    busy += own->device_ns;
    gap += own->device_gap_ns;
  }
  StepResults& all = *results_.front();
  const auto ranks = static_cast<int64_t>(results_.size());
  all.device_ns = busy / ranks;
  all.device_gap_ns = gap / ranks;
  all.rank_device_ns = std::move(device_ns);
  return all;
}

void CudaRanks::inject(const InjectedFault& fault) {
  runners_[static_cast<size_t>(std::max(0, fault.rank))]->inject(fault);
}

void CudaRanks::start_profile() {
  on_all([](CudaRunner& runner, int) { runner.start_profile(); });
}

std::vector<ops::KernelTime> CudaRanks::take_profile() {
  std::vector<ops::KernelTime> times;
  on_all([&](CudaRunner& runner, int rank) {
    std::vector<ops::KernelTime> own = runner.take_profile();
    if (rank == 0) times = std::move(own);
  });
  return times;
}

void CudaRanks::prepare_decode(int64_t rows) {
  on_all([rows](CudaRunner& runner, int) { runner.prepare_decode(rows); });
}

}  // namespace loadmark
