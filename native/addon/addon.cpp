// The addon's entrance: what JavaScript may call. Each export lives in a file of its own.
#include <napi.h>

#include <string>

#include "addon/engine_object.h"
#include "addon/errors.h"
#include "addon/inspect_call.h"
#include "addon/quantize_job.h"
#include "addon/telemetry_object.h"
#include "ops/gpu_devices.h"
#include "ops/ops.h"

namespace loadmark {
namespace {

Napi::Object describe_gpus(Napi::Env env) {
  const ops::GpuSurvey survey = ops::survey_gpus();
  Napi::Array devices = Napi::Array::New(env, survey.devices.size());
  for (size_t i = 0; i < survey.devices.size(); ++i) {
    const ops::GpuDevice& gpu = survey.devices[i];
    Napi::Object device = Napi::Object::New(env);
    device.Set("name", gpu.name);
    device.Set("memoryBytes", static_cast<double>(gpu.memory_bytes));
    device.Set("computeCapability",
               std::to_string(gpu.compute_major) + "." + std::to_string(gpu.compute_minor));
    device.Set("multiprocessors", gpu.multiprocessors);
    device.Set("pciBusId", gpu.pci_bus_id);
    device.Set("peakBandwidthGBs", gpu.peak_bandwidth_gbs > 0
                                       ? Napi::Value(Napi::Number::New(env, gpu.peak_bandwidth_gbs))
                                       : env.Null());
    devices.Set(static_cast<uint32_t>(i), device);
  }
  Napi::Object cuda = Napi::Object::New(env);
  cuda.Set("built", survey.built);
  cuda.Set("architectures", survey.architectures);
  cuda.Set("devices", devices);
  cuda.Set("reason", survey.devices.empty() ? Napi::Value(Napi::String::New(env, survey.reason))
                                            : env.Null());
  return cuda;
}

Napi::Value host_features(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  return guarded(env, [&]() -> Napi::Value {
    Napi::Array sets = Napi::Array::New(env);
    for (const char* name : {"plain", "avx2", "avx512"}) {
      try {
        ops::parse_isa(name);
        sets.Set(sets.Length(), Napi::String::New(env, name));
      } catch (const Error&) {
        // This CPU lacks it.
      }
    }
    Napi::Object features = Napi::Object::New(env);
    features.Set("instructionSets", sets);
    features.Set("best", Napi::String::New(env, ops::isa_name(ops::detect_isa())));
    features.Set("cuda", describe_gpus(env));
    return features;
  });
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("hostFeatures", Napi::Function::New(env, &host_features));
  export_engine(env, exports);
  export_inspect(env, exports);
  export_quantize(env, exports);
  export_telemetry(env, exports);
  return exports;
}

}  // namespace
}  // namespace loadmark

static Napi::Object initialize_addon(Napi::Env env, Napi::Object exports) {
  return loadmark::initialize(env, exports);
}

NODE_API_MODULE(loadmark, initialize_addon)
