// Field names are those of native/engine-contract.ts and native/arguments.ts.
#include "addon/js_values.h"

#include <utility>

#include "base/error.h"

namespace loadmark {
namespace {

[[noreturn]] void refuse(const std::string& name, const char* allowed) {
  throw Error(kBadArgument, name + " is of the wrong type; allowed: " + allowed);
}

std::string read_string(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsString()) refuse(name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

bool read_boolean(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsBoolean()) refuse(name, "true, false");
  return value.As<Napi::Boolean>().Value();
}

std::vector<std::string> read_strings(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsArray()) refuse(name, "a list of strings");
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> strings;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value item = array.Get(i);
    if (!item.IsString()) refuse(name, "a list of strings");
    strings.push_back(item.As<Napi::String>().Utf8Value());
  }
  return strings;
}

template <class T>
T choose(const Napi::Object& object, const char* name,
         const std::vector<std::pair<std::string, T>>& choices) {
  const std::string text = read_string(object, name);
  std::string allowed;
  for (const auto& [word, value] : choices) {
    if (word == text) return value;
    allowed += (allowed.empty() ? "" : ", ") + word;
  }
  throw Error(kBadArgument, std::string(name) + " is \"" + text + "\"; allowed: " + allowed);
}

// A typed array of `count` elements (-1: any number), its memory valid while the JavaScript value
// is.
template <class Array>
Array read_array(const Napi::Value& value, napi_typedarray_type type, const char* name,
                 int64_t count) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    refuse(name, "a typed array of its own kind");
  }
  Array array = value.As<Array>();
  if (count >= 0 && static_cast<int64_t>(array.ElementLength()) != count) {
    throw Error(kBadArgument, std::string(name) + " holds " +
                                  std::to_string(array.ElementLength()) +
                                  " elements; allowed: " + std::to_string(count));
  }
  return array;
}

Napi::Int32Array int32s(const Napi::Object& packed, const char* name, int64_t count = -1) {
  return read_array<Napi::Int32Array>(packed.Get(name), napi_int32_array, name, count);
}

// Cuts the concatenation of many lists into them again.
class Cutter {
 public:
  Cutter(const Napi::Object& packed, const char* name)
      : name_(name), array_(int32s(packed, name)) {}

  std::vector<int32_t> take(int32_t count) {
    const size_t left = array_.ElementLength() - at_;
    if (count < 0 || static_cast<size_t>(count) > left) {
      throw Error(kBadArgument, std::string(name_) + " has " + std::to_string(left) +
                                    " elements left; asked for " + std::to_string(count));
    }
    const int32_t* begin = array_.Data() + at_;
    at_ += static_cast<size_t>(count);
    return std::vector<int32_t>(begin, begin + count);
  }

 private:
  const char* name_;
  Napi::Int32Array array_;
  size_t at_ = 0;
};

void set(Napi::Object& object, const char* name, int64_t value) {
  object.Set(name, Napi::Number::New(object.Env(), static_cast<double>(value)));
}

void set(Napi::Object& object, const char* name, const std::string& value) {
  object.Set(name, Napi::String::New(object.Env(), value));
}

}  // namespace

EngineOptions read_options(const Napi::Object& options) {
  const auto integer = [&](const char* name) { return read_integer(options.Get(name), name); };
  EngineOptions out;
  out.model_path = read_string(options, "modelPath");
  out.device = read_string(options, "device");
  out.tensor_parallel_devices = read_strings(options, "tensorParallelDevices");
  out.threads = static_cast<int>(integer("threads"));
  out.max_batch = integer("maxBatch");
  out.max_sequence_tokens = integer("maxSequenceTokens");
  out.max_step_tokens = integer("maxStepTokens");
  out.page_tokens = integer("pageTokens");
  out.kv_cache_bytes = integer("kvCacheBytes");
  out.kv_type = choose<ops::KvType>(options, "kvCacheType",
                                    {{"fp32", ops::KvType::kFloat32},
                                     {"fp16", ops::KvType::kFloat16},
                                     {"bf16", ops::KvType::kBFloat16},
                                     {"fp8", ops::KvType::kFloat8}});
  out.instruction_set = read_string(options, "instructionSet");
  out.activations = choose<ops::ActivationType>(options, "activationType",
                                                {{"int8", ops::ActivationType::kInt8},
                                                 {"fp32", ops::ActivationType::kFloat32},
                                                 {"fp16", ops::ActivationType::kFloat16},
                                                 {"bf16", ops::ActivationType::kBFloat16}});
  out.weight_format = choose<WeightFormat>(
      options, "weightFormat",
      {{"checkpoint", WeightFormat::kCheckpoint}, {"int8", WeightFormat::kInt8}});
  out.cuda_graphs = read_boolean(options, "cudaGraphs");
  out.fault_at_step = integer("faultAtStep");
  out.fault.kind = choose<FaultKind>(options, "faultKind",
                                     {{"exception", FaultKind::kException},
                                      {"out-of-memory", FaultKind::kOutOfMemory},
                                      {"device-fault", FaultKind::kDeviceFault},
                                      {"thread-death", FaultKind::kThreadDeath}});
  out.fault.rank = static_cast<int>(integer("faultRank"));
  out.step_lag = static_cast<int>(integer("stepLag"));
  return out;
}

int64_t read_integer(const Napi::Value& value, const char* name) {
  if (!value.IsNumber()) refuse(name, "a number");
  return value.As<Napi::Number>().Int64Value();
}

std::vector<int32_t> read_int32s(const Napi::Value& value, const char* name) {
  const auto array = read_array<Napi::Int32Array>(value, napi_int32_array, name, -1);
  return std::vector<int32_t>(array.Data(), array.Data() + array.ElementLength());
}

std::vector<GenerateRequest> read_requests(const Napi::Object& packed) {
  const Napi::Int32Array ids = int32s(packed, "ids");
  const auto count = static_cast<int64_t>(ids.ElementLength());
  const Napi::Int32Array prompt_counts = int32s(packed, "promptCounts", count);
  const Napi::Int32Array stop_counts = int32s(packed, "stopCounts", count);
  const Napi::Int32Array max_new = int32s(packed, "maxNewTokens", count);
  const Napi::Int32Array min_new = int32s(packed, "minNewTokens", count);
  const Napi::Int32Array top_k = int32s(packed, "topKs", count);
  const auto doubles = [&](const char* name) {
    return read_array<Napi::Float64Array>(packed.Get(name), napi_float64_array, name, count);
  };
  const Napi::Float64Array temperature = doubles("temperatures"), top_p = doubles("topPs");
  const auto seeds =
      read_array<Napi::BigUint64Array>(packed.Get("seeds"), napi_biguint64_array, "seeds", count);
  Cutter prompts(packed, "promptTokens"), stops(packed, "stopTokens");
  std::vector<GenerateRequest> requests(static_cast<size_t>(count));
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].id = ids[i];
    requests[i].prompt = prompts.take(prompt_counts[i]);
    requests[i].stop_tokens = stops.take(stop_counts[i]);
    requests[i].max_new_tokens = max_new[i];
    requests[i].min_new_tokens = min_new[i];
    requests[i].sampling = {temperature[i], top_k[i], top_p[i], seeds[i]};
  }
  return requests;
}

std::vector<ScoreRequest> read_score_requests(const Napi::Object& packed) {
  const Napi::Int32Array prompt_counts = int32s(packed, "promptCounts");
  const auto count = static_cast<int64_t>(prompt_counts.ElementLength());
  const Napi::Int32Array per_request = int32s(packed, "continuationsPerRequest", count);
  const Napi::Int32Array continuation_counts = int32s(packed, "continuationCounts");
  const Napi::Int32Array contexts =
      int32s(packed, "contextCounts", static_cast<int64_t>(continuation_counts.ElementLength()));
  Cutter prompts(packed, "promptTokens"), continuations(packed, "continuationTokens");
  std::vector<ScoreRequest> requests(static_cast<size_t>(count));
  size_t at = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].prompt = prompts.take(prompt_counts[i]);
    for (int32_t j = 0; j < per_request[i]; ++j, ++at) {
      if (at >= continuation_counts.ElementLength())
        refuse("continuationCounts", "one count a continuation");
      requests[i].continuations.push_back(continuations.take(continuation_counts[at]));
      requests[i].contexts.push_back(contexts[at]);
    }
  }
  return requests;
}

Napi::Object write_events(Napi::Env env, const EventBatch& batch) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("requestIds", copy_to_js<Napi::Int32Array>(env, batch.ids));
  object.Set("tokens", copy_to_js<Napi::Int32Array>(env, batch.tokens));
  object.Set("tokenCounts", copy_to_js<Napi::Int32Array>(env, batch.counts));
  object.Set("statuses", copy_to_js<Napi::Uint8Array>(env, batch.statuses));
  set(object, "timestampNs", batch.timestamp_ns);
  return object;
}

Napi::Object write_info(Napi::Env env, const EngineInfo& info) {
  Napi::Object object = Napi::Object::New(env);
  set(object, "architecture", info.config.architecture);
  set(object, "tensorParallel", info.tensor_parallel);
  set(object, "layers", info.config.layers);
  set(object, "hiddenSize", info.config.hidden_size);
  set(object, "heads", info.config.heads);
  set(object, "kvHeads", info.config.kv_heads);
  set(object, "headDim", info.config.head_dim);
  set(object, "vocabSize", info.config.vocab_size);
  set(object, "parameters", info.parameters);
  set(object, "linearParameters", count_linear_weights(info.config));
  set(object, "weightBytes", info.weight_bytes);
  set(object, "weightBytesPerToken", info.weight_bytes_per_token);
  set(object, "weightFormat", info.weight_format);
  set(object, "kvBytesPerToken", info.kv_bytes_per_token);
  set(object, "kvPages", info.kv_pages);
  set(object, "kvCacheBytes", info.kv_cache_bytes);
  set(object, "plannedBytes", info.planned_bytes);
  set(object, "instructionSet", info.instruction_set);
  std::vector<int32_t> windows;
  for (int64_t layer = 0; layer < info.config.layers; ++layer)
    windows.push_back(static_cast<int32_t>(info.config.window(layer)));
  object.Set("windows", copy_to_js<Napi::Int32Array>(env, windows));
  Napi::Object kernels = Napi::Object::New(env);
  for (const auto& [name, kernel] : info.kernels) set(kernels, name.c_str(), kernel);
  object.Set("kernels", kernels);
  return object;
}

Napi::Object write_stats(Napi::Env env, const EngineStats& stats) {
  Napi::Object object = Napi::Object::New(env);
  set(object, "steps", stats.steps);
  set(object, "promptTokens", stats.prompt_tokens);
  set(object, "generatedTokens", stats.generated_tokens);
  set(object, "occupancySum", stats.occupancy_sum);
  set(object, "usedKvPages", stats.used_kv_pages);
  set(object, "peakKvPages", stats.peak_kv_pages);
  set(object, "preemptions", stats.preemptions);
  set(object, "deviceNs", stats.device_ns);
  set(object, "deviceGapNs", stats.device_gap_ns);
  const std::vector<int64_t>& each = stats.rank_device_ns;
  object.Set("rankDeviceNs",
             copy_to_js<Napi::Float64Array>(env, std::vector<double>(each.begin(), each.end())));
  return object;
}

Napi::Value write_profile(Napi::Env env, const std::optional<EngineProfile>& profile) {
  if (!profile.has_value()) return env.Null();
  const std::vector<ops::KernelTime>& times = profile->kernels;
  Napi::Array array = Napi::Array::New(env, times.size());
  for (size_t i = 0; i < times.size(); ++i) {
    Napi::Object object = Napi::Object::New(env);
    set(object, "name", times[i].name);
    set(object, "count", times[i].count);
    object.Set("milliseconds", Napi::Number::New(env, times[i].milliseconds));
    object.Set("bytes", Napi::Number::New(env, times[i].bytes));
    object.Set("flops", Napi::Number::New(env, times[i].flops));
    array.Set(static_cast<uint32_t>(i), object);
  }
  Napi::Object object = Napi::Object::New(env);
  set(object, "firstStep", profile->first_step);
  set(object, "steps", profile->steps);
  object.Set("kernels", array);
  return object;
}

Napi::Array write_scores(Napi::Env env, const std::vector<ScoreResult>& results) {
  Napi::Array array = Napi::Array::New(env, results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("logProbs", copy_to_js<Napi::Float64Array>(env, results[i].log_probs));
    object.Set("isGreedy", copy_to_js<Napi::Uint8Array>(env, results[i].is_greedy));
    set(object, "finishedNs", results[i].finished_ns);
    array.Set(static_cast<uint32_t>(i), object);
  }
  return array;
}

}  // namespace loadmark
