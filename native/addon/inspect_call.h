// Exports inspectModel, decodeLinear and measureReadRate.
#pragma once

#include <napi.h>

namespace loadmark {

void export_inspect(Napi::Env env, Napi::Object exports);

}  // namespace loadmark
