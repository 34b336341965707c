// What of the engine on a GPU can be checked without one: which batch sizes have graphs, what a
// fault's message says, how large weights are, what is said of a plan that does not fit, and how
// GPUs exchange what.
// usage: gpu_host_check FLOAT_CHECKPOINT INT4_CHECKPOINT (the built-in models)
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "check/reporter.h"
#include "engine/batch_ladder.h"
#include "engine/gpu_fault.h"
#include "engine/gpu_plan.h"
#include "model/gpu_bytes.h"
#include "model/model_shapes.h"
#include "ops/gpu_exchange.h"
#include "ops/gpu_linear_kernels.h"

namespace loadmark::check {
namespace {

void expect_text(Reporter& report, const std::string& what, const std::string& got,
                 const std::string& want) {
  report.expect(got == want, what + ": \"" + got + "\", should be \"" + want + "\"");
}

void check_ladder(Reporter& report) {
  const std::vector<int64_t> whole = {1,  2,  4,  8,   16,  24,  32,  40, 48,
                                      56, 64, 96, 128, 160, 192, 224, 256};
  report.expect(batch_ladder(256) == whole, "the ladder up to 256");
  report.expect(batch_ladder(1) == std::vector<int64_t>{1}, "the ladder of one row");
  report.expect(batch_ladder(5).back() == 8, "the ladder holds 5 rows");
  for (int64_t rows = 1; rows <= 300; ++rows) {
    const int64_t rung = padded_batch(rows);
    const std::string what = "the rung of " + std::to_string(rows);
    report.expect(rung >= rows && padded_batch(rung) == rung, what);
    report.expect(batch_ladder(rows).back() == rung, what + " ends its ladder");
  }
}

void check_faults(Reporter& report) {
  const GpuStep graph = {7, true, 32, 0}, mixed = {8, false, 4, 508};
  expect_text(report, "a fault of two steps", describe_fault("a kernel failed", {graph, mixed}),
              "a kernel failed; under way: step 7, a decode graph of 32 rows, and step 8, a mixed "
              "step of 4 decode and 508 prompt rows; a profiled step waits for each kernel and "
              "names the one that fails (--profile --set engine.profile_first_step=7)");
  const auto tells = [&](const GpuStep& step, const std::string& want) {
    const std::string text = describe_fault("x", {step});
    report.expect(text.rfind("x; under way: step 1, " + want + "; ", 0) == 0, text);
  };
  tells({1, false, 3, 0}, "a step of 3 decode rows");
  tells({1, false, 0, 9}, "a step of 9 prompt rows");
  expect_text(report, "a fault of no step", describe_fault("x", {}), "x");
}

int64_t layer_weights(const ModelConfig& config) {
  int64_t count = 0;
  for (const LinearKind kind : kLinearKinds) {
    for (const int64_t n : linear_output_sizes(config, kind))
      count += n * linear_input_size(config, kind);
  }
  return count * config.layers;
}

// Small weights are planned to the byte, large ones from above.
void check_weights(Reporter& report, const std::string& float_folder,
                   const std::string& int4_folder) {
  const auto planned = [](const std::string& folder, WeightFormat format) {
    const ModelConfig config = read_model_config(folder);
    return gpu_weight_bytes(config, Checkpoint(folder), format);
  };
  const ModelConfig tiny = read_model_config(int4_folder);
  const int64_t linears = layer_weights(tiny);
  const int64_t tables = 2 * 2 * tiny.vocab_size * tiny.hidden_size;
  const int64_t norms = 4 * tiny.hidden_size * (2 * tiny.layers + 1);
  int64_t outputs = 0;
  for (const LinearKind kind : kLinearKinds) {
    for (const int64_t n : linear_output_sizes(tiny, kind)) outputs += n * tiny.layers;
  }
  report.expect(planned(float_folder, WeightFormat::kCheckpoint) == 2 * linears + tables + norms,
                "16-bit weights");
  report.expect(
      planned(float_folder, WeightFormat::kInt8) == linears + 4 * outputs + tables + norms,
      "int8 weights");
  report.expect(planned(int4_folder, WeightFormat::kCheckpoint) ==
                    linears / 2 + linears / 64 * 2 + tables + norms,
                "int4 weights");
  const ModelConfig large = parse_synthetic_model("synthetic:llama-2-70b")->config;
  const int64_t whole = layer_weights(large);
  const int64_t exact = whole / 2 + whole / 128 * 2 + 2 * 2 * large.vocab_size * large.hidden_size;
  const int64_t bytes = gpu_weight_bytes(large);
  report.expect(bytes > exact && bytes < exact + exact / 50,
                "llama-2-70b: " + std::to_string(bytes));
}

constexpr int64_t kGibibyte = int64_t{1} << 30;

EngineOptions large_options() {
  EngineOptions options;
  options.max_batch = 64;
  options.max_sequence_tokens = 4096;
  options.max_step_tokens = 512;
  options.kv_type = ops::KvType::kFloat16;
  options.activations = ops::ActivationType::kFloat16;
  return options;
}

// The refusal, or nothing.
std::string refusal(const EngineOptions& options, const ModelConfig& config, int64_t free_bytes) {
  try {
    plan_gpu(options, config, gpu_weight_bytes(config), free_bytes);
    return "";
  } catch (const Error& error) {
    return std::string(error.code()) == kOutOfMemory ? error.what() : "wrong code";
  }
}

// The number that stands before " would fit", as the value of `name`; 0: none.
int64_t advised(const std::string& message, const std::string& name) {
  const size_t at = message.find("; " + name + " ");
  if (at == std::string::npos || message.find(" would fit") == std::string::npos) return 0;
  return std::atoll(message.c_str() + at + name.size() + 3);
}

// The advice is the largest value that fits, in units of `unit`.
void check_advice(Reporter& report, EngineOptions options, const ModelConfig& config,
                  int64_t free_bytes, const std::string& name, int64_t EngineOptions::* setting,
                  int64_t unit) {
  const std::string message = refusal(options, config, free_bytes);
  const int64_t value = advised(message, name);
  report.expect(value > 0, name + " is advised: " + message);
  if (setting != &EngineOptions::kv_cache_bytes) options.kv_cache_bytes = 0;
  options.*setting = value;
  report.expect(refusal(options, config, free_bytes).empty(), name + " as advised fits");
  options.*setting = value + unit;
  report.expect(!refusal(options, config, free_bytes).empty(), name + " above it does not");
}

void check_plans(Reporter& report) {
  const ModelConfig config = parse_synthetic_model("synthetic:llama-2-70b")->config;
  const int64_t weights = gpu_weight_bytes(config);
  EngineOptions options = large_options();
  const int64_t token_bytes = 2 * 80 * 8 * 128 * 2;

  const std::string small = refusal(options, config, 24 * kGibibyte);
  const auto holds = [&](const std::string& text, const std::string& part) {
    report.expect(text.find(part) != std::string::npos, "\"" + part + "\" in: " + text);
  };
  holds(small, "the plan takes ");
  holds(small, ": weights " + std::to_string(weights) + ", KV cache at least " +
                   std::to_string(4096 * token_bytes) + ", a step ");
  holds(small, "; free on the GPU: 25769803776 bytes (24.00 GiB), of which ");
  holds(small, " stay free; this model needs at least ");

  // A KV cache of what is free, in whole pages; of what was asked for, where there is room.
  const GpuPlan automatic = plan_gpu(options, config, weights, 72 * kGibibyte);
  const int64_t taken = weights + automatic.step_bytes + automatic.sizes.kv_bytes;
  report.expect(taken < 72 * kGibibyte && taken > 71 * kGibibyte, "an automatic KV cache");
  options.cuda_graphs = false;
  report.expect(plan_gpu(options, config, weights, 72 * kGibibyte).sizes.kv_bytes ==
                    automatic.sizes.kv_bytes,
                "as large a KV cache where graphs are off");
  options.kv_cache_bytes = 8 * kGibibyte;
  report.expect(plan_gpu(options, config, weights, 72 * kGibibyte).sizes.kv_bytes ==
                    8 * kGibibyte / (16 * token_bytes) * (16 * token_bytes),
                "a KV cache as asked for");

  options.kv_cache_bytes = int64_t{1} << 44;
  check_advice(report, options, config, 72 * kGibibyte, "kvCacheBytes",
               &EngineOptions::kv_cache_bytes, 16 * token_bytes);
  for (const int64_t kv_cache_bytes : {int64_t{0}, 8 * kGibibyte}) {
    options = large_options();
    options.kv_cache_bytes = kv_cache_bytes;
    options.max_step_tokens = 65535;
    check_advice(report, options, config, weights + 4 * kGibibyte, "maxStepTokens",
                 &EngineOptions::max_step_tokens, 1);
    options = large_options();
    options.kv_cache_bytes = kv_cache_bytes;
    check_advice(report, options, config, weights + 3 * kGibibyte / 2, "maxSequenceTokens",
                 &EngineOptions::max_sequence_tokens, 16);
  }
  // 4096 tokens of which a row sees 256: those, a step's 512 rows and what shares their first page,
  // while page tables keep their entries. One layer without a window, and all pages stay.
  options = large_options();
  ModelConfig windowed = config;
  windowed.windows.assign(static_cast<size_t>(config.layers), 256);
  const GpuPlan sliding = plan_gpu(options, windowed, weights, 1024 * kGibibyte);
  report.expect(sliding.sizes.least_kv_pages == (255 + 512 + 15 + 15) / 16, "pages of a window");
  report.expect(sliding.sizes.kv_pages == 64 * sliding.sizes.least_kv_pages, "pages of windows");
  report.expect(sliding.step_pages == 64 * (4096 / 16), "page tables of windows");
  windowed.windows.back() = 0;
  report.expect(
      plan_gpu(options, windowed, weights, 1024 * kGibibyte).sizes.least_kv_pages == 4096 / 16,
      "pages of windows and a layer without");
  report.refuses("65536 rows a step", kBadArgument, [&] {
    options.max_step_tokens = 65536;
    check_gpu_options(options);
  });
}

// Of two GPUs each has half of what is split; the KV cache is counted on both together.
void check_shares(Reporter& report, const std::string& int4_folder) {
  const ModelConfig whole = parse_synthetic_model("synthetic:llama-2-70b")->config;
  const ModelConfig half = shard_config(whole, 2);
  const int64_t table = whole.vocab_size * whole.hidden_size * 2;
  const int64_t alone = gpu_weight_bytes(whole), weights = gpu_weight_bytes(whole, 2);
  report.expect(weights > alone / 2 && weights < alone / 2 + table,
                "half of llama-2-70b: " + std::to_string(weights));
  const ModelConfig tiny = read_model_config(int4_folder);
  const Checkpoint checkpoint(int4_folder);
  const int64_t tiny_alone = gpu_weight_bytes(tiny, checkpoint, WeightFormat::kCheckpoint);
  const int64_t tiny_half = gpu_weight_bytes(tiny, checkpoint, WeightFormat::kCheckpoint, 2);
  const int64_t both = tiny.vocab_size * tiny.hidden_size * 2 + norm_and_bias_bytes(tiny);
  // Strips of 16 x 16 outputs are filled up, of halves oftener.
  report.expect(2 * tiny_half >= tiny_alone + both && 2 * tiny_half < 5 * (tiny_alone + both) / 4,
                "half of tiny-int4: " + std::to_string(tiny_half));
  EngineOptions options = large_options();
  options.tensor_parallel_devices = {"cuda:0", "cuda:1"};
  const int64_t token_bytes = 2 * 80 * 8 * 128 * 2;
  const GpuPlan automatic = plan_gpu(options, half, weights, 40 * kGibibyte);
  const int64_t taken = weights + automatic.step_bytes + automatic.sizes.kv_bytes / 2;
  report.expect(taken < 40 * kGibibyte && taken > 39 * kGibibyte, "an automatic KV cache of two");
  report.expect(automatic.sizes.kv_page_bytes == 16 * token_bytes, "a page on both");
  options.kv_cache_bytes = 8 * kGibibyte;
  report.expect(plan_gpu(options, half, weights, 40 * kGibibyte).sizes.kv_bytes ==
                    8 * kGibibyte / (16 * token_bytes) * (16 * token_bytes),
                "a KV cache of two as asked for");
  const GpuPlan one = plan_gpu(large_options(), half, weights, 40 * kGibibyte);
  const int64_t partials = automatic.step_rows * half.hidden_size * int64_t{sizeof(float)};
  report.expect(automatic.step_bytes > one.step_bytes + partials, "memory for what is exchanged");
}

// A few rows stream the weights as long as they fit beside the copies in flight.
void check_linear_kernels(Reporter& report) {
  using namespace ops::cuda;
  const auto expect = [&](const std::string& got, const std::string& want) {
    report.expect(got == want, "the kernel " + want + ", got " + got);
  };
  const auto int4 = [](const GpuTraits& gpu, int64_t k, int64_t rows) {
    return std::string(int4_kernel_name(choose_int4_kernel(gpu, int4_shape(k, 128, false), rows)));
  };
  expect(int4(kHopper, 8192, 1), "int4_linear_few_rows");
  expect(int4(kHopper, 4096, 8), "int4_linear_few_rows");
  expect(int4(kHopper, 4096, 9), "int4_linear_many_rows_sm90");
  expect(int4(kAmpere, 4096, 9), "int4_linear_many_rows_mma");
  // 67,584 bytes, and of each row 2,048 + 57,360: two rows fit into 200 KiB, three do not.
  expect(int4(kHopper, 28672, 2), "int4_linear_few_rows");
  expect(int4(kHopper, 28672, 3), "int4_linear_many_rows_sm90");
  expect(int4(kAmpere, 28672, 2), "int4_linear_many_rows_mma");
  const auto dense = [](GpuTraits gpu, bool blas, ops::WeightType type, int64_t rows) {
    gpu.blas = blas;
    return std::string(dense_kernel_name(gpu, type, 8192, rows));
  };
  expect(dense(kAmpere, true, ops::WeightType::kFloat16, 4), "dense_linear_few_rows");
  expect(dense(kAmpere, true, ops::WeightType::kFloat16, 5), "cublasGemmEx");
  expect(dense(kAmpere, false, ops::WeightType::kFloat16, 5), "dense_linear_many_rows");
  expect(dense(kHopper, true, ops::WeightType::kInt8, 1), "dense_linear_many_rows");
}

constexpr int64_t kExchangeCounts[] = {1,    3,     4,      5,      1023,    1024,    1025,
                                       8192, 65536, 131072, 131073, 1000003, 16777216};

// Every quad of a message has a thread, and every block something to send.
void check_exchange_shapes(Reporter& report) {
  using namespace ops::cuda;
  for (const int64_t count : kExchangeCounts) {
    const int64_t quads = (count + 3) / 4;
    const std::string what = " of " + std::to_string(count) + " floats";
    if (count <= kWordFloats) {
      const WordShape shape = word_shape(count);
      const int64_t blocks = shape.blocks;
      report.expect((blocks - 1) * kWordThreads < quads, "a quad for each block" + what);
      report.expect(blocks * kWordThreads * shape.quads >= quads, "words" + what);
      report.expect(shape.quads == 1 || shape.quads == kWordQuads, "quads a thread" + what);
      report.expect(blocks <= kWordBlocks, "word blocks" + what);
    }
    for (const int sharing : {0, 2, 4}) {
      ExchangeMeans means{
          .ranks = std::max(2, sharing), .peer = true, .shares_device = sharing > 0};
      means.multiprocessors = 108;
      const ChunkShape shape = chunk_shape(means, count);
      report.expect(shape.blocks >= 1 && shape.blocks <= 54, "blocks" + what);
      report.expect(shape.blocks * sharing <= 108, "room for blocks" + what);
      report.expect(shape.blocks * shape.block_quads >= quads, "chunks" + what);
      report.expect(shape.tiles * shape.tile_quads >= shape.block_quads &&
                        (shape.tiles - 1) * shape.tile_quads < shape.block_quads &&
                        shape.tiles <= 8,
                    "tiles" + what);
    }
  }
}

void check_exchange_paths(Reporter& report) {
  using namespace ops::cuda;
  const auto path = [](int ranks, bool peer, bool nccl, int64_t count) {
    return exchange_path({.ranks = ranks, .peer = peer, .nccl = nccl}, count);
  };
  constexpr int64_t kMost = int64_t{1} << 30;
  report.expect(path(2, true, false, 131072) == ExchangePath::kWords, "the most words of two");
  report.expect(path(2, true, false, 131073) == ExchangePath::kChunks, "more than words of two");
  report.expect(path(2, true, true, kMost) == ExchangePath::kChunks, "two need no ring");
  report.expect(path(4, true, false, 43690) == ExchangePath::kWords, "the most words of four");
  report.expect(path(4, true, false, 43691) == ExchangePath::kChunks, "more than words of four");
  report.expect(path(4, true, true, 1 << 20) == ExchangePath::kChunks, "4 MiB of four");
  report.expect(path(4, true, true, (1 << 20) + 1) == ExchangePath::kNccl, "more of four");
  report.expect(path(4, true, false, kMost) == ExchangePath::kChunks, "four without NCCL");
  report.expect(path(2, false, true, 1) == ExchangePath::kNccl, "no peer access");
  report.expect(path(1, false, false, kMost) == ExchangePath::kChunks, "one rank");
  report.expect(exchange_bytes(2, 5) == 32 + 4 * (131072 * 8 + 8192 * 16) + 65536, "its bytes");
}

void check_exchange_texts(Reporter& report) {
  using namespace ops::cuda;
  const auto tells = [&](const ExchangeMeans& means, const std::string& want) {
    expect_text(report, "the paths", describe_exchange(means), want);
  };
  tells({.ranks = 2, .peer = true}, "one-shot over peer memory");
  tells({.ranks = 4, .peer = true}, "one-shot over peer memory");
  tells({.ranks = 4, .peer = true, .nccl = true, .nccl_version = "2.27.3"},
        "one-shot over peer memory up to 4.0 MiB, NCCL 2.27.3 above");
  tells({.ranks = 2, .nccl = true, .nccl_version = "2.27.3"}, "NCCL 2.27.3");
  tells({.ranks = 1, .peer = true}, "one rank, which adds up alone");
  expect_text(report, "NCCL's version", nccl_version_text(22703), "2.27.3");
  expect_text(report, "an old NCCL's version", nccl_version_text(2804), "2.8.4");
  expect_text(report, "no fault", describe_exchange_fault(1, 0), "");
  expect_text(report, "an absent rank", describe_exchange_fault(1, 1),
              "rank 1 waited 10 s for rank 0 in add_across");
  expect_text(report, "an absent rank", describe_exchange_fault(0, 1 + 7 + 2 * kFaultCall),
              "rank 0 waited 10 s for rank 7 in gather_columns");
  const std::string refused = no_exchange("cuda:0 (NVIDIA A40)", "cuda:1 (NVIDIA L4)");
  report.expect(refused.rfind("cuda:0 (NVIDIA A40) and cuda:1 (NVIDIA L4) cannot read each "
                              "other's memory (no peer access), and libnccl.so.2",
                              0) == 0,
                refused);
}

}  // namespace
}  // namespace loadmark::check

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s FLOAT_CHECKPOINT INT4_CHECKPOINT\n", argv[0]);
    return 2;
  }
  loadmark::check::Reporter report;
  loadmark::check::check_ladder(report);
  loadmark::check::check_faults(report);
  loadmark::check::check_weights(report, argv[1], argv[2]);
  loadmark::check::check_plans(report);
  loadmark::check::check_shares(report, argv[2]);
  loadmark::check::check_linear_kernels(report);
  loadmark::check::check_exchange_shapes(report);
  loadmark::check::check_exchange_paths(report);
  loadmark::check::check_exchange_texts(report);
  std::printf("gpu_host_check: %lld checks, %lld failures\n",
              static_cast<long long>(report.checks()), static_cast<long long>(report.failures()));
  return report.failures() == 0 ? 0 : 1;
}
