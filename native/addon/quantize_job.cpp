// The job is an AsyncProgressQueueWorker: libuv's pool runs Execute, progress and the end are
// delivered on the JS thread.
#include "addon/quantize_job.h"

#include <atomic>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "addon/errors.h"
#include "engine/quantize_model.h"

namespace loadmark {
namespace {

struct News {
  LinearReport linear;
  QuantizeProgress progress;
};

Napi::Value number_or_null(Napi::Env env, double value) {
  return std::isnan(value) ? env.Null() : Napi::Value(Napi::Number::New(env, value));
}

Napi::Object linear_object(Napi::Env env, const LinearReport& linear) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", linear.name);
  object.Set("layer", static_cast<double>(linear.layer));
  object.Set("outputs", static_cast<double>(linear.n));
  object.Set("inputs", static_cast<double>(linear.k));
  object.Set("rtnWeightError", number_or_null(env, linear.rtn_weight_error));
  object.Set("rtnOutputError", number_or_null(env, linear.rtn_output_error));
  object.Set("gptqWeightError", number_or_null(env, linear.gptq_weight_error));
  object.Set("gptqOutputError", number_or_null(env, linear.gptq_output_error));
  object.Set("damp", linear.damp);
  object.Set("deadColumns", static_cast<double>(linear.dead_columns));
  object.Set("seconds", linear.seconds);
  return object;
}

Napi::Object progress_object(Napi::Env env, QuantizeProgress progress) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("done", static_cast<double>(progress.done));
  object.Set("total", static_cast<double>(progress.total));
  object.Set("layers", static_cast<double>(progress.layers));
  return object;
}

Napi::Object report_object(Napi::Env env, const QuantizeReport& report) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("layers", static_cast<double>(report.layers));
  object.Set("sequences", static_cast<double>(report.sequences));
  object.Set("tokens", static_cast<double>(report.tokens));
  object.Set("sourceBytes", static_cast<double>(report.source_bytes));
  object.Set("linearBytes", static_cast<double>(report.linear_bytes));
  object.Set("fileBytes", static_cast<double>(report.file_bytes));
  Napi::Array linears = Napi::Array::New(env, report.linears.size());
  for (size_t i = 0; i < report.linears.size(); ++i) {
    linears.Set(static_cast<uint32_t>(i), linear_object(env, report.linears[i]));
  }
  object.Set("linears", linears);
  return object;
}

class QuantizeJob : public Napi::AsyncProgressQueueWorker<News> {
 public:
  QuantizeJob(Napi::Env env, QuantizeOptions options, Napi::Function on_linear,
              std::shared_ptr<std::atomic<bool>> cancelled)
      : Napi::AsyncProgressQueueWorker<News>(env),
        options_(std::move(options)),
        on_linear_(Napi::Persistent(on_linear)),
        cancelled_(std::move(cancelled)),
        deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute(const ExecutionProgress& progress) override {
    try {
      report_ = quantize_model(
          options_,
          [&](const LinearReport& linear, QuantizeProgress state) {
            const News news{linear, state};
            progress.Send(&news, 1);
          },
          *cancelled_);
    } catch (...) {
      failure_ = describe_caught();
    }
  }

  void OnProgress(const News* news, size_t count) override {
    const Napi::Env env = Env();
    const Napi::HandleScope scope(env);
    for (size_t i = 0; i < count && thrown_.IsEmpty(); ++i) {
      try {
        on_linear_.Call(
            {linear_object(env, news[i].linear), progress_object(env, news[i].progress)});
      } catch (const Napi::Error& error) {  // what the caller's function threw ends the job
        thrown_ = Napi::Reference<Napi::Value>::New(error.Value(), 1);
        cancelled_->store(true);
      }
    }
  }

  void OnOK() override {
    const Napi::HandleScope scope(Env());
    if (!thrown_.IsEmpty()) {
      deferred_.Reject(thrown_.Value());
    } else if (failure_.has_value()) {
      deferred_.Reject(make_js_error(Env(), failure_->code, failure_->message).Value());
    } else {
      deferred_.Resolve(report_object(Env(), report_));
    }
  }

 private:
  const QuantizeOptions options_;
  Napi::FunctionReference on_linear_;
  std::shared_ptr<std::atomic<bool>> cancelled_;
  Napi::Promise::Deferred deferred_;
  Napi::Reference<Napi::Value> thrown_;
  QuantizeReport report_;
  std::optional<CaughtError> failure_;
};

std::vector<std::vector<int32_t>> read_sequences(const Napi::Object& options) {
  const auto tokens = options.Get("tokens").As<Napi::Int32Array>();
  const auto lengths = options.Get("lengths").As<Napi::Int32Array>();
  std::vector<std::vector<int32_t>> sequences;
  size_t start = 0;
  for (size_t i = 0; i < lengths.ElementLength(); ++i) {
    const size_t length = static_cast<size_t>(lengths[i]);
    if (lengths[i] < 0 || length > tokens.ElementLength() - start) {
      throw Error(kBadArgument, "the lengths of the calibration texts exceed their tokens");
    }
    sequences.emplace_back(tokens.Data() + start, tokens.Data() + start + length);
    start += length;
  }
  return sequences;
}

QuantizeOptions read_options(const Napi::Object& object) {
  const auto text = [&](const char* name) {
    return object.Get(name).As<Napi::String>().Utf8Value();
  };
  const auto flag = [&](const char* name) { return object.Get(name).As<Napi::Boolean>().Value(); };
  const auto number = [&](const char* name) { return object.Get(name).As<Napi::Number>(); };
  QuantizeOptions options;
  options.model_folder = text("modelPath");
  options.output_file = text("outputFile");
  options.method = text("method") == "rtn" ? QuantizeMethod::kRtn : QuantizeMethod::kGptq;
  options.group_size = number("groupSize").Int64Value();
  options.symmetric = flag("symmetric");
  options.act_order = flag("descAct");
  options.mse = flag("mse");
  options.damp = number("damp").DoubleValue();
  options.convention =
      text("checkpointFormat") == "gptq_v2" ? ZeroConvention::kV2 : ZeroConvention::kV1;
  options.sequences = read_sequences(object);
  options.threads = number("threads").Int32Value();
  options.isa = ops::parse_isa(text("instructionSet").c_str());
  return options;
}

Napi::Value start_quantize(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    auto* job = new QuantizeJob(env, read_options(info[0].As<Napi::Object>()),
                                info[1].As<Napi::Function>(), cancelled);
    Napi::Object handle = Napi::Object::New(env);
    handle.Set("promise", job->promise());
    handle.Set("cancel", Napi::Function::New(env, [cancelled](const Napi::CallbackInfo&) {
                 cancelled->store(true);
               }));
    job->Queue();  // deletes itself when done
    return handle;
  });
}

}  // namespace

void export_quantize(Napi::Env env, Napi::Object exports) {
  exports.Set("startQuantize", Napi::Function::New(env, start_quantize, "startQuantize"));
}

}  // namespace loadmark
