// How fast are the GPU's int4 linears, in microseconds a decoder layer and as a share of the
// ceilings measured in the same run? A plain read and a 16-bit matrix product set the ceilings;
// weights go round so that no launch finds its own in the L2 cache; launches stand in a graph, as
// in the engine.
#pragma once

#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "check/cuda_cases.h"

namespace loadmark::check {

struct LayerShape {
  const char* name;
  struct Linear {
    const char* name;
    int64_t k, n;
    bool gate_up;
  } linears[4];
};

inline constexpr LayerShape kLayerShapes[] = {
    {"llama-2-7b",
     {{"qkv", 4096, 12288, false},
      {"o", 4096, 4096, false},
      {"gate_up", 4096, 22016, true},
      {"down", 11008, 4096, false}}},
    {"llama-3-8b",
     {{"qkv", 4096, 6144, false},
      {"o", 4096, 4096, false},
      {"gate_up", 4096, 28672, true},
      {"down", 14336, 4096, false}}},
    {"llama-2-70b",
     {{"qkv", 8192, 10240, false},
      {"o", 8192, 8192, false},
      {"gate_up", 8192, 57344, true},
      {"down", 28672, 8192, false}}},
};

// Median microseconds of one call of `body(i)`, from graphs of `calls` of them.
inline double time_calls(const gpu_ops::Gpu& gpu, int calls, const std::function<void(int)>& body) {
  gpu_ops::Graph::begin(gpu.stream());
  for (int i = 0; i < calls; ++i) body(i);
  const gpu_ops::Graph graph = gpu_ops::Graph::end(gpu.stream());
  const auto warm_until = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  do {  // clocks rise only under load
    graph.launch(gpu.stream());
    gpu.synchronize();
  } while (std::chrono::steady_clock::now() < warm_until);
  std::vector<double> times;
  for (int repeat = 0; repeat < 7; ++repeat) {
    gpu_ops::Event begin, end;
    begin.record(gpu.stream());
    graph.launch(gpu.stream());
    end.record(gpu.stream());
    end.wait();
    times.push_back(1e3 * end.milliseconds_since(begin) / calls);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

struct Ceilings {
  double read_gbs = 0, tflops = 0;
};

inline Ceilings measure_ceilings(const gpu_ops::Gpu& gpu) {
  Ceilings ceilings;
  {
    const size_t bytes = size_t{4} << 30;
    const gpu_ops::DeviceBuffer memory(bytes);
    gpu_ops::fill_bytes(gpu.stream(), memory.as<void>(), 1, bytes);
    const double us = time_calls(gpu, 3, [&](int) {
      gpu_ops::read_bytes(gpu, memory.as<void>(), static_cast<int64_t>(bytes));
    });
    ceilings.read_gbs = static_cast<double>(bytes) / us / 1e3;
  }
  const int64_t size = 8192;
  const auto w = gpu_ops::random_float(gpu, size, size, gpu_ops::Activation::kFloat16, 1);
  const auto x = gpu_ops::random_float(gpu, size, size, gpu_ops::Activation::kFloat16, 2);
  const gpu_ops::DeviceBuffer y(static_cast<size_t>(size * size) * 2);
  const gpu_ops::LinearInput input = {gpu_ops::weight_data(x), nullptr, nullptr, 0, nullptr};
  const double us = time_calls(gpu, 10, [&](int) {
    gpu_ops::linear(gpu, gpu_ops::Activation::kFloat16, w, input, size, gpu_ops::Epilogue::kStore,
                    y.as<void>());
  });
  ceilings.tflops = 2.0 * static_cast<double>(size * size * size) / us / 1e6;
  return ceilings;
}

inline void time_layer(const gpu_ops::Gpu& gpu, const LayerShape& layer, const Ceilings& ceilings,
                       std::ostringstream& json) {
  using gpu_ops::Activation;
  using gpu_ops::Epilogue;
  constexpr int64_t kMostRows = 4096;
  const int64_t row_counts[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};
  const size_t kinds = std::size(row_counts);
  std::vector<double> int4_us(kinds), dense_us(kinds);
  std::vector<std::string> parts(kinds);
  double bytes = 0, flops = 0;
  for (const auto& linear : layer.linears) {
    const int64_t weight_bytes = linear.n * linear.k / 2;
    const int copies =
        static_cast<int>(std::max<int64_t>(2, (int64_t{160} << 20) / weight_bytes + 1));
    std::vector<gpu_ops::LinearWeight> int4, dense;
    for (int i = 0; i < copies; ++i)
      int4.push_back(gpu_ops::random_int4(gpu,
                                          gpu_ops::whole_random(linear.n, linear.k, linear.gate_up),
                                          128, linear.gate_up, static_cast<uint64_t>(i + 1)));
    for (int i = 0; i < std::max(2, copies / 4); ++i)
      dense.push_back(gpu_ops::random_float(gpu, linear.n, linear.k, Activation::kFloat16,
                                            static_cast<uint64_t>(i + 1)));
    const auto x = gpu_ops::random_float(gpu, kMostRows, linear.k, Activation::kFloat16, 77);
    const gpu_ops::LinearInput input = {gpu_ops::weight_data(x), nullptr, nullptr, 0, nullptr};
    const gpu_ops::DeviceBuffer y(static_cast<size_t>(kMostRows * linear.n) * 2);
    bytes += static_cast<double>(int4.front().bytes);
    flops += 2.0 * static_cast<double>(linear.n * linear.k);
    for (size_t i = 0; i < kinds; ++i) {
      const int64_t rows = row_counts[i];
      const int calls = rows >= 1024 ? 4 : std::max(copies, 8);
      const Epilogue epilogue = linear.gate_up ? Epilogue::kSiluMul : Epilogue::kStore;
      const double us = time_calls(gpu, calls, [&](int call) {
        gpu_ops::linear(gpu, Activation::kFloat16, int4[static_cast<size_t>(call % copies)], input,
                        rows, epilogue, y.as<void>());
      });
      int4_us[i] += us;
      char text[32];
      std::snprintf(text, sizeof text, "%s%.1f", parts[i].empty() ? "" : " + ", us);
      parts[i] += text;
      if (gpu.blas() == nullptr) continue;
      dense_us[i] += time_calls(gpu, calls, [&](int call) {
        gpu_ops::blas_product(gpu, Activation::kFloat16,
                              dense[static_cast<size_t>(call) % dense.size()], input.x, rows,
                              y.as<void>());
      });
    }
  }
  std::printf(
      "\n%s, one layer's linears, int4 g128\n  rows     int4 us  GB/s  share  TFLOP/s  share"
      "   cuBLAS fp16 us  TFLOP/s\n",
      layer.name);
  for (size_t i = 0; i < kinds; ++i) {
    const double rows = static_cast<double>(row_counts[i]);
    const double gbs = bytes / int4_us[i] / 1e3, tflops = flops * rows / int4_us[i] / 1e6;
    std::printf("  %4.0f  %10.1f  %4.0f  %4.0f%%  %7.1f  %4.0f%%  %15.1f  %7.1f   (%s)\n", rows,
                int4_us[i], gbs, 100 * gbs / ceilings.read_gbs, tflops,
                100 * tflops / ceilings.tflops, dense_us[i],
                dense_us[i] > 0 ? flops * rows / dense_us[i] / 1e6 : 0.0, parts[i].c_str());
    json << (json.tellp() > 0 ? "," : "") << "\n    {\"shape\": \"" << layer.name
         << "\", \"rows\": " << row_counts[i] << ", \"int4Us\": " << int4_us[i]
         << ", \"int4GBs\": " << gbs << ", \"int4ReadShare\": " << gbs / ceilings.read_gbs
         << ", \"int4Tflops\": " << tflops << ", \"int4MatrixShare\": " << tflops / ceilings.tflops
         << ", \"cublasFp16Us\": ";
    if (dense_us[i] > 0) {
      json << dense_us[i] << "}";
    } else {
      json << "null}";
    }
  }
  std::fflush(stdout);
}

// One linear alone, for a profiler or a look.
inline void run_one(const gpu_ops::Gpu& gpu, int64_t k, int64_t n, int64_t rows) {
  const auto w = gpu_ops::random_int4(gpu, gpu_ops::whole_random(n, k, false), 128, false, 1);
  const auto x = gpu_ops::random_float(gpu, rows, k, gpu_ops::Activation::kFloat16, 77);
  const gpu_ops::LinearInput input = {gpu_ops::weight_data(x), nullptr, nullptr, 0, nullptr};
  const gpu_ops::DeviceBuffer y(static_cast<size_t>(rows * n) * 2);
  const double us = time_calls(gpu, 5, [&](int) {
    gpu_ops::linear(gpu, gpu_ops::Activation::kFloat16, w, input, rows, gpu_ops::Epilogue::kStore,
                    y.as<void>());
  });
  std::printf("k %lld n %lld rows %lld: %.1f us, %.0f TFLOP/s\n", static_cast<long long>(k),
              static_cast<long long>(n), static_cast<long long>(rows), us,
              2.0 * static_cast<double>(k * n * rows) / us / 1e6);
}

inline void time_gpu(const gpu_ops::Gpu& gpu, const std::string& json_file, bool layers) {
  const Ceilings ceilings = measure_ceilings(gpu);
  std::printf("%s: read %.0f GB/s, fp16 8192^3 %.0f TFLOP/s%s\n", gpu.name().c_str(),
              ceilings.read_gbs, ceilings.tflops,
              gpu.blas() == nullptr ? " (no cuBLAS here: by our own kernel)" : " (cuBLAS)");
  std::ostringstream lines;
  if (layers) {
    for (const LayerShape& layer : kLayerShapes) time_layer(gpu, layer, ceilings, lines);
  }
  if (json_file.empty()) return;
  std::ofstream file(json_file);
  file << "{\n  \"gpu\": \"" << gpu.name() << "\",\n  \"readGBs\": " << ceilings.read_gbs
       << ",\n  \"matrixTflops\": " << ceilings.tflops << ",\n  \"int4Linears\": [" << lines.str()
       << "\n  ]\n}\n";
  if (!file) throw Error(kWriteFailed, "cannot write " + json_file);
}

}  // namespace loadmark::check
