// "a kernel failed on the GPU: ...; under way: step 7, a decode graph of 32 rows, and step 8, ..."
#include "engine/gpu_fault.h"

namespace loadmark {
namespace {

std::string describe_step(const GpuStep& step) {
  const std::string decode = std::to_string(step.decode_rows);
  const std::string prompt = std::to_string(step.prompt_rows);
  if (step.is_graph) return "a decode graph of " + decode + " rows";
  if (step.prompt_rows == 0) return "a step of " + decode + " decode rows";
  if (step.decode_rows == 0) return "a step of " + prompt + " prompt rows";
  return "a mixed step of " + decode + " decode and " + prompt + " prompt rows";
}

}  // namespace

std::string describe_fault(const std::string& fault, const std::vector<GpuStep>& under_way) {
  if (under_way.empty()) return fault;
  std::string text = fault + "; under way: ";
  for (const GpuStep& step : under_way) {
    if (&step != &under_way.front()) text += ", and ";
    text += "step " + std::to_string(step.number) + ", " + describe_step(step);
  }
  return text + "; a profiled step waits for each kernel and names the one that fails " +
         "(--profile --set engine.profile_first_step=" + std::to_string(under_way.front().number) +
         ")";
}

}  // namespace loadmark
