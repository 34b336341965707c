// linear on the GPU against the CPU's, in fp32: every weight format, kernel, epilogue and input.
#pragma once

#include "check/cuda_cases.h"
#include "check/linear_cases.h"
#include "ops/gpu_packed_bytes.h"

namespace loadmark::check {

struct GpuLinearCase {
  std::string name;
  int64_t n, k;
  gpu_ops::LinearWeight weight, gate_up;  // gate_up: the same, interleaved; int4 with even n
  ops::LinearWeight twin, squares;        // fp32 of the same values, and of their squares
};

inline GpuLinearCase gpu_case(std::string name, int64_t n, int64_t k, const std::vector<float>& w) {
  std::vector<float> squares(w.size());
  std::transform(w.begin(), w.end(), squares.begin(), [](float value) { return value * value; });
  return {std::move(name) + " n " + std::to_string(n) + " k " + std::to_string(k),
          n,
          k,
          {},
          {},
          ops::pack_float32(w.data(), n, k),
          ops::pack_float32(squares.data(), n, k)};
}

inline GpuLinearCase gpu_int4_case(std::string name, const Int4Weight& w) {
  std::vector<float> values(static_cast<size_t>(w.n * w.k));
  dequantize(w, values.data());
  name = "int4 g" + std::to_string(w.group_size) + (w.symmetric ? " sym" : " asym") + name;
  GpuLinearCase item = gpu_case(name, w.n, w.k, values);
  item.weight = gpu_ops::pack_int4(w, false);
  if (w.n % 2 == 0) item.gate_up = gpu_ops::pack_int4(w, true);
  return item;
}
inline GpuLinearCase gpu_int4_case(Cases& cases, int64_t n, int64_t k, int64_t group,
                                   bool symmetric, GroupOrder order) {
  GpuLinearCase item = gpu_int4_case(kOrderNames[static_cast<int>(order)],
                                     random_int4(cases, n, k, group, symmetric, order));
  for (const gpu_ops::LinearWeight* weight : {&item.weight, &item.gate_up}) {
    const bool full = order == GroupOrder::kNatural || order == GroupOrder::kActOrder;
    if (weight->packed == nullptr || !full) continue;
    const bool reordered = gpu_ops::gathered_columns(*weight) > 0;
    const int64_t planned =
        gpu_ops::packed_int4_bytes(n, k, group, weight->gate_up, !symmetric, reordered).total();
    cases.report.expect(planned == weight->bytes, item.name + ": " + std::to_string(planned) +
                                                      " bytes were planned, " +
                                                      std::to_string(weight->bytes) + " are taken");
  }
  return item;
}
// Scales of each output between 2^exponent and twice that, exponents from `least` to `most`.
inline GpuLinearCase gpu_int4_case(Cases& cases, int64_t group, bool symmetric, int least,
                                   int most) {
  Int4Weight w = random_int4(cases, 200, 520, group, symmetric, GroupOrder::kNatural);
  for (size_t i = 0; i < w.scale.size(); ++i) {
    const int exponent = least + static_cast<int>(i) % static_cast<int>(w.n) % (most - least + 1);
    const double mantissa = 1 + static_cast<double>(cases.below(1024)) / 1024;
    w.scale[i] = static_cast<float>(round_to_float16(std::ldexp(mantissa, exponent)));
  }
  w.scale[1] = 0;  // one of an output's
  for (size_t i = 2; i < w.scale.size(); i += static_cast<size_t>(w.n)) w.scale[i] = 0;  // all
  return gpu_int4_case(" scales 2^" + std::to_string(least) + "..2^" + std::to_string(most), w);
}

inline GpuLinearCase gpu_float_case(Cases& cases, ops::WeightType type,
                                    gpu_ops::Activation activation, int64_t n, int64_t k) {
  std::vector<float> w = cases.normal(n * k, 0.05f);
  for (float& value : w) value = round_activation(activation, value);
  const char* names[] = {"fp32", "bf16", "fp16"};
  GpuLinearCase item = gpu_case(names[static_cast<int>(type)], n, k, w);
  const std::vector<uint16_t> bits = to_bits(activation, w);
  item.weight = type == ops::WeightType::kFloat32
                    ? gpu_ops::pack_float(type, w.data(), n, k, activation)
                    : gpu_ops::pack_float(type, bits.data(), n, k, activation);
  return item;
}

inline GpuLinearCase gpu_int8_case(Cases& cases, int64_t n, int64_t k) {
  std::vector<int8_t> q(static_cast<size_t>(n * k));
  std::vector<float> scale(static_cast<size_t>(n)), w(q.size());
  for (int8_t& value : q) value = static_cast<int8_t>(cases.below(255) - 127);
  for (float& value : scale) value = 0.0001f * static_cast<float>(1 + cases.below(50));
  for (size_t i = 0; i < q.size(); ++i) w[i] = scale[i / static_cast<size_t>(k)] * q[i];
  GpuLinearCase item = gpu_case("int8", n, k, w);
  item.weight = gpu_ops::pack_int8(q.data(), scale.data(), n, k);
  return item;
}

// One call against the twin: values, edges, and the same again to the bit.
inline void check_gpu_linear(const GpuCases& c, const GpuLinearCase& item,
                             gpu_ops::Activation activation, int64_t rows,
                             gpu_ops::Int4Kernel kernel, gpu_ops::Epilogue epilogue, bool norm) {
  using gpu_ops::Epilogue;
  const bool int4 = item.weight.type == ops::WeightType::kInt4;
  const gpu_ops::LinearWeight& w = epilogue == Epilogue::kSiluMul ? item.gate_up : item.weight;
  if (int4 && !gpu_ops::can_run(c.gpu, w, rows, kernel)) return;
  const std::string what = "gpu linear " + item.name + " rows " + std::to_string(rows) + " " +
                           gpu_ops::activation_name(activation) + " kernel " +
                           std::to_string(static_cast<int>(kernel)) + " epilogue " +
                           std::to_string(static_cast<int>(epilogue)) + (norm ? " norm" : "");
  const int64_t n = item.n, k = item.k;
  const double unit = rounding_of(activation);

  std::vector<float> x = c.cases.normal(rows * k), weight = c.cases.normal(k, 0.5f);
  std::vector<float> seen(x.size());
  if (norm) {
    ops::rmsnorm(c.cpu, x.data(), weight.data(), 1e-5f, rows, k, seen.data());
  } else {
    for (size_t i = 0; i < x.size(); ++i) x[i] = seen[i] = round_activation(activation, x[i]);
  }
  std::vector<float> squares(seen.size());
  std::transform(seen.begin(), seen.end(), squares.begin(), [](float v) { return v * v; });
  std::vector<float> y(static_cast<size_t>(rows * n)), spread(y.size());
  ops::linear(c.cpu, item.twin, seen.data(), rows, y.data());
  ops::linear(c.cpu, item.squares, squares.data(), rows, spread.data());

  const int64_t width = epilogue == Epilogue::kSiluMul ? n / 2 : n;
  std::vector<double> want(static_cast<size_t>(rows * width)), tolerance(want.size());
  std::vector<float> before = c.cases.normal(rows * width);
  const bool stores16 = epilogue == Epilogue::kStore || epilogue == Epilogue::kSiluMul;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < width; ++i) {
      const auto at = static_cast<size_t>(row * width + i);
      // Rounded products are independent: their errors add up like a random walk of 6 deviations.
      const auto error = [&](int64_t column) {
        return 1e-9 + 6 * (norm ? 1.5 : 1.0) * unit *
                          std::sqrt(double{spread[static_cast<size_t>(row * n + column)]});
      };
      const double a = y[static_cast<size_t>(row * n + i)];
      if (epilogue == Epilogue::kSiluMul) {
        const double up = y[static_cast<size_t>(row * n + width + i)];
        const double silu = a / (1 + std::exp(-a));
        want[at] = silu * up;
        tolerance[at] = 1.2 * error(i) * std::fabs(up) + std::fabs(silu) * error(width + i) +
                        2 * error(i) * error(width + i);
      } else {
        want[at] = a + (epilogue == Epilogue::kAddFloat ? double{before[at]} : 0);
        tolerance[at] = error(i) + 1e-6 * std::fabs(want[at]);
      }
      if (stores16) tolerance[at] += 1.1 * unit * std::fabs(want[at]) + 0x1p-24;  // a subnormal
    }
  }

  const gpu_ops::DeviceBuffer x16 = to_gpu(to_bits(activation, norm ? seen : x)),
                              residual = to_gpu(x), norm_weight = to_gpu(weight);
  const gpu_ops::DeviceBuffer scratch(static_cast<size_t>(rows * k) * 2 + 16);
  const gpu_ops::DeviceBuffer gathered(
      static_cast<size_t>(rows * std::max<int64_t>(1, gpu_ops::gathered_columns(w))) * 2);
  gpu_ops::LinearInput input = {x16.as<void>(), nullptr, nullptr, 0, gathered.as<void>()};
  if (norm) {
    input = {scratch.as<void>(), residual.as<float>(), norm_weight.as<float>(), 1e-5f,
             gathered.as<void>()};
  }
  std::vector<float> first;
  for (int pass = 0; pass < 2; ++pass) {
    const Poisoned out(c, want.size() * (stores16 ? 2 : 4));
    if (epilogue == Epilogue::kAddFloat)
      gpu_ops::copy_to_device(c.gpu.stream(), out.data(), before.data(), before.size() * 4);
    if (int4) {
      gpu_ops::int4_linear(c.gpu, activation, w, input, rows, epilogue, out.data(), kernel);
    } else {
      gpu_ops::linear(c.gpu, activation, w, input, rows, epilogue, out.data());
    }
    const std::vector<float> got =
        stores16 ? from_bits(activation, out.take<uint16_t>(c, what)) : out.take<float>(c, what);
    if (pass == 0) {
      c.report.near(what, got, want, [&](size_t i) { return tolerance[i]; });
      first = got;
    } else {
      c.report.same_bits(what + " again", got.data(), first.data(), got.size());
    }
  }
}

// Scales of one linear further apart than a factor of 256 (stored as they are), as far apart as the
// fused path goes, and all of them tiny: every output to its own size.
inline void check_gpu_scales(const GpuCases& c, gpu_ops::Activation activation) {
  using gpu_ops::Epilogue;
  using gpu_ops::Int4Kernel;
  struct Exponents {
    int least, most;
  };
  for (const Exponents range : {Exponents{-20, -4}, Exponents{-12, -5}, Exponents{-20, -17}}) {
    for (const int64_t group : {32, 64, 128}) {
      const GpuLinearCase item =
          gpu_int4_case(c.cases, group, group != 64, range.least, range.most);
      for (const int64_t rows : {5, 33, 129}) {
        for (const Int4Kernel kernel :
             {Int4Kernel::kFewRows, Int4Kernel::kManyRowsSm90, Int4Kernel::kManyRowsMma}) {
          check_gpu_linear(c, item, activation, rows, kernel, Epilogue::kStoreFloat, false);
        }
      }
    }
  }
}

inline void check_gpu_linears(const GpuCases& c) {
  using gpu_ops::Activation;
  using gpu_ops::Epilogue;
  using gpu_ops::Int4Kernel;
  const bool quick = c.cases.quick;
  const std::vector<int64_t> few_rows = {1, 2, 3, 7, 8}, small = {9, 16, 17, 33, 64},
                             large = {65, 127, 129, 257};
  int turn = 0;
  const auto epilogue = [&](const GpuLinearCase& item) {
    const auto kind = static_cast<Epilogue>(turn++ % 4);
    return kind == Epilogue::kSiluMul && item.gate_up.packed == nullptr ? Epilogue::kStore : kind;
  };
  const auto all = [&](const GpuLinearCase& item, Activation activation,
                       std::vector<int64_t> row_counts) {
    for (const int64_t rows : row_counts) {
      for (const Int4Kernel kernel :
           {Int4Kernel::kFewRows, Int4Kernel::kManyRowsSm90, Int4Kernel::kManyRowsMma}) {
        check_gpu_linear(c, item, activation, rows, kernel, epilogue(item), turn % 5 == 0);
      }
    }
  };
  struct Shape {
    int64_t n, k;
  };
  for (const Activation activation : {Activation::kFloat16, Activation::kBFloat16}) {
    check_gpu_scales(c, activation);
    for (const Shape shape : {Shape{200, 520}, Shape{272, 1024}, Shape{18, 136}}) {
      for (const int64_t group : {int64_t{32}, int64_t{64}, int64_t{128}, shape.k}) {
        for (const bool symmetric : {true, false}) {
          for (const GroupOrder order : {GroupOrder::kNatural, GroupOrder::kActOrder,
                                         GroupOrder::kUneven, GroupOrder::kScattered}) {
            if (quick && turn % 3 != 0 && order != GroupOrder::kNatural) {
              ++turn;
              continue;
            }
            const GpuLinearCase item =
                gpu_int4_case(c.cases, shape.n, shape.k, group, symmetric, order);
            all(item, activation, {few_rows[static_cast<size_t>(c.cases.below(5))]});
            all(item, activation, {small[static_cast<size_t>(c.cases.below(5))]});
            all(item, activation, {large[static_cast<size_t>(c.cases.below(4))]});
          }
        }
      }
    }
    const GpuLinearCase every = gpu_int4_case(c.cases, 328, 1160, 128, false, GroupOrder::kNatural);
    all(every, activation, few_rows);
    all(every, activation, small);
    all(every, activation, large);
    if (!quick) {
      all(every, activation, {1000, 4097});
      // More tiles than multiprocessors, and tiles that several of them share.
      all(gpu_int4_case(c.cases, 2048, 4096, 128, true, GroupOrder::kNatural), activation,
          {1, 4, 20, 200});
      all(gpu_int4_case(c.cases, 10240, 1024, 64, true, GroupOrder::kNatural), activation, {520});
      all(gpu_int4_case(c.cases, 20480, 512, 128, false, GroupOrder::kNatural), activation, {650});
    }
    for (const Shape shape : {Shape{200, 520}, Shape{65, 1032}, Shape{8, 8}}) {
      std::vector<GpuLinearCase> items;
      for (const auto type :
           {ops::WeightType::kFloat32, ops::WeightType::kBFloat16, ops::WeightType::kFloat16}) {
        const bool matches =
            type == ops::WeightType::kFloat32 ||
            (type == ops::WeightType::kFloat16) == (activation == Activation::kFloat16);
        if (matches) items.push_back(gpu_float_case(c.cases, type, activation, shape.n, shape.k));
      }
      items.push_back(gpu_int8_case(c.cases, shape.n, shape.k));
      for (const GpuLinearCase& item : items) {
        for (const int64_t rows : {1, 2, 3, 4, 5, 64, 65, 200}) {
          const auto kind = static_cast<Epilogue>(turn++ % 3);
          check_gpu_linear(c, item, activation, rows, Int4Kernel::kAuto, kind, turn % 5 == 0);
        }
      }
    }
  }
}

}  // namespace loadmark::check
