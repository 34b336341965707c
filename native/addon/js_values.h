// Between the engine's structs and JavaScript's typed arrays and objects, checked only so far that
// nothing crashes: what a value may be is checked in arguments.ts and in the engine.
#pragma once

#include <napi.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace loadmark {

template <class Array, class T>
Array copy_to_js(Napi::Env env, const std::vector<T>& values) {
  Array array = Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(T));
  return array;
}

EngineOptions read_options(const Napi::Object& options);
int64_t read_integer(const Napi::Value& value, const char* name);
std::vector<int32_t> read_int32s(const Napi::Value& value, const char* name);
std::vector<GenerateRequest> read_requests(const Napi::Object& packed);
std::vector<ScoreRequest> read_score_requests(const Napi::Object& packed);

Napi::Object write_events(Napi::Env env, const EventBatch& batch);
Napi::Object write_info(Napi::Env env, const EngineInfo& info);
// null where there is none.
Napi::Value write_profile(Napi::Env env, const std::optional<EngineProfile>& profile);
Napi::Object write_stats(Napi::Env env, const EngineStats& stats);
Napi::Array write_scores(Napi::Env env, const std::vector<ScoreResult>& results);

}  // namespace loadmark
