// Times the operators on every thread, on the best instruction set, as shares of the limits
// measured in the same run (machine_limits.h). Weights are rotated through many copies so that none
// is found in a cache.
#pragma once

#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>

#include "check/attention_cases.h"
#include "check/linear_cases.h"
#include "check/machine_limits.h"

namespace loadmark::check {

struct Timing {
  std::string name;
  std::string kernel;
  std::vector<double> microseconds;  // one a repetition, in the order measured
  // Of a plain read of as many bytes after each repetition, for what memory limits: the rate of a
  // shared machine drifts by half within a run, so the limit is taken beside each measurement.
  std::vector<double> read_microseconds;
  double bytes = 0, operations = 0;  // of one repetition
  const char* limit = "";            // "memory", "int8" or "fp32"; empty: none applies

  static double median_of(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }
  double median() const { return median_of(microseconds); }
  double best() const { return *std::min_element(microseconds.begin(), microseconds.end()); }
  double gigabytes(double us) const { return bytes / us / 1e3; }
  double gigaops(double us) const { return operations / us / 1e3; }
  double share(const MachineLimits& limits, double us) const {
    const std::string name = limit;
    if (name == "memory") return median_of(read_microseconds) / us;
    if (name == "int8") return gigaops(us) / limits.int8_gigaops;
    if (name == "fp32") return gigaops(us) / limits.fp32_gigaops;
    return NAN;
  }
};

class OpsTiming {
 public:
  OpsTiming(Cases& cases, ThreadPool& pool) : cases_(cases), pool_(pool) {
    measure_limits(pool_, reader_, limits_);
    context_ = {&pool_, ops::detect_isa(), ops::ActivationType::kInt8};
  }

  void measure_all() {
    measure_pool();
    for (const auto& [n, k] :
         {std::pair<int64_t, int64_t>{4096, 4096}, {4096, 14336}, {14336, 4096}}) {
      measure_int4(n, k, 64, true, {1, 2, 8, 64, 512});
      measure_int4(n, k, 128, true, {1, 64});
    }
    measure_int4(4096, 4096, 32, true, {1, 64});
    measure_int4(4096, 4096, 64, false, {1, 64});
    measure_int4(4096, 4096, 4096, true, {1, 64});
    context_.activations = ops::ActivationType::kFloat32;
    measure_int4(4096, 4096, 64, true, {1, 64});
    measure_int8({1, 64});
    context_.activations = ops::ActivationType::kInt8;
    measure_int8({1, 64});
    for (const auto type :
         {ops::WeightType::kFloat32, ops::WeightType::kBFloat16, ops::WeightType::kFloat16}) {
      measure_float(type, {1, 64});
    }
    measure_attention("attention decode, 64 sequences of 1024", {32, 8, 128, ops::KvType::kFloat16},
                      64, 1, 1024);
    measure_attention("attention prefill, 256 rows at 768..1023",
                      {32, 8, 128, ops::KvType::kFloat16}, 1, 256, 1024);
    measure_attention("attention decode, 64 sequences of 150", {8, 2, 64, ops::KvType::kFloat32},
                      64, 1, 150);
    measure_rows();
    measure_limits(pool_, reader_, limits_);
  }

  const MachineLimits& limits() const { return limits_; }
  const std::vector<Timing>& timings() const { return timings_; }

  void print() const {
    std::printf(
        "limits, %d threads: memory read %.1f GB/s, fp32 multiply-add %.0f GOP/s, int8 dot product "
        "(%s) %.0f GOP/s\n",
        pool_.size(), limits_.memory_gigabytes, limits_.fp32_gigaops, limits_.int8_loop,
        limits_.int8_gigaops);
    std::printf("%-52s %10s %10s %8s %9s  %s\n", "operator", "median us", "best us", "GB/s",
                "GOP/s", "share of limit");
    for (const Timing& timing : timings_) {
      std::printf("%-52s %10.1f %10.1f %8.1f %9.0f  ", timing.name.c_str(), timing.median(),
                  timing.best(), timing.gigabytes(timing.median()),
                  timing.gigaops(timing.median()));
      if (timing.limit[0] != 0)
        std::printf("%5.1f %% of %s", 100 * timing.share(limits_, timing.median()), timing.limit);
      if (!timing.read_microseconds.empty())
        std::printf(" (%.1f GB/s)", timing.gigabytes(Timing::median_of(timing.read_microseconds)));
      std::printf("%s%s\n", timing.kernel.empty() ? "" : "  ", timing.kernel.c_str());
    }
  }

 private:
  // Repeats fn(repetition) for about 0.4 s, at least 10 times, after a warm-up of a tenth of that.
  Timing& repeat(const std::string& name, double bytes, double operations, const char* limit,
                 const std::function<void(int64_t)>& fn) {
    Timing timing{name, "", {}, {}, bytes, operations, limit};
    const bool is_read = std::strcmp(limit, "memory") == 0;
    int64_t repetition = 0;
    for (const double end = seconds_now() + 0.04; seconds_now() < end;) fn(repetition++);
    const double end = seconds_now() + 0.4;
    while (timing.microseconds.size() < 10 ||
           (seconds_now() < end && timing.microseconds.size() < 20000)) {
      const double start = seconds_now();
      fn(repetition++);
      timing.microseconds.push_back((seconds_now() - start) * 1e6);
      if (is_read) timing.read_microseconds.push_back(reader_.read(pool_, bytes, repetition));
    }
    timings_.push_back(std::move(timing));
    return timings_.back();
  }

  void measure_pool() {
    repeat("thread pool: start and join an empty loop", 0, 0, "",
           [&](int64_t) { pool_.run(pool_.size(), [](int64_t, int) {}); });
  }

  void measure_linear(const std::string& name, const std::function<ops::LinearWeight()>& make,
                      const std::vector<int64_t>& row_counts) {
    std::vector<ops::LinearWeight> copies;
    for (int64_t bytes = 0; bytes < int64_t{320} << 20 || copies.size() < 2;) {
      copies.push_back(make());
      bytes += copies.back().bytes;
    }
    const ops::LinearWeight& w = copies.front();
    const bool rounded = context_.activations == ops::ActivationType::kInt8 &&
                         (w.type == ops::WeightType::kInt4 || w.type == ops::WeightType::kInt8);
    for (const int64_t rows : row_counts) {
      const std::vector<float> x = cases_.normal(rows * w.k);
      std::vector<float> y(static_cast<size_t>(rows * w.n));
      const double moved = static_cast<double>(w.bytes + rows * (w.n + w.k) * 4);
      const double operations = 2.0 * static_cast<double>(rows * w.n * w.k);
      const char* limit = rows <= 2                             ? "memory"
                          : rounded && limits_.int8_gigaops > 0 ? "int8"
                                                                : "fp32";
      const std::string shape =
          std::to_string(w.n) + "x" + std::to_string(w.k) + " rows " + std::to_string(rows);
      repeat(name + " " + shape, moved, operations, limit, [&](int64_t repetition) {
        ops::linear(context_, copies[static_cast<size_t>(repetition) % copies.size()], x.data(),
                    rows, y.data());
      }).kernel = ops::linear_kernel_name(context_, w.type);
    }
  }

  void measure_int4(int64_t n, int64_t k, int64_t group, bool symmetric,
                    const std::vector<int64_t>& rows) {
    const Int4Weight w = random_int4(cases_, n, k, group, symmetric, GroupOrder::kNatural);
    measure_linear(
        "linear int4 g" + std::to_string(group) + (symmetric ? "" : " asym"),
        [&] { return ops::pack_int4(w); }, rows);
  }

  void measure_int8(const std::vector<int64_t>& rows) {
    const int64_t n = 4096, k = 4096;
    std::vector<int8_t> q(static_cast<size_t>(n * k));
    for (int8_t& value : q) value = static_cast<int8_t>(cases_.below(256) - 128);
    const std::vector<float> scale(static_cast<size_t>(n), 0.01f);
    measure_linear(
        "linear int8", [&] { return ops::pack_int8(q.data(), scale.data(), n, k); }, rows);
  }

  void measure_float(ops::WeightType type, const std::vector<int64_t>& rows) {
    const int64_t n = 4096, k = 4096;
    std::string name;
    measure_linear(
        type == ops::WeightType::kFloat32    ? "linear fp32"
        : type == ops::WeightType::kBFloat16 ? "linear bf16"
                                             : "linear fp16",
        [&] { return float_case(cases_, type, n, k).packed; }, rows);
  }

  void measure_attention(const std::string& name, const AttentionShape& shape, int64_t sequences,
                         int64_t rows, int64_t length) {
    const int64_t page_tokens = 16, pages = (length + page_tokens - 1) / page_tokens;
    const int64_t width = shape.kv_heads * shape.head_dim;
    const auto values = static_cast<size_t>(sequences * pages * page_tokens * width);
    const size_t size = shape.type == ops::KvType::kFloat32 ? 4 : 2;
    AlignedBuffer k(values * size), v(values * size);
    std::memset(k.as<uint8_t>(), 0x11, values * size);
    std::memset(v.as<uint8_t>(), 0x11, values * size);
    std::vector<int32_t> table(static_cast<size_t>(sequences * pages)), positions;
    std::iota(table.begin(), table.end(), 0);
    std::shuffle(table.begin(), table.end(), cases_.random);
    std::vector<const int32_t*> tables;
    for (int64_t row = 0; row < sequences * rows; ++row) {
      tables.push_back(table.data() + row / rows * pages);
      positions.push_back(static_cast<int32_t>(length - rows + row % rows));
    }
    const std::vector<float> q = cases_.normal(sequences * rows * shape.heads * shape.head_dim);
    std::vector<float> out(q.size());
    const ops::PagedKv kv{k.as<void>(), v.as<void>(),   shape.type,
                          page_tokens,  shape.kv_heads, shape.head_dim};
    double attended = 0;
    for (const int32_t position : positions) attended += position + 1;
    const double operations = 4.0 * attended * static_cast<double>(shape.heads * shape.head_dim);
    const double bytes =
        2.0 * static_cast<double>(sequences * length * width) * static_cast<double>(size);
    repeat(name, bytes, operations, "fp32", [&](int64_t) {
      ops::attention(context_, kv, {positions.data(), tables.data(), sequences * rows}, q.data(),
                     shape.heads * shape.head_dim, shape.heads, 0, out.data());
    });
  }

  void measure_rows() {
    const int64_t rows = 64, dim = 4096, vocab = 128256;
    const std::vector<float> x = cases_.normal(2 * rows * dim), weight = cases_.normal(dim);
    std::vector<float> y(x.size());
    const auto bytes = [](int64_t values) { return 4.0 * static_cast<double>(values); };
    repeat("rmsnorm 64x4096", bytes(2 * rows * dim), 0, "", [&](int64_t) {
      ops::rmsnorm(context_, x.data(), weight.data(), 1e-5f, rows, dim, y.data());
    });
    repeat("silu_mul 64x4096", bytes(3 * rows * dim), 0, "",
           [&](int64_t) { ops::silu_mul(context_, x.data(), rows, dim, y.data()); });
    repeat("add 64x4096", bytes(3 * rows * dim), 0, "",
           [&](int64_t) { ops::add(context_, x.data(), rows * dim, y.data()); });
    std::vector<int32_t> positions(static_cast<size_t>(rows)),
        targets(static_cast<size_t>(rows), 7);
    std::iota(positions.begin(), positions.end(), 1000);
    const std::vector<float> frequencies(64, 0.01f);
    repeat("rope 64 rows of 32x128", bytes(2 * rows * dim), 0, "", [&](int64_t) {
      ops::rope(context_, y.data(), dim, positions.data(), {frequencies.data(), 128, false}, rows,
                32, 128);
    });
    const std::vector<float> logits = cases_.normal(rows * vocab);
    std::vector<double> log_probability(static_cast<size_t>(rows));
    repeat("argmax 64x128256", bytes(rows * vocab), 0, "",
           [&](int64_t) { ops::argmax(context_, logits.data(), rows, vocab, positions.data()); });
    repeat("log_probability 64x128256", bytes(rows * vocab), 0, "", [&](int64_t) {
      ops::log_probability(context_, logits.data(), rows, vocab, targets.data(),
                           log_probability.data());
    });
    const int64_t k = 1024, samples = 512;
    std::vector<double> hessian(static_cast<size_t>(k * k));
    const std::vector<float> activations = cases_.normal(samples * k);
    repeat("accumulate_hessian 512x1024 (double)", 0, static_cast<double>(samples * k * (k + 1)),
           "", [&](int64_t) {
             ops::accumulate_hessian(context_, activations.data(), samples, k, hessian.data());
           });
  }

  Cases& cases_;
  ThreadPool& pool_;
  MachineLimits limits_;
  MemoryReader reader_;
  ops::Context context_{};
  std::vector<Timing> timings_;
};

// One JSON document with every repetition.
inline void write_json(const OpsTiming& timing, int threads, const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) throw Error(kBadArgument, "cannot write " + path);
  const MachineLimits& limits = timing.limits();
  std::fprintf(file, "{\"schema\":\"loadmark/ops/1\",\"isa\":\"%s\",\"threads\":%d,",
               ops::isa_name(ops::detect_isa()), threads);
  std::fprintf(file,
               "\"limits\":{\"memoryReadGBs\":%.3f,\"fp32MultiplyAddGops\":%.1f,\"int8DotGops\":%."
               "1f,\"int8DotLoop\":\"%s\"},",
               limits.memory_gigabytes, limits.fp32_gigaops, limits.int8_gigaops, limits.int8_loop);
  std::fprintf(file, "\"operators\":[");
  const char* separator = "";
  for (const Timing& item : timing.timings()) {
    const double us = item.median(), share = item.share(limits, us);
    std::fprintf(file,
                 "%s\n{\"name\":\"%s\",\"kernel\":\"%s\",\"medianUs\":%.3f,\"bestUs\":%.3f,"
                 "\"gigabytesPerSecond\":%.3f,\"gigaopsPerSecond\":%.3f,",
                 separator, item.name.c_str(), item.kernel.c_str(), us, item.best(),
                 item.gigabytes(us), item.gigaops(us));
    if (item.limit[0] == 0) {
      std::fprintf(file, "\"limit\":null,\"share\":null,\"samplesUs\":[");
    } else {
      std::fprintf(file, "\"limit\":\"%s\",\"share\":%.4f,", item.limit, share);
      if (!item.read_microseconds.empty())
        std::fprintf(file, "\"readMedianUs\":%.3f,", Timing::median_of(item.read_microseconds));
      std::fprintf(file, "\"samplesUs\":[");
    }
    for (size_t i = 0; i < item.microseconds.size(); ++i)
      std::fprintf(file, "%s%.2f", i == 0 ? "" : ",", item.microseconds[i]);
    std::fprintf(file, "]}");
    separator = ",";
  }
  std::fprintf(file, "\n]}\n");
  if (std::fclose(file) != 0) throw Error(kBadArgument, "cannot write " + path);
}

}  // namespace loadmark::check
