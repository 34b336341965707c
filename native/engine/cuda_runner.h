// Computes steps on a GPU, one ahead of what the engine knows: the tokens of a step stay on the
// device for the next one and reach the host behind it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "engine/cuda_plan.h"
#include "engine/load_runner.h"
#include "engine/step_runner.h"
#include "model/cuda_llama.h"

namespace loadmark {

class CudaRunner : public StepRunner {
 public:
  CudaRunner(std::unique_ptr<ops::cuda::Gpu> gpu, std::unique_ptr<CudaLlama> model,
             const EngineOptions& options, const CudaPlan& plan);
  ~CudaRunner() override;

  int lag() const override { return 1; }
  void begin(const Batch& batch) override;
  const StepResults& finish() override;
  void start_profile() override;
  std::vector<ops::KernelTime> take_profile() override;

 private:
  // Where a step's numbers stand, in pinned host memory and at the same places on the device.
  struct Layout {
    size_t tokens, positions, first_page, kept, sampling, banned, tiles, pages, bytes;
  };
  // A step begun: what its results will be read from.
  struct Begun {
    ops::cuda::PinnedBuffer input, tokens, log_probs;
    std::vector<float> logits;  // of rows of kind kLogits
    int64_t logit_rows = 0, targets = 0;
    bool follows = false;  // begun while the step before was unfinished
  };
  // On the device's own clock; a step's are looked at until the next one's results are taken.
  struct Span {
    ops::cuda::Event start, done;
  };

  // Fills the pinned input; answers how many of its bytes are in use.
  size_t write_input(const Batch& batch, Begun& begun);
  void write_sampling(const Batch& batch, uint8_t* input);
  void pad_decode(uint8_t* input, int64_t rows, int64_t padded);
  CudaStep device_step(int64_t rows, int64_t decode_rows, int64_t tiles) const;
  void queue_decode(int64_t rows);
  void queue_mixed(const Batch& batch, Begun& begun);

  std::unique_ptr<ops::cuda::Gpu> gpu_;
  std::unique_ptr<CudaLlama> model_;
  int64_t max_rows_, logit_rows_;
  Layout layout_;
  ops::cuda::DeviceBuffer kv_memory_, input_, logits_, tokens_, log_probs_;
  std::vector<ops::cuda::PagedKv> kv_;                 // of each layer
  std::map<int64_t, ops::cuda::Graph> decode_graphs_;  // by padded rows
  int64_t kv_token_bytes_ = 0;                         // of a layer
  int64_t tile_tokens_, tile_count_ = 0, decode_rows_ = 0;
  bool banned_fit_ = true;  // the step's banned tokens have room in the input
  Begun steps_[2];
  Span spans_[4];
  size_t begun_ = 0, finished_ = 0;
  StepResults results_;
};

LoadedRunner load_cuda_runner(const EngineOptions& options);

}  // namespace loadmark
