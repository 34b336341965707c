// The catalogue of operators: one declaration each, the contract every backend keeps.
// Activations are fp32 on the CPU. "row" is one token's vector. Every operator computes each row with the same
// arithmetic in the same order whatever the other rows are, so batching, chunking and paging change no bit.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "quant/int4_format.h"
#include "quant/int8_format.h"

namespace loadmark::ops {

enum class Isa { kPlain, kAvx2, kAvx512 };       // kAvx512 = F, BW, DQ, VL; VNNI used where present
// On the CPU, how int8/int4 linears see their input (kInt8, kFloat32); on a GPU, the type of everything
// between operators (kFloat16, kBFloat16).
enum class ActivationType { kInt8, kFloat32, kFloat16, kBFloat16 };
enum class WeightType { kFloat32, kBFloat16, kFloat16, kInt8, kInt4 };
enum class KvType { kFloat32, kFloat16, kBFloat16, kFloat8 };  // kFloat8 (e4m3): on a GPU only

// The best set this CPU has. parse_isa("auto"|"plain"|"avx2"|"avx512") throws Error(kUnsupportedCpu) when it lacks it.
Isa detect_isa();
Isa parse_isa(const char* name);
const char* isa_name(Isa isa);  // "plain", "avx2", "avx512", with "-vnni" / "-f16c" facts where they matter

// What an operator needs besides its operands.
struct Context {
  ThreadPool* pool;
  Isa isa;
  ActivationType activations;
};

// ---- linear: y = x w^T -------------------------------------------------------------------------------------------
// A weight repacked for this backend's kernels. Opaque beyond these fields; made by the pack_* functions.
struct LinearWeight {
  WeightType type;
  int64_t n = 0, k = 0;
  int64_t group_size = 0;   // of integer weights; 0: one scale a channel, of int8
  int64_t bytes = 0;        // held in memory, scales included
  struct Packed;
  std::shared_ptr<const Packed> packed;
};
LinearWeight pack_float32(const float* w, int64_t n, int64_t k);        // w (n, k)
LinearWeight pack_bfloat16(const uint16_t* w, int64_t n, int64_t k);    // w (n, k), bf16 bits
LinearWeight pack_float16(const uint16_t* w, int64_t n, int64_t k);     // w (n, k), fp16 bits
LinearWeight pack_int8(const int8_t* w, const float* scale, int64_t n, int64_t k);  // scale (n), per channel, symmetric
LinearWeight pack_int8(const Int8Groups& w);
LinearWeight pack_int4(const Int4Weight& w);                            // any group, sym/asym, g_idx honoured

// x (rows, k) fp32, x_stride floats from row to row -> y (rows, n) fp32. Chooses its kernel by w.type, context.isa,
// context.activations.
// int8/int4 with ActivationType::kInt8: x is rounded to int8 per row and per group of columns (int8 with a scale a
// channel: groups of 64), scale = absmax/127; integer dot products are exact, so all instruction sets agree to the last bits of the
// fp32 combination. With kFloat32 the weight is dequantized and multiplied in fp32.
void linear(const Context& context, const LinearWeight& w, const float* x, int64_t x_stride, int64_t rows, float* y);
inline void linear(const Context& context, const LinearWeight& w, const float* x, int64_t rows, float* y) {
  linear(context, w, x, w.k, rows, y);
}
// y (rows, n_total) -> the name of the kernel `linear` would run: "int4 avx512-vnni, int8 activations".
const char* linear_kernel_name(const Context& context, WeightType type);

// ---- elementwise and norms ---------------------------------------------------------------------------------------
// y[i] = x[i] / sqrt(mean(x^2) + eps) * weight[i].  x, y (rows, dim); weight (dim)
void rmsnorm(const Context& context, const float* x, const float* weight, float eps, int64_t rows, int64_t dim, float* y);
// y[i] = (x[i] - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * weight[i] + bias[i].  x, y (rows, dim)
void layernorm(const Context& context, const float* x, const float* weight, const float* bias, float eps, int64_t rows,
               int64_t dim, float* y);
// rmsnorm of each head in place: x (rows, heads, head_dim) with row stride `stride` floats; weight (head_dim)
void head_rmsnorm(const Context& context, float* x, int64_t stride, const float* weight, float eps, int64_t rows,
                  int64_t heads, int64_t head_dim);
// y[r] += bias.  y (rows, dim); bias (dim)
void add_bias(const Context& context, const float* bias, int64_t rows, int64_t dim, float* y);
// residual += x.  both (count)
void add(const Context& context, const float* x, int64_t count, float* residual);
// y = silu(gate) * up.  gate_up (rows, 2*dim), gate first; y (rows, dim)
void silu_mul(const Context& context, const float* gate_up, int64_t rows, int64_t dim, float* y);
// y = x / (1 + exp(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3), which is x (1 + tanh u) / 2: GELU as GPT-2 has it
void gelu_new(const Context& context, const float* x, int64_t count, float* y);
// Rotary embedding in place: x (rows, heads, head_dim) with row stride `stride` floats; positions (rows). Of each head the
// first `dims` (even) turn, by pairs (i, i + dims/2) or, interleaved, (2 i, 2 i + 1); inv_freq (dims/2).
struct Rotary {
  const float* inv_freq;
  int64_t dims;
  bool interleaved;
};
void rope(const Context& context, float* x, int64_t stride, const int32_t* positions, const Rotary& rotary,
          int64_t rows, int64_t heads, int64_t head_dim);
// y[r] = table[tokens[r]].  table (vocab, dim) of `type` bits (kFloat32, kBFloat16 or kFloat16); y (rows, dim) fp32
void embedding(const Context& context, const void* table, WeightType type, const int32_t* tokens, int64_t rows,
               int64_t dim, float* y);

// ---- attention over a paged KV cache -----------------------------------------------------------------------------
// One layer's cache: K and V each `pages` pages of page_tokens * kv_heads * head_dim values of `type`; the order inside
// a page is the backend's, known to kv_write and attention alone.
struct PagedKv {
  void* k;
  void* v;
  KvType type;
  int64_t page_tokens, kv_heads, head_dim;
};
// Where each row of a step stands: row r belongs to a sequence whose page table is page_tables[r], at `positions[r]`.
struct RowPlaces {
  const int32_t* positions;               // (rows)
  const int32_t* const* page_tables;      // (rows) -> page ids of that row's sequence
  int64_t rows;
};
// Writes k and v (rows, kv_heads, head_dim; row strides in floats) at each row's position.
void kv_write(const Context& context, const PagedKv& kv, const RowPlaces& places, const float* k, int64_t k_stride,
              const float* v, int64_t v_stride);
// Causal: row r attends to positions 0..positions[r] of its own sequence, which are already written; with a window above
// 0, to the last `window` of them, itself among them.
// q (rows, heads, head_dim) with stride q_stride; heads % kv_heads == 0; scores scaled by 1/sqrt(head_dim);
// out (rows, heads, head_dim). Adjacent rows of one sequence may share loads; results must not depend on it.
void attention(const Context& context, const PagedKv& kv, const RowPlaces& places, const float* q, int64_t q_stride,
               int64_t heads, int64_t window, float* out);

// ---- logits ------------------------------------------------------------------------------------------------------
// Index of the largest value, the first on ties.  logits (rows, vocab); out (rows)
void argmax(const Context& context, const float* logits, int64_t rows, int64_t vocab, int32_t* out);
// log softmax(logits)[target] per row, accumulated in double.  targets, out (rows)
void log_probability(const Context& context, const float* logits, int64_t rows, int64_t vocab, const int32_t* targets,
                     double* out);
// hessian (k, k) += x^T x, upper triangle and diagonal, in double accumulated from fp32 rows.  x (rows, k)
void accumulate_hessian(const Context& context, const float* x, int64_t rows, int64_t k, double* hessian);

}  // namespace loadmark::ops
