// One TelemetryHandle a sampler: it ends with stop(), with its JavaScript object or with the
// environment, whichever comes first.
#include "addon/telemetry_object.h"

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "addon/errors.h"
#include "addon/js_values.h"
#include "telemetry/sampler.h"

namespace loadmark {
namespace {

using telemetry::Sampler;

class TelemetryHandle {
 public:
  TelemetryHandle(Napi::Env env, const telemetry::SamplerOptions& options)
      : env_(env), sampler_(options) {
    napi_add_env_cleanup_hook(env_, &TelemetryHandle::on_environment_end, this);
  }
  ~TelemetryHandle() {
    napi_remove_env_cleanup_hook(env_, &TelemetryHandle::on_environment_end, this);
  }
  Sampler& sampler() { return sampler_; }

 private:
  static void on_environment_end(void* self) {
    static_cast<TelemetryHandle*>(self)->sampler_.stop();
  }

  Napi::Env env_;
  Sampler sampler_;
};

telemetry::SamplerOptions read_sampler_options(const Napi::Object& given) {
  telemetry::SamplerOptions options;
  options.period_ms = given.Get("periodMs").ToNumber().DoubleValue();
  options.ring_rows = read_integer(given.Get("ringRows"), "ringRows");
  options.samples_gpus = given.Get("samplesGpus").ToBoolean().Value();
  options.nvml_library = given.Get("nvmlLibrary").ToString().Utf8Value();
  options.powercap_folder = given.Get("powercapFolder").ToString().Utf8Value();
  options.cpu_folder = given.Get("cpuFolder").ToString().Utf8Value();
  const auto ids = given.Get("pciBusIds").As<Napi::Array>();
  for (uint32_t i = 0; i < ids.Length(); ++i)
    options.pci_bus_ids.push_back(Napi::Value(ids[i]).ToString().Utf8Value());
  return options;
}

Napi::Value text_or_null(Napi::Env env, const std::string& text) {
  return text.empty() ? env.Null() : Napi::Value(Napi::String::New(env, text));
}

Napi::Array write_devices(Napi::Env env, const std::vector<telemetry::Device>& devices) {
  Napi::Array array = Napi::Array::New(env);
  for (const telemetry::Device& device : devices) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", device.name);
    object.Set("kind", device.kind);
    object.Set("model", text_or_null(env, device.model));
    object.Set("uuid", text_or_null(env, device.uuid));
    object.Set("pciBusId", text_or_null(env, device.pci_bus_id));
    object.Set("powerLimitWatts",
               std::isnan(device.power_limit_watts)
                   ? env.Null()
                   : Napi::Value(Napi::Number::New(env, device.power_limit_watts)));
    Napi::Array channels = Napi::Array::New(env);
    for (const std::string& channel : device.channels)
      channels.Set(channels.Length(), Napi::String::New(env, channel));
    object.Set("channels", channels);
    array.Set(array.Length(), object);
  }
  return array;
}

Napi::Array write_absences(Napi::Env env, const std::vector<telemetry::Absence>& absences) {
  Napi::Array array = Napi::Array::New(env);
  for (const telemetry::Absence& absence : absences) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("what", absence.what);
    object.Set("because", absence.because);
    array.Set(array.Length(), object);
  }
  return array;
}

Napi::Array write_faults(Napi::Env env, const std::vector<telemetry::Fault>& faults) {
  Napi::Array array = Napi::Array::New(env);
  for (const telemetry::Fault& fault : faults) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("device", fault.device);
    object.Set("because", fault.because);
    object.Set("atNs", static_cast<double>(fault.at_ns));
    array.Set(array.Length(), object);
  }
  return array;
}

Napi::Value open_telemetry(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  return guarded(env, [&]() -> Napi::Value {
    const auto handle =
        std::make_shared<TelemetryHandle>(env, read_sampler_options(call[0].As<Napi::Object>()));
    const Sampler& sampler = handle->sampler();
    Napi::Object object = Napi::Object::New(env);
    object.Set("devices", write_devices(env, sampler.devices()));
    object.Set("absences", write_absences(env, sampler.absences()));
    object.Set("driver", text_or_null(env, sampler.driver()));
    object.Set("width", static_cast<double>(sampler.width()));
    const auto method = [&](const char* name, auto body) {
      object.Set(name, Napi::Function::New(env, [handle, body](const Napi::CallbackInfo& called) {
                   return guarded(called.Env(), [&]() -> Napi::Value {
                     return body(called.Env(), handle->sampler());
                   });
                 }));
    };
    method("sampleSoon", [](Napi::Env in, Sampler& of) {
      of.sample_soon();
      return in.Undefined();
    });
    method("take", [](Napi::Env in, Sampler& of) -> Napi::Value {
      return copy_to_js<Napi::Float64Array>(in, of.take());
    });
    method("latest", [](Napi::Env in, Sampler& of) -> Napi::Value {
      return copy_to_js<Napi::Float64Array>(in, of.latest());
    });
    method("lostRows", [](Napi::Env in, Sampler& of) -> Napi::Value {
      return Napi::Number::New(in, static_cast<double>(of.lost_rows()));
    });
    method("faults",
           [](Napi::Env in, Sampler& of) -> Napi::Value { return write_faults(in, of.faults()); });
    method("stop", [](Napi::Env in, Sampler& of) {
      of.stop();
      return in.Undefined();
    });
    return object;
  });
}

}  // namespace

void export_telemetry(Napi::Env env, Napi::Object exports) {
  exports.Set("openTelemetry", Napi::Function::New(env, &open_telemetry));
}

}  // namespace loadmark
