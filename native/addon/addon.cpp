// The addon's entrance: what JavaScript may call. Each export lives in a file of its own.
#include <napi.h>

#include "addon/engine_object.h"
#include "addon/errors.h"
#include "addon/quantize_job.h"
#include "ops/gpu_devices.h"
#include "ops/ops.h"

namespace loadmark {
namespace {

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
    Napi::Object cuda = Napi::Object::New(env);
    cuda.Set("built", Napi::Boolean::New(env, ops::survey_gpus().built));
    features.Set("cuda", cuda);
    return features;
  });
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("hostFeatures", Napi::Function::New(env, &host_features));
  export_engine(env, exports);
  export_quantize(env, exports);
  return exports;
}

}  // namespace
}  // namespace loadmark

static Napi::Object initialize_addon(Napi::Env env, Napi::Object exports) {
  return loadmark::initialize(env, exports);
}

NODE_API_MODULE(loadmark, initialize_addon)
