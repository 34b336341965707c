// Makes the INT4 twin of a checkpoint: drives calibration tokens through the model a layer at a
// time, quantizes each linear on the inputs it will see, and writes the tensors. The folder around
// them (config.json, tokenizer) and the text behind the tokens are the caller's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ops/ops.h"
#include "quant/int4_format.h"

namespace loadmark {

enum class QuantizeMethod { kRtn, kGptq };

struct QuantizeOptions {
  std::string model_folder;
  std::string output_file;  // must not exist
  QuantizeMethod method = QuantizeMethod::kGptq;
  int64_t group_size = 128;  // -1: one scale a row
  bool symmetric = true;
  bool act_order = false;
  bool mse = false;
  double damp = 0.01;
  ZeroConvention convention = ZeroConvention::kV1;
  std::vector<std::vector<int32_t>> sequences;  // calibration texts; GPTQ needs one at least
  int threads = 1;
  ops::Isa isa = ops::Isa::kPlain;
};

// What quantizing one linear lost. Output errors are ||XW - XWq||^2 / ||XW||^2 over the calibration
// inputs the linear will see (everything before it already quantized); NaN where there was no
// calibration or no GPTQ.
struct LinearReport {
  std::string name;  // "model.layers.3.self_attn.q_proj"
  int64_t layer = 0;
  int64_t n = 0, k = 0;
  double rtn_weight_error = 0;  // ||W - Wq||^2 / ||W||^2
  double rtn_output_error = 0;
  double gptq_weight_error = 0;
  double gptq_output_error = 0;
  double damp = 0;           // used; larger than asked for where that was not enough
  int64_t dead_columns = 0;  // inputs that were 0 in every row
  double seconds = 0;
};

struct QuantizeReport {
  int64_t layers = 0;
  int64_t sequences = 0;
  int64_t tokens = 0;
  int64_t source_bytes = 0;  // of the quantized linears, as they were
  int64_t linear_bytes = 0;  // of the quantized linears, as written
  int64_t file_bytes = 0;
  std::vector<LinearReport> linears;  // in the order they were quantized
};

// Called after each linear, on the calling thread. Every layer has equally many.
struct QuantizeProgress {
  int64_t done = 0, total = 0, layers = 0;
};
using QuantizeListener = std::function<void(const LinearReport& linear, QuantizeProgress progress)>;

// Throws before any work where a shape, a token or the memory does not fit, Error(kCancelled) soon
// after `cancelled` is set. A file that was not finished is the caller's to remove.
QuantizeReport quantize_model(const QuantizeOptions& options, const QuantizeListener& listener,
                              const std::atomic<bool>& cancelled);

}  // namespace loadmark
