// quantizeModel() for JavaScript: checks nothing but types (native/index.ts does), runs on a thread
// of its own, reports each linear, can be cancelled.
#pragma once

#include <napi.h>

namespace loadmark {

// exports.startQuantize(options, onLinear) -> { promise, cancel() }
void export_quantize(Napi::Env env, Napi::Object exports);

}  // namespace loadmark
