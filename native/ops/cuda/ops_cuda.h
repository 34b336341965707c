// The catalogue of operators on a GPU: the names and contracts of ops/ops.h, over device memory and
// a stream. Activations are 16-bit (fp16 or bf16) with fp32 accumulation, the residual stream is
// fp32. A call queues work and returns; a fault shows at the next synchronisation, as
// Error(kEngineBroken).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ops/gpu_linear_kernels.h"
#include "ops/kernel_time.h"
#include "ops/ops.h"
#include "quant/int4_format.h"

struct CUstream_st;
struct CUgraphExec_st;

namespace loadmark::ops::cuda {

using Stream = CUstream_st*;

// ---- memory ----

// Memory of the current device. Throws Error(kOutOfMemory) with what was asked and what is free.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(size_t bytes);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  size_t size() const { return bytes_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  friend DeviceBuffer upload_in_order(Stream stream, const void* host, size_t bytes);
  void* data_ = nullptr;
  size_t bytes_ = 0;
};
// Host memory that the device copies from and to by itself.
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  explicit PinnedBuffer(size_t bytes);
  ~PinnedBuffer();
  PinnedBuffer(PinnedBuffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
};
DeviceBuffer upload(const void* host, size_t bytes);
// The same in a stream's order, without a wait for any device; the host's memory may go at once.
DeviceBuffer upload_in_order(Stream stream, const void* host, size_t bytes);
void copy_to_device(Stream stream, void* device, const void* host, size_t bytes);
void copy_to_host(Stream stream, void* host, const void* device, size_t bytes);
void fill_bytes(Stream stream, void* device, int value, size_t bytes);

// ---- what an operator needs besides its operands ----
enum class Activation { kFloat16, kBFloat16 };
const char* activation_name(Activation activation);  // "fp16", "bf16"

// One device, one stream and the scratch memory that kernels share, in stream order.
class Gpu {
 public:
  // Throws Error(kBadArgument) where there is no such device or this build has no code for it.
  explicit Gpu(int device);
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  // From here on kernels of this GPU wait for those of others. No code may be loaded while one
  // does: loading takes locks of the whole process and may wait for its device, and another rank's
  // thread, which would end that wait, for the lock (CUDA C++ Programming Guide, Lazy Loading,
  // "Concurrent Execution"). Where ranks share this device cuBLAS is given up, whose loading is its
  // own affair.
  void set_meets_others(bool shares_device);
  // Waits for what is queued, which other ranks end without this one's help, where code may be
  // loaded next; not while a graph is captured, for which everything has run before.
  void settle() const;
  // The same before cuBLAS multiplies (rows, k) by (k, n) for the first time.
  void settle_for_shape(int64_t n, int64_t k, int64_t rows) const;
  void make_current() const;
  void synchronize() const;  // throws Error(kEngineBroken) naming the fault
  int64_t free_bytes() const;
  Stream stream() const { return stream_.get(); }
  int device() const { return device_; }
  int multiprocessors() const { return multiprocessors_; }
  // Of a block that asks for it, in bytes.
  size_t most_shared() const { return most_shared_; }
  int architecture() const { return architecture_; }  // 90 for sm_90
  GpuTraits traits() const { return {architecture_, most_shared_, blas_ != nullptr}; }
  const std::string& name() const { return name_; }
  void* blas() const { return blas_.get(); }  // cublasHandle_t, null where there is no cuBLAS
  // While profiling, every kernel stands between two events and begins when the one before has
  // ended.
  void start_profile() const;
  std::vector<KernelTime> take_profile() const;  // ends it; waits for the device
  bool profiling() const { return profile_ != nullptr; }
  // What the kernels to come are for, and the work of the next one.
  void set_purpose(const char* purpose) const { purpose_ = purpose; }
  void note_work(double bytes, double flops) const;
  // All kernels split the L1 cache alike, for shared memory, so that none has to wait for another
  // split.
  void prefer_shared(const void* kernel) const;
  void begin_kernel(const char* name) const;
  void end_kernel() const;

  // Partial sums of int4_linear (fp32) and the flags that say they are there.
  float* partials() const { return partials_.as<float>(); }
  int* flags() const { return flags_.as<int>(); }

 private:
  struct EndStream {
    void operator()(Stream stream) const noexcept;
  };
  struct EndBlas {
    void operator()(void* blas) const noexcept;
  };

  int device_, multiprocessors_ = 0, architecture_ = 0;
  size_t most_shared_ = 0;
  std::string name_;
  // Ended from the last to the first: what works on the memory, the memory, the stream.
  std::unique_ptr<CUstream_st, EndStream> stream_;
  DeviceBuffer partials_, flags_, blas_workspace_;
  std::unique_ptr<void, EndBlas> blas_;
  struct Profile;
  mutable std::unique_ptr<Profile> profile_;
  mutable const char* purpose_ = "";
  mutable std::unordered_set<const void*> prepared_;
  bool meets_others_ = false;
  mutable std::set<std::array<int64_t, 3>> shapes_;  // that cuBLAS has multiplied
};
// Times between two points of a stream.
class Event {
 public:
  Event();
  ~Event();
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  void record(Stream stream);
  void wait() const;  // throws Error(kEngineBroken)
  float milliseconds_since(const Event& earlier) const;

 private:
  void* event_ = nullptr;
};
// Kernels recorded once and launched as one; end() leaves it on the device, ready to be launched.
class Graph {
 public:
  Graph() = default;
  ~Graph();
  Graph(Graph&& other) noexcept : executable_(std::exchange(other.executable_, nullptr)) {}
  Graph& operator=(Graph&& other) noexcept {
    std::swap(executable_, other.executable_);
    return *this;
  }
  static void begin(Stream stream);
  static Graph end(Stream stream);
  static void abandon(Stream stream) noexcept;  // what was recorded is forgotten
  void launch(Stream stream) const;
  bool empty() const { return executable_ == nullptr; }

 private:
  CUgraphExec_st* executable_ = nullptr;
};

// ---- linear: y = x w^T ----

// What becomes of a linear's sums.
enum class Epilogue {
  kStore,       // y (rows, n) 16-bit
  kStoreFloat,  // y (rows, n) fp32
  kAddFloat,    // y (rows, n) fp32 += sums: the residual stream
  kSiluMul,     // y (rows, n / 2) 16-bit = silu(gate) * up; a weight packed with `gate_up`
};
struct LinearWeight {
  WeightType type;
  int64_t n = 0, k = 0;
  int64_t group_size = 0;  // int4 only
  int64_t bytes = 0;       // on the device, scales included
  bool gate_up = false;    // rows interleaved for Epilogue::kSiluMul
  struct Packed;
  std::shared_ptr<const Packed> packed;
};
// int4 (n, k), k % 8 == 0. `gate_up`: the first n / 2 outputs are gates, the rest what they
// multiply.
LinearWeight pack_int4(const Int4Weight& w, bool gate_up);
// What a device makes of a random weight (n, k): ranges of its outputs one after another, of a
// gate_up weight of its gates, and one range of its inputs. Unless it is the whole, outputs are
// multiples of 16 (gates of 8), inputs of 128.
struct RandomPart {
  struct Range {
    int64_t first, count;
  };
  std::vector<Range> outputs;
  Range inputs;
  int64_t k;
};
RandomPart whole_random(int64_t n, int64_t k, bool gate_up);
// Random int4, groups of `group_size`, symmetric, made on the device; as large as pack_int4's.
// Values are uniform in -8..7, scales such that outputs of unit-variance inputs have variance
// about 1. A part has the values that the whole has there.
LinearWeight random_int4(const Gpu& gpu, const RandomPart& part, int64_t group_size, bool gate_up,
                         uint64_t seed);
LinearWeight pack_float(WeightType type, const void* w, int64_t n, int64_t k,
                        Activation activation);
// (n, k) fp16 or bf16: the rows from first_row on of a weight with more of them.
LinearWeight random_float(const Gpu& gpu, int64_t n, int64_t k, Activation activation,
                          uint64_t seed, int64_t first_row = 0);
LinearWeight pack_int8(const int8_t* w, const float* scale, int64_t n, int64_t k);
// `count` 16-bit values uniform in -spread..spread, from the first-th of the seed on.
DeviceBuffer random_values(const Gpu& gpu, int64_t count, Activation activation, float spread,
                           uint64_t seed, int64_t first = 0);

// The input of a linear: 16-bit rows as they are, or the fp32 residual stream still to be
// normalised.
struct LinearInput {
  const void* x = nullptr;          // (rows, k) 16-bit
  const float* residual = nullptr;  // (rows, k) fp32, with `norm`; then x is scratch memory
  const float* norm = nullptr;      // (k) weight of the RMS norm
  float eps = 0;
  void* gathered = nullptr;  // scratch (rows, padded columns) 16-bit for weights in another order
};
// Kernels by rows: one that streams the weight for few, one that computes for many.
void linear(const Gpu& gpu, Activation activation, const LinearWeight& w, const LinearInput& input,
            int64_t rows, Epilogue epilogue, void* y);
// The kernel that `linear` takes: "int4_linear_few_rows", "cublasGemmEx", ...
std::string linear_kernel_name(const Gpu& gpu, const LinearWeight& w, int64_t rows);
// Columns of the gathered input, 0 where none is needed.
int64_t gathered_columns(const LinearWeight& w);
// Kernel choice for measurements and tests: auto unless set.
bool can_run(const Gpu& gpu, const LinearWeight& w, int64_t rows, Int4Kernel kernel);
void int4_linear(const Gpu& gpu, Activation activation, const LinearWeight& w,
                 const LinearInput& input, int64_t rows, Epilogue epilogue, void* y,
                 Int4Kernel kernel);

// ---- ceilings, for measurements ----

// Reads `bytes` (a multiple of 16) once.
void read_bytes(const Gpu& gpu, const void* memory, int64_t bytes);
// y (rows, n) 16-bit = x w^T by cuBLAS, which is there.
void blas_product(const Gpu& gpu, Activation activation, const LinearWeight& w, const void* x,
                  int64_t rows, void* y);
// Rows of a float weight, as an operand.
const void* weight_data(const LinearWeight& w);

// ---- elementwise and norms ----

// y[i] = x[row[i]] / sqrt(mean(x^2) + eps) * weight; x (., dim) fp32, y (rows, dim) 16-bit. `row`
// (rows) or null for all in order.
void rmsnorm(const Gpu& gpu, Activation activation, const float* x, const int32_t* row,
             const float* weight, float eps, int64_t rows, int64_t dim, void* y);
// y[i] = (x[i] - mean) / sqrt(variance + eps) * weight + bias, else as rmsnorm.
void layernorm(const Gpu& gpu, Activation activation, const float* x, const int32_t* row,
               const float* weight, const float* bias, float eps, int64_t rows, int64_t dim,
               void* y);
// y[r] += bias.  y (rows, n) 16-bit or fp32; bias (n) fp32
void add_bias(const Gpu& gpu, Activation activation, const float* bias, int64_t rows, int64_t n,
              void* y);
void add_bias(const Gpu& gpu, const float* bias, int64_t rows, int64_t n, float* y);
// y (rows, dim) = gelu_new(x + bias), 16-bit; bias (dim) fp32 or null
void gelu_new(const Gpu& gpu, Activation activation, const void* x, const float* bias, int64_t rows,
              int64_t dim, void* y);
// y[:, first..first + n) = x (rows, n); y has `width` columns; 16-bit
void copy_columns(const Gpu& gpu, const void* x, int64_t n, int64_t rows, void* y, int64_t width,
                  int64_t first);
// y (rows, dim) = silu(gate) * up of gate_up (rows, 2 dim), gate first; 16-bit
void silu_mul(const Gpu& gpu, Activation activation, const void* gate_up, int64_t rows, int64_t dim,
              void* y);
// h[r] = table[token], fp32; a token of -1 - i stands for previous[i].
void embedding(const Gpu& gpu, const void* table, WeightType type, const int32_t* tokens,
               const int32_t* previous, int64_t rows, int64_t dim, float* h);

// ---- attention over a paged KV cache ----
enum class KvStorage { kActivation, kFloat8 };
// One layer's cache: K and V (pages, kv_heads, page_tokens, head_dim), 16-bit or e4m3; for e4m3
// each vector has an fp32 scale in k_scale and v_scale (pages, kv_heads, page_tokens).
struct PagedKv {
  void *k, *v;
  float *k_scale, *v_scale;
  KvStorage storage;
  int64_t page_tokens, kv_heads, head_dim;
};
// Where rows stand, on the device: row r at `positions[r]` of the sequence whose page ids begin at
// pages[first_page[r]]; positions < 0 are rows that only fill a batch up.
struct RowPlaces {
  const int32_t *positions, *first_page, *pages;
  int64_t rows;
};
// (positions, head_dim / 2) of (cos, sin), `stride` of them from a position to the next; 0: one row
// serves all, which of (1, 0) turns nothing.
struct Rotation {
  const float* turns;
  int64_t stride;
};
// Turns q of qkv (rows, (heads + 2 kv_heads) head_dim) in place and writes k, turned, and v to the
// cache.
void rope_kv_write(const Gpu& gpu, Activation activation, const PagedKv& kv,
                   const RowPlaces& places, const Rotation& rotation, void* qkv, int64_t heads);
// What some architectures do to heads before and instead of rope_kv_write's turn, in place and in
// this order: bias to q, k and v, RMS norm over each head of q and k, and a turn of the first
// `dims` of them, by pairs (i, i + dims / 2) or, interleaved, (2 i, 2 i + 1).
struct HeadTurn {
  const float* bias;    // ((heads + 2 kv_heads) head_dim) or null
  const float* q_norm;  // (head_dim), with k_norm, or null
  const float* k_norm;
  float eps;
  const float* rotation;  // (positions, dims / 2) of (cos, sin)
  int64_t dims;
  bool interleaved;
};
void turn_heads(const Gpu& gpu, Activation activation, const HeadTurn& turn,
                const int32_t* positions, int64_t rows, int64_t heads, int64_t kv_heads,
                int64_t head_dim, void* qkv);
// A piece of a prompt: consecutive rows of one sequence, at most attention_tile_tokens of them.
struct AttentionTile {
  int32_t first_row, rows;
};
int64_t attention_tile_tokens(int64_t heads, int64_t kv_heads);
int64_t decode_splits(const Gpu& gpu, int64_t rows, int64_t kv_heads);
// Bytes of `scratch` for attention_decode.
int64_t decode_scratch_bytes(const Gpu& gpu, int64_t max_rows, int64_t heads, int64_t kv_heads,
                             int64_t head_dim);
// rope_kv_write and attention of rows [0, rows), one sequence each: row r attends to positions
// 0..positions[r], with a window above 0 to the last `window` of them; qkv as it comes from its
// linear, and left so; out (rows, heads head_dim).
void attention_decode(const Gpu& gpu, Activation activation, const PagedKv& kv,
                      const RowPlaces& places, const Rotation& rotation, const void* qkv,
                      int64_t heads, int64_t window, void* scratch, void* out);
// Rows in tiles (device memory), q turned and every k and v written by rope_kv_write.
void attention_prefill(const Gpu& gpu, Activation activation, const PagedKv& kv,
                       const RowPlaces& places, const AttentionTile* tiles, int64_t tile_count,
                       const void* qkv, int64_t heads, int64_t window, void* out);
// The same of any rows, for heads that the two above are too narrow for: head_dim 256.
bool needs_attention_rows(int64_t head_dim);
void attention_rows(const Gpu& gpu, Activation activation, const PagedKv& kv,
                    const RowPlaces& places, const void* qkv, int64_t heads, int64_t window,
                    void* out);

// ---- logits ----
struct SamplingRow {
  double temperature, top_p;
  uint64_t seed, index;
  int32_t top_k;
  int32_t first_banned, banned;  // of the banned tokens
  int32_t pad;
};
// out[r] = argmax, or the draw of engine/sampler.h where temperature > 0; -1 where no logit is
// finite or the largest is not. Banned tokens are set to -infinity first.
void choose_tokens(const Gpu& gpu, float* logits, const SamplingRow* sampling,
                   const int32_t* banned, int64_t rows, int64_t vocab, int32_t* out);
// Of logits (rows, columns) of tokens first_token, first_token + 1, ...: best[r] the largest and
// token[r] whose it is, of equal ones the first; -infinity and a large number where none is above
// that. Banned tokens among them are set to -infinity first.
void best_tokens(const Gpu& gpu, float* logits, const SamplingRow* sampling, const int32_t* banned,
                 int64_t rows, int64_t columns, int64_t first_token, float* best, int32_t* token);
// out[i] = log softmax(logits[target_row[i]])[targets[i]], in double
void log_probability(const Gpu& gpu, const float* logits, int64_t vocab, const int32_t* target_row,
                     const int32_t* targets, int64_t count, double* out);

}  // namespace loadmark::ops::cuda
