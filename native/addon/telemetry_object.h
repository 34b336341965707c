// Exports openTelemetry.
#pragma once

#include <napi.h>

namespace loadmark {

void export_telemetry(Napi::Env env, Napi::Object exports);

}  // namespace loadmark
