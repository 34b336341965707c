// Checks every CPU operator, on every instruction set this machine has, against plain
// double-precision computations; with
// --time then measures them against this machine's own limits.
//   ops_check [--quick] [--seed N] [--time] [--json FILE] [--threads N]
#include <chrono>

#include "check/attention_cases.h"
#include "check/base_cases.h"
#include "check/linear_cases.h"
#include "check/ops_timing.h"
#include "check/options.h"
#include "check/row_cases.h"

namespace {

using namespace loadmark;

int run(const check::CheckOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  check::Reporter report;
  ThreadPool one(1), two(2), three(3);
  check::Cases cases{report, std::mt19937_64(options.seed), options.quick, one, two, three, {}};
  std::string names;
  for (const ops::Isa isa : {ops::Isa::kPlain, ops::Isa::kAvx2, ops::Isa::kAvx512}) {
    try {
      cases.isas.push_back(ops::parse_isa(isa == ops::Isa::kPlain  ? "plain"
                                          : isa == ops::Isa::kAvx2 ? "avx2"
                                                                   : "avx512"));
      names += std::string(names.empty() ? "" : ", ") + ops::isa_name(isa);
    } catch (const Error&) {
      std::printf("not checked: %s (this CPU or this build has none of it)\n", ops::isa_name(isa));
    }
  }
  check::check_base(cases);
  check::check_rows(cases);
  check::check_attention(cases);
  check::check_linear(cases);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("ops_check: %lld checks, %lld failures, instruction sets %s, seed %llu, %.1f s\n",
              static_cast<long long>(report.checks()), static_cast<long long>(report.failures()),
              names.c_str(), static_cast<unsigned long long>(options.seed), seconds);
  if (report.failures() != 0) return 1;  // what is wrong is not timed
  if (options.time || !options.json.empty()) {
    ThreadPool pool(options.threads);
    check::OpsTiming timing(cases, pool);
    timing.measure_all();
    timing.print();
    if (!options.json.empty()) check::write_json(timing, options.threads, options.json);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    check::CheckOptions options;
    check::parse_options(argc, argv, options.all());
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ops_check: %s\n", error.what());
    return 2;
  }
}
