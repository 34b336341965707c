// Computes steps on a GPU, one ahead of what the engine knows: the tokens of a step stay on the
// device for the next one and reach the host behind it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
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
  CudaRunner(std::unique_ptr<ops::cuda::Gpu> gpu, std::unique_ptr<CudaLlama> model,
             const EngineOptions& options, const GpuPlan& plan);
  ~CudaRunner() override;

  int lag() const override { return 1; }
  void begin(const Batch& batch) override;
  const StepResults& finish() override;
  void start_profile() override;
  std::vector<ops::KernelTime> take_profile() override;

  // "11 of 1 to 64 rows, 6 MiB": those captured at load.
  std::string describe_graphs() const;

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
  // Throws the error again, with what a fault's message does not know: the steps under way.
  [[noreturn]] void rethrow(const Error& error) const;
  // Captures the graphs of the ladder up to `rows`, as many as a second allows.
  void prepare_graphs(int64_t rows);
  ops::cuda::Graph capture_decode(int64_t rows);
  void launch_decode(int64_t rows);
  // Rows that are one a sequence, each of which yields a token.
  void queue_decode(int64_t rows);
  void queue_mixed(const Batch& batch, const CudaStepInput::Written& written, Begun& begun);
  // Head and choice of logit rows [first, first + count).
  void queue_tokens(int64_t first, int64_t count, const int32_t* banned);
  // K and V that the first `rows` rows, one a sequence, read in each layer.
  std::vector<double> read_kv_bytes(const Batch& batch, int64_t rows) const;
  // Queues the copies of those of a block's logits that are themselves asked for.
  void fetch_logits(const Batch& batch, int64_t first, int64_t count, float** to);

  std::unique_ptr<ops::cuda::Gpu> gpu_;
  std::unique_ptr<CudaLlama> model_;
  int64_t max_rows_, logit_rows_;
  CudaStepInput input_;
  CudaKvMemory kv_;
  CudaTargets targets_;
  ops::cuda::DeviceBuffer logits_, tokens_;
  std::map<int64_t, ops::cuda::Graph> decode_graphs_;  // by padded rows
  int64_t graph_bytes_ = 0;                            // of those captured at load
  Begun steps_[2];
  Span spans_[4];
  size_t begun_ = 0, finished_ = 0;
  StepResults results_;
};

LoadedRunner load_cuda_runner(const EngineOptions& options);

}  // namespace loadmark
