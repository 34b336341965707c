// The forward pass of every architecture on a GPU: weights packed once for its kernels, and one
// call that queues a whole step. Nothing here waits for the device.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "model/model_shapes.h"
#include "model/weights.h"
#include "ops/cuda/collective.h"
#include "ops/cuda/ops_cuda.h"

namespace loadmark {

// Linears over one input, outputs side by side: one part where they could be fused.
struct CudaLinear {
  std::vector<ops::cuda::LinearWeight> parts;
  int64_t n = 0, k = 0;
  bool gate_up = false;          // one part, interleaved for ops::cuda::Epilogue::kSiluMul
  ops::cuda::DeviceBuffer bias;  // (n) fp32; empty: none
  int64_t bytes() const;
};

struct CudaNorm {
  ops::cuda::DeviceBuffer weight, bias;  // (hidden) fp32; the bias of NormKind::kLayer
  int64_t bytes() const;
};

struct CudaLayer {
  CudaNorm attention_norm, mlp_norm;       // a parallel layer has the first alone
  ops::cuda::DeviceBuffer q_norm, k_norm;  // (head_dim) fp32; empty: none
  CudaLinear qkv, o, gate_up, down;
};

// A step's rows in device memory. The first decode_rows are one row a sequence; tiles cover the
// rest.
struct CudaStep {
  const int32_t* tokens;    // (rows); -1 - i: previous[i]
  const int32_t* previous;  // what the step before yielded
  ops::cuda::RowPlaces places;
  int64_t decode_rows;
  const ops::cuda::AttentionTile* tiles;
  int64_t tile_count;
  std::vector<double> decode_kv_bytes = {};  // that decode_rows read, by layer; empty: no profile
};

// Whole, or what one rank holds of a model that several GPUs share.
class CudaLlama {
 public:
  // Reads, packs, uploads what `shard` has of the model that `whole` describes. Throws Error.
  CudaLlama(const ops::cuda::Gpu& gpu, ops::cuda::Activation activation, const ModelConfig& whole,
            const Checkpoint& checkpoint, WeightFormat format, const TensorShard& shard = {});
  // Random int4 weights, made on the device: of a shard's shape, and no part of the whole's.
  CudaLlama(const ops::cuda::Gpu& gpu, ops::cuda::Activation activation,
            const SyntheticModel& model, const TensorShard& shard = {});

  // A rank's sums are added up, and its tokens chosen, with those of the others, whose calls are
  // the same. The collective outlives this.
  void join(ops::cuda::Collective* collective) { collective_ = collective; }

  // Scratch memory for steps of up to max_rows rows and the rotary table of max_positions.
  void reserve(int64_t max_rows, int64_t max_positions);

  // Queues a step up to the last layer's output.
  void run(const CudaStep& step, const std::vector<ops::cuda::PagedKv>& kv) const;
  // Queues final norm and head of rows kept[0..rows) of that step -> logits (rows, head_tokens())
  // fp32.
  void head(const int32_t* kept, int64_t rows, float* logits) const;
  // The vocabulary's part that is here, from token first_token() on.
  int64_t head_tokens() const { return head_.n; }
  int64_t first_token() const { return shard_.rank * head_.n; }

  const ModelConfig& config() const { return config_; }  // the shard's
  const std::string& format() const { return format_; }
  int64_t parameters() const { return parameters_; }
  int64_t weight_bytes() const;            // everything
  int64_t weight_bytes_per_token() const;  // without the embedding table
  // Names of the kernels that serve `rows` rows, by linear.
  std::vector<std::pair<std::string, std::string>> kernels(int64_t rows) const;

 private:
  CudaLinear load(const Checkpoint& checkpoint, const std::vector<ModulePart>& parts,
                  WeightFormat format, bool gate_up, FormatList* formats);
  void run_linear(const CudaLinear& linear, const ops::cuda::LinearInput& input, int64_t rows,
                  ops::cuda::Epilogue epilogue, void* y) const;
  void run_layer(int64_t index, const CudaStep& step, const ops::cuda::PagedKv& kv) const;
  // From the linears' q k v to the context, K and V written.
  void attend(int64_t index, const CudaStep& step, const ops::cuda::PagedKv& kv) const;
  void feed_forward(const CudaLayer& layer, const ops::cuda::LinearInput& input,
                    int64_t rows) const;
  // o or down, added to the residual stream, or to what this rank has of their sum.
  void add_product(const CudaLinear& linear, const ops::cuda::DeviceBuffer& x, int64_t rows) const;
  // The sum over the ranks, and the biases, added to the residual stream.
  void add_ranks(std::initializer_list<const CudaLinear*> linears, int64_t rows) const;
  // The norm's output as a linear's input: left to the linear, or queued into normed_.
  ops::cuda::LinearInput normalised(const CudaNorm& norm, int64_t rows) const;
  ops::cuda::LinearInput as_it_is(const ops::cuda::DeviceBuffer& x) const;

  const ops::cuda::Gpu& gpu_;
  ops::cuda::Activation activation_;
  TensorShard shard_;
  ModelConfig config_;
  ops::cuda::Collective* collective_ = nullptr;  // null: this is the whole model
  std::string format_;
  int64_t parameters_ = 0;
  ops::cuda::DeviceBuffer embedding_;
  ops::WeightType embedding_type_;
  std::vector<CudaLayer> layers_;
  CudaNorm final_norm_;
  CudaLinear head_;
  // Scratch of a step: (max_rows, ...)
  ops::cuda::DeviceBuffer hidden_;                                                    // fp32
  ops::cuda::DeviceBuffer normed_, qkv_, context_, gate_up_, act_, gathered_, part_;  // 16-bit
  ops::cuda::DeviceBuffer rotation_;  // (max_positions, rope.dims / 2) of (cos, sin)
  // Heads that are turned by ops::cuda::turn_heads: rope_kv_write and attention_decode then turn
  // them by this, (head_dim / 2) of (1, 0). Empty: by rotation_.
  ops::cuda::DeviceBuffer no_rotation_;
  ops::cuda::DeviceBuffer decode_scratch_;
};

}  // namespace loadmark
