// Checks every GPU operator against its CPU twin; with --time then measures them against ceilings
// measured in the same run.
//   cuda_check [--quick] [--seed N] [--only NAME] [--time] [--ceilings] [--json FILE] [--threads N]
// --ceilings measures those alone, in the form of --time without its lines.
//   cuda_check --one K N ROWS
#include <chrono>
#include <cstdlib>
#include <thread>

#include "check/cuda_linear_cases.h"
#include "check/cuda_row_cases.h"
#include "check/cuda_timing.h"

namespace {

using namespace loadmark;

struct Options {
  bool quick = false, time = false, ceilings = false, check = true;
  uint64_t seed = std::random_device{}();
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::string json, only;
  std::vector<int64_t> one;  // k, n, rows of a linear to launch and nothing else
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&] {
      if (++i >= argc) throw Error(kBadArgument, name + " needs a value");
      return std::string(argv[i]);
    };
    if (name == "--quick") {
      options.quick = true;
    } else if (name == "--time") {
      options.time = true;
    } else if (name == "--ceilings") {
      options.ceilings = true;
    } else if (name == "--no-check") {
      options.check = false;
    } else if (name == "--seed") {
      options.seed = std::strtoull(value().c_str(), nullptr, 10);
    } else if (name == "--threads") {
      options.threads = std::atoi(value().c_str());
    } else if (name == "--only") {
      options.only = value();
    } else if (name == "--one") {
      for (int j = 0; j < 3; ++j) options.one.push_back(std::atoll(value().c_str()));
    } else if (name == "--json") {
      options.json = value();
    } else {
      throw Error(kBadArgument,
                  "unknown option " + name +
                      "; allowed are --quick --seed --only --time --ceilings --no-check --one "
                      "--json --threads");
    }
  }
  return options;
}

int run(const Options& options) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto start = std::chrono::steady_clock::now();
  check::Reporter report;
  ThreadPool one(1), pool(options.threads);
  check::Cases cases{report, std::mt19937_64(options.seed), options.quick, one, pool, pool, {}};
  const ops::cuda::Gpu gpu(0);
  const check::GpuCases c{
      report, cases, {&pool, ops::detect_isa(), ops::ActivationType::kFloat32}, gpu};
  if (!options.one.empty()) {
    check::run_one(gpu, options.one[0], options.one[1], options.one[2]);
    return 0;
  }
  const auto wanted = [&](const char* name) {
    return options.check && (options.only.empty() || options.only == name);
  };
  if (wanted("rows")) check::check_gpu_rows(c);
  if (wanted("attention")) check::check_gpu_attention(c);
  if (wanted("tokens")) check::check_gpu_tokens(c);
  if (wanted("linear")) check::check_gpu_linears(c);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("cuda_check: %lld checks, %lld failures, %s, seed %llu, %.1f s\n",
              static_cast<long long>(report.checks()), static_cast<long long>(report.failures()),
              gpu.name().c_str(), static_cast<unsigned long long>(options.seed), seconds);
  if (report.failures() != 0) return 1;  // what is wrong is not timed
  if (options.time || options.ceilings || !options.json.empty())
    check::time_gpu(gpu, options.json, !options.ceilings);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cuda_check: %s\n", error.what());
    return 2;
  }
}
