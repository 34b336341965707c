// From options to models on GPUs: what is read or made there, what is said of it, and which sizes
// of decode steps are made ready before the first one. One GPU or several ranks, the runners are
// told by those who make them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/gpu_plan.h"
#include "model/cuda_llama.h"

namespace loadmark {

// N of "cuda:N".
int device_number(const std::string& device);

struct CudaModel {
  ModelConfig whole;
  std::unique_ptr<CudaLlama> shard;
};
// What `shard` has of the model that the options name, on a GPU of which `free_bytes` are its own.
// What does not fit is refused before anything is read or made.
CudaModel load_cuda_model(const ops::cuda::Gpu& gpu, const EngineOptions& options,
                          const TensorShard& shard, int64_t free_bytes);
// `shards` in the order of their ranks, the first on `gpu`.
EngineInfo describe_cuda(const EngineOptions& options, const ModelConfig& whole,
                         const std::vector<const CudaLlama*>& shards, const ops::cuda::Gpu& gpu,
                         const GpuPlan& plan);
// Calls prepare(rung) for the ladder's rungs up to a step's rows, as many as a second allows.
void prepare_ladder(const EngineOptions& options, const GpuPlan& plan,
                    const std::function<void(int64_t rows)>& prepare);

}  // namespace loadmark
