// Computes steps on a GPU, one ahead of what the engine knows: the tokens of a step stay on the
// device for the next one and reach the host behind it. As one of several ranks it queues what the
// others queue, and all go on with the same tokens; what is asked beside them, rank 0 answers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/cuda_kv_memory.h"
#include "engine/cuda_step_input.h"
#include "engine/cuda_targets.h"
#include "engine/gpu_fault.h"
#include "engine/gpu_plan.h"
#include "engine/load_runner.h"
#include "engine/step_runner.h"
#include "model/cuda_llama.h"

namespace loadmark {

class CudaRunner : public StepRunner {
 public:
  // `vocab`: the whole model's. `collective`: null where this is the whole model.
  CudaRunner(std::unique_ptr<ops::cuda::Gpu> gpu, std::unique_ptr<CudaLlama> model, int64_t vocab,
             const EngineOptions& options, const GpuPlan& plan,
             ops::cuda::Collective* collective = nullptr);
  ~CudaRunner() override;

  int lag() const override { return 1; }
  void begin(const Batch& batch) override;
  StepResults& finish() override;
  void inject(const InjectedFault& fault) override { fault_ = fault.kind; }
  void start_profile() override;
  std::vector<ops::KernelTime> take_profile() override;

  // Loads the kernels of decode steps of `rows` rows, a rung of the ladder, and captures their graph
  // where graphs are used; before the first step.
  void prepare_decode(int64_t rows);
  // "11 of 1 to 64 rows, 6 MiB": those captured at load; "off" where none are used.
  std::string describe_graphs() const;
  // No step follows.
  void forget_graphs() { decode_graphs_.clear(); }
  // Waits for what was queued, whatever became of it.
  void drain() const noexcept;

 private:
  // A step begun: what its results will be read from.
  struct Begun {
    ops::cuda::PinnedBuffer input, tokens;
    CudaTargets::Pinned targets;
    std::vector<float> logits;  // of rows of kind kLogits
    int64_t logit_rows = 0;
    GpuStep step;
    bool follows = false;  // begun while the step before was unfinished
  };
  // On the device's own clock; a step's are looked at until the next one's results are taken.
  struct Span {
    ops::cuda::Event start, done;
  };

  void queue(const Batch& batch, Begun& begun);
  [[noreturn]] void fail(FaultKind kind) const;
  // Throws the error again, with what a fault's message does not know: the steps under way.
  [[noreturn]] void rethrow(const Error& error) const;
  // `whole`: ranks put the rows' logits together, which takes longer than choosing the best of all.
  ops::cuda::Graph capture_decode(int64_t rows, bool whole);
  void launch_graph(int64_t rows, bool whole);
  // Rows that are one a sequence, each of which yields a token.
  void queue_decode(int64_t rows, bool whole);
  void queue_mixed(const Batch& batch, const CudaStepInput::Written& written, Begun& begun);
  // Head and choice of logit rows [first, first + count).
  void queue_tokens(int64_t first, int64_t count, const int32_t* banned, bool whole);
  // Whether some row of the batch is read beyond its largest logit, and ranks hold parts of it.
  bool wants_whole(const Batch& batch) const;
  // (rows, vocab) of the last queue_tokens with `whole`.
  const float* whole_logits() const;
  bool answers() const { return collective_ == nullptr || collective_->rank() == 0; }
  // K and V that the first `rows` rows, one a sequence, read in each layer.
  std::vector<double> read_kv_bytes(const Batch& batch, int64_t rows) const;
  // Queues the copies of those of a block's logits that are themselves asked for.
  void fetch_logits(const Batch& batch, int64_t first, int64_t count, float** to);

  std::unique_ptr<ops::cuda::Gpu> gpu_;
  std::unique_ptr<CudaLlama> model_;
  ops::cuda::Collective* collective_;
  int64_t vocab_, max_rows_, logit_rows_;
  bool uses_graphs_;
  CudaStepInput input_;
  CudaKvMemory kv_;
  CudaTargets targets_;
  ops::cuda::DeviceBuffer logits_, tokens_;
  // Of ranks: (logit_rows) the best of this one's tokens, and (logit_rows, vocab).
  ops::cuda::DeviceBuffer best_logits_, best_tokens_, whole_logits_;
  std::map<std::pair<int64_t, bool>, ops::cuda::Graph> decode_graphs_;  // by padded rows and whole
  int64_t graphs_at_load_ = 0, most_graph_rows_ = 0, graph_bytes_ = 0;
  Begun steps_[2];
  Span spans_[4];
  size_t begun_ = 0, finished_ = 0;
  std::optional<FaultKind> fault_;
  StepResults results_;
};

// Alone, or as so many ranks as options.tensor_parallel_devices names.
LoadedRunner load_cuda_runner(const EngineOptions& options);

}  // namespace loadmark
