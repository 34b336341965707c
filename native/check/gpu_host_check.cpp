// What of the engine on a GPU can be checked without one: which batch sizes have graphs, and what a
// fault's message says.
#include <cstdio>

#include "check/reporter.h"
#include "engine/batch_ladder.h"
#include "engine/gpu_fault.h"

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

}  // namespace
}  // namespace loadmark::check

int main() {
  loadmark::check::Reporter report;
  loadmark::check::check_ladder(report);
  loadmark::check::check_faults(report);
  std::printf("gpu_host_check: %lld checks, %lld failures\n",
              static_cast<long long>(report.checks()), static_cast<long long>(report.failures()));
  return report.failures() == 0 ? 0 : 1;
}
