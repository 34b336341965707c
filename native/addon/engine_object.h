// What JavaScript holds of an engine: its methods, its handlers, its promises, and the order in
// which all of it ends.
#pragma once

#include <napi.h>

namespace loadmark {

// exports.loadEngine(options, onEvents, onBroken) -> Promise<object>
void export_engine(Napi::Env env, Napi::Object exports);

}  // namespace loadmark
