// Checks every GPU operator against its CPU twin; with --time then measures them against ceilings
// measured in the same run.
//   cuda_check [--quick] [--seed N] [--only NAME] [--no-check] [--time] [--ceilings] [--json FILE]
//              [--threads N]
// --ceilings measures those alone, in the form of --time without its lines.
// With --only collective, --time measures sums across ranks and nothing else.
//   cuda_check --one K N ROWS
//   cuda_check --absent-rank: a rank that does not come is missed, within 10 seconds
#include <chrono>

#include "check/cuda_architecture_cases.h"
#include "check/cuda_attention_cases.h"
#include "check/cuda_collective_cases.h"
#include "check/cuda_collective_timing.h"
#include "check/cuda_linear_cases.h"
#include "check/cuda_row_cases.h"
#include "check/cuda_timing.h"
#include "check/options.h"

namespace {

using namespace loadmark;

struct Options : check::CheckOptions {
  bool ceilings = false, no_check = false, absent_rank = false;
  std::string only;
  std::vector<int64_t> one;  // k, n, rows of a linear to launch and nothing else

  std::vector<check::Option> all() {
    std::vector<check::Option> options = CheckOptions::all();
    options.insert(options.end(),
                   {check::text("--only", only), check::flag("--ceilings", ceilings),
                    check::flag("--no-check", no_check), check::numbers("--one", 3, one),
                    check::flag("--absent-rank", absent_rank)});
    return options;
  }
};

int run(const Options& options) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (options.absent_rank) return check::check_absent_rank();
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
    return !options.no_check && (options.only.empty() || options.only == name);
  };
  if (wanted("rows")) check::check_gpu_rows(c);
  if (wanted("architectures")) check::check_gpu_architectures(c);
  if (wanted("attention")) check::check_gpu_attention(c);
  if (wanted("tokens")) check::check_gpu_tokens(c);
  if (wanted("linear")) check::check_gpu_linears(c);
  if (wanted("collective")) check::check_gpu_collectives(c);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("cuda_check: %lld checks, %lld failures, %s, seed %llu, %.1f s\n",
              static_cast<long long>(report.checks()), static_cast<long long>(report.failures()),
              gpu.name().c_str(), static_cast<unsigned long long>(options.seed), seconds);
  if (report.failures() != 0) return 1;  // what is wrong is not timed
  if (options.time && options.only == "collective") {
    check::time_collectives();
    return 0;
  }
  if (options.time || options.ceilings || !options.json.empty())
    check::time_gpu(gpu, options.json, !options.ceilings);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Options options;
    check::parse_options(argc, argv, options.all());
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cuda_check: %s\n", error.what());
    return 2;
  }
}
