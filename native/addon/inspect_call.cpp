// What is asked is small and rare: calls block, and an inspection crosses as JSON text.
#include "addon/inspect_call.h"

#include "addon/errors.h"
#include "addon/js_values.h"
#include "engine/inspect_model.h"
#include "engine/read_rate.h"

namespace loadmark {
namespace {

std::string text_at(const Napi::CallbackInfo& call, size_t at) {
  if (!call[at].IsString()) throw Error(kBadArgument, "a path is no string");
  return call[at].As<Napi::String>();
}

Napi::Value inspect(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    return Napi::String::New(call.Env(),
                             inspect_model(text_at(call, 0), call[1].ToBoolean().Value()));
  });
}

Napi::Value decode(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    return copy_to_js<Napi::Float32Array>(call.Env(),
                                          decode_module(text_at(call, 0), text_at(call, 1)));
  });
}

Napi::Value read_rate(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    return Napi::Number::New(call.Env(), measure_read_rate(call[0].ToNumber().Int32Value()));
  });
}

}  // namespace

void export_inspect(Napi::Env env, Napi::Object exports) {
  exports.Set("inspectModel", Napi::Function::New(env, &inspect));
  exports.Set("decodeLinear", Napi::Function::New(env, &decode));
  exports.Set("measureReadRate", Napi::Function::New(env, &read_rate));
}

}  // namespace loadmark
