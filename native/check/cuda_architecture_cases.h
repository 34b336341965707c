// The operators that some architectures add on the GPU (LayerNorm, biases, gelu_new, heads turned
// apart) against their CPU twins.
#pragma once

#include "check/cuda_attention_twin.h"

namespace loadmark::check {

inline void check_gpu_layernorm(const GpuCases& c, gpu_ops::Activation activation, int64_t rows,
                                int64_t dim, const std::string& what) {
  std::vector<float> x = c.cases.normal(rows * dim, 3.0f);
  for (float& value : x) value += 4.0f;  // a mean to take out
  const std::vector<float> weight = c.cases.normal(dim), bias = c.cases.normal(dim);
  std::vector<int32_t> order(static_cast<size_t>(rows));
  for (int32_t& row : order) row = static_cast<int32_t>(c.cases.below(rows));
  const auto gpu_x = to_gpu(x), gpu_weight = to_gpu(weight), gpu_bias = to_gpu(bias),
             gpu_order = to_gpu(order);
  for (const bool reordered : {false, true}) {
    std::vector<float> from, y(x.size());
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t row = reordered ? order[static_cast<size_t>(i)] : i;
      from.insert(from.end(), x.begin() + row * dim, x.begin() + (row + 1) * dim);
    }
    ops::layernorm(c.cpu, from.data(), weight.data(), bias.data(), 1e-5f, rows, dim, y.data());
    const Poisoned out(c, y.size() * 2);
    gpu_ops::layernorm(c.gpu, activation, gpu_x.as<float>(),
                       reordered ? gpu_order.as<int32_t>() : nullptr, gpu_weight.as<float>(),
                       gpu_bias.as<float>(), 1e-5f, rows, dim, out.data());
    c.report.near(what + " layernorm", from_bits(activation, out.take<uint16_t>(c, what)),
                  {y.begin(), y.end()}, [&](size_t i) {
                    return 2e-5 + 1.1 * rounding_of(activation) * std::fabs(double{y[i]});
                  });
  }
}

inline void check_gpu_biases(const GpuCases& c, gpu_ops::Activation activation, int64_t rows,
                             int64_t dim, const std::string& what) {
  const double unit = rounding_of(activation);
  const std::vector<float> bias = c.cases.normal(dim);
  std::vector<float> x = c.cases.normal(rows * dim, 2.0f);
  for (float& value : x) value = round_activation(activation, value);
  const auto gpu_bias = to_gpu(bias), bits = to_gpu(to_bits(activation, x)), floats = to_gpu(x);
  std::vector<float> biased = x, act(x.size());
  ops::add_bias(c.cpu, bias.data(), rows, dim, biased.data());
  const auto near = [&](const char* name, const std::vector<uint16_t>& got,
                        const std::vector<float>& want) {
    c.report.near(what + name, from_bits(activation, got), {want.begin(), want.end()},
                  [&](size_t i) { return 1e-5 + 1.1 * unit * std::fabs(double{want[i]}); });
  };
  for (const bool with_bias : {false, true}) {
    ops::gelu_new(c.cpu, (with_bias ? biased : x).data(), rows * dim, act.data());
    const Poisoned out(c, x.size() * 2);
    gpu_ops::gelu_new(c.gpu, activation, bits.as<void>(),
                      with_bias ? gpu_bias.as<float>() : nullptr, rows, dim, out.data());
    near(" gelu_new", out.take<uint16_t>(c, what), act);
  }
  gpu_ops::add_bias(c.gpu, activation, gpu_bias.as<float>(), rows, dim, bits.as<void>());
  near(" add_bias", from_gpu<uint16_t>(c, bits, x.size()), biased);
  gpu_ops::add_bias(c.gpu, gpu_bias.as<float>(), rows, dim, floats.as<float>());
  c.report.same_bits(what + " add_bias fp32", from_gpu<float>(c, floats, x.size()).data(),
                     biased.data(), x.size());
}

struct HeadCase {
  int64_t heads, kv_heads, head_dim, dims;
  bool interleaved, bias, norm;
};

// Rows at random positions, one of them only filling up: it stays as it is.
inline void check_gpu_heads(const GpuCases& c, gpu_ops::Activation activation, const HeadCase& h) {
  const int64_t rows = 9, positions = 200, turned_heads = h.heads + h.kv_heads;
  const int64_t width = (h.heads + 2 * h.kv_heads) * h.head_dim;
  std::vector<float> x = c.cases.normal(rows * width), bias = c.cases.normal(width),
                     q_norm = c.cases.normal(h.head_dim), k_norm = c.cases.normal(h.head_dim);
  for (float& value : x) value = round_activation(activation, value);
  std::vector<int32_t> at(static_cast<size_t>(rows));
  for (int32_t& position : at) position = static_cast<int32_t>(c.cases.below(positions));
  const std::vector<float> frequencies = frequencies_of(h.dims);
  std::vector<float> want = x;
  if (h.bias) ops::add_bias(c.cpu, bias.data(), rows, width, want.data());
  if (h.norm) {
    ops::head_rmsnorm(c.cpu, want.data(), width, q_norm.data(), 1e-6f, rows, h.heads, h.head_dim);
    ops::head_rmsnorm(c.cpu, want.data() + h.heads * h.head_dim, width, k_norm.data(), 1e-6f, rows,
                      h.kv_heads, h.head_dim);
  }
  ops::rope(c.cpu, want.data(), width, at.data(), {frequencies.data(), h.dims, h.interleaved}, rows,
            turned_heads, h.head_dim);
  at[4] = -1;
  std::copy_n(x.begin() + 4 * width, width, want.begin() + 4 * width);

  const auto qkv = to_gpu(to_bits(activation, x)), gpu_bias = to_gpu(bias),
             gpu_q_norm = to_gpu(q_norm), gpu_k_norm = to_gpu(k_norm), gpu_at = to_gpu(at),
             rotation = to_gpu(rotation_table(positions, h.dims));
  gpu_ops::turn_heads(
      c.gpu, activation,
      {h.bias ? gpu_bias.as<float>() : nullptr, h.norm ? gpu_q_norm.as<float>() : nullptr,
       h.norm ? gpu_k_norm.as<float>() : nullptr, 1e-6f, rotation.as<float>(), h.dims,
       h.interleaved},
      gpu_at.as<int32_t>(), rows, h.heads, h.kv_heads, h.head_dim, qkv.as<void>());
  const std::string what = std::string("gpu turn_heads ") + gpu_ops::activation_name(activation) +
                           " " + std::to_string(h.heads) + "/" + std::to_string(h.kv_heads) +
                           " x " + std::to_string(h.head_dim) + " dims " + std::to_string(h.dims) +
                           (h.interleaved ? " interleaved" : "") + (h.bias ? " bias" : "") +
                           (h.norm ? " norm" : "");
  c.report.near(
      what, from_bits(activation, from_gpu<uint16_t>(c, qkv, x.size())), {want.begin(), want.end()},
      [&](size_t i) { return 2e-5 + 1.1 * rounding_of(activation) * std::fabs(double{want[i]}); });
}

inline void check_gpu_architectures(const GpuCases& c) {
  using gpu_ops::Activation;
  for (const Activation activation : {Activation::kFloat16, Activation::kBFloat16}) {
    for (const int64_t dim : {8, 136, 1000, 4096}) {
      for (const int64_t rows : {1, 7, 65}) {
        const std::string what = std::string("gpu ") + gpu_ops::activation_name(activation) +
                                 " rows " + std::to_string(rows) + " dim " + std::to_string(dim);
        check_gpu_layernorm(c, activation, rows, dim, what);
        check_gpu_biases(c, activation, rows, dim, what);
      }
    }
    for (const HeadCase& heads :
         {HeadCase{2, 1, 64, 64, false, true, false},    // Qwen 2
          HeadCase{5, 5, 128, 128, false, false, true},  // Qwen 3
          HeadCase{2, 2, 256, 64, true, false, false},   // GPT-J
          HeadCase{3, 1, 64, 16, true, true, true}, HeadCase{4, 2, 128, 32, false, true, true}}) {
      check_gpu_heads(c, activation, heads);
    }
  }
}

}  // namespace loadmark::check
