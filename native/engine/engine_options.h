// What is asked of an engine at load, and what does it say it became?
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/injected_fault.h"
#include "model/model_config.h"
#include "model/weights.h"
#include "ops/ops.h"

namespace loadmark {

struct EngineOptions {
  std::string model_path;
  std::string device = "cpu";  // or "cuda:N"
  // That share every layer of the model, `device` the first; empty: `device` alone. "cpu" N times:
  // so many threads' groups.
  std::vector<std::string> tensor_parallel_devices;
  int threads = 1;  // of all ranks
  int64_t max_batch = 1;
  int64_t max_sequence_tokens = 2048;
  int64_t max_step_tokens = 512;
  int64_t page_tokens = 16;
  // Of all devices; 0: what max_batch sequences of max_sequence_tokens hold.
  int64_t kv_cache_bytes = 0;
  ops::KvType kv_type = ops::KvType::kFloat32;
  std::string instruction_set = "auto";
  ops::ActivationType activations = ops::ActivationType::kInt8;
  WeightFormat weight_format = WeightFormat::kCheckpoint;
  bool cuda_graphs = true;  // of steps that only decode; false: kernel by kernel, on a GPU
  // Fault injection for tests: this step (1 is the first) fails so; 0: when it is asked for.
  int64_t fault_at_step = 0;
  InjectedFault fault;
  int step_lag =
      0;  // for tests: the CPU takes this many steps (0, 1) ahead of results, as a GPU does

  int64_t ranks() const {
    return tensor_parallel_devices.empty() ? 1
                                           : static_cast<int64_t>(tensor_parallel_devices.size());
  }
};

// Bytes are those of all ranks together.
struct EngineInfo {
  ModelConfig config;  // the whole model's
  int64_t tensor_parallel = 1;
  int64_t parameters = 0, weight_bytes = 0, weight_bytes_per_token = 0;
  std::string weight_format;
  int64_t kv_bytes_per_token = 0, kv_pages = 0, kv_cache_bytes = 0, planned_bytes = 0;
  std::string instruction_set;
  std::vector<std::pair<std::string, std::string>> kernels;
};

}  // namespace loadmark
