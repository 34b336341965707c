// The job has a thread of its own, not one of libuv's pool: an environment that ends waits for
// libuv's work before it asks anyone to stop, and quantizing can take hours.
#include "addon/quantize_job.h"

#include <atomic>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "addon/errors.h"
#include "addon/task_queue.h"
#include "engine/quantize_model.h"

namespace loadmark {
namespace {

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

class QuantizeJob : public std::enable_shared_from_this<QuantizeJob> {
 public:
  QuantizeJob(Napi::Env env, QuantizeOptions options, const Napi::Function& on_linear)
      : env_(env),
        options_(std::move(options)),
        queue_(env),
        on_linear_(Napi::Persistent(on_linear)),
        deferred_(env) {
    // After the queue's own hook, so that this one runs before it: hooks run last in, first out.
    napi_add_env_cleanup_hook(env_, &QuantizeJob::on_environment_end, this);
  }
  ~QuantizeJob() { shut_down(); }

  Napi::Promise start() {
    thread_ = std::thread([this] { work(); });
    self_ = shared_from_this();
    return deferred_.Promise();
  }
  std::shared_ptr<std::atomic<bool>> cancelled() const { return cancelled_; }

 private:
  static void on_environment_end(void* self) { static_cast<QuantizeJob*>(self)->shut_down(); }

  void work() {
    try {
      report_ = quantize_model(
          options_,
          [this](const LinearReport& linear, QuantizeProgress progress) {
            queue_.post(
                [this, linear, progress](Napi::Env env) { deliver(env, linear, progress); });
          },
          *cancelled_);
    } catch (...) {
      failure_ = describe_caught();
    }
    queue_.post([this](Napi::Env env) { finish(env); });
  }

  void deliver(Napi::Env env, const LinearReport& linear, QuantizeProgress progress) {
    if (!thrown_.IsEmpty()) return;
    try {
      on_linear_.Call({linear_object(env, linear), progress_object(env, progress)});
    } catch (const Napi::Error& error) {  // what the caller's function threw ends the job
      thrown_ = Napi::Reference<Napi::Value>::New(error.Value(), 1);
      cancelled_->store(true);
    }
  }

  void finish(Napi::Env env) {
    const std::shared_ptr<QuantizeJob> keep = shared_from_this();
    if (!thrown_.IsEmpty()) {
      deferred_.Reject(thrown_.Value());
    } else if (failure_.has_value()) {
      deferred_.Reject(make_js_error(env, failure_->code, failure_->message).Value());
    } else {
      deferred_.Resolve(report_object(env, report_));
    }
    shut_down();
  }

  void shut_down() {
    if (std::exchange(ended_, true)) return;
    const std::shared_ptr<QuantizeJob> keep = std::move(self_);
    queue_.mute();
    cancelled_->store(true);
    if (thread_.joinable()) thread_.join();
    on_linear_.Reset();
    thrown_.Reset();
    napi_remove_env_cleanup_hook(env_, &QuantizeJob::on_environment_end, this);
    queue_.close();
  }

  Napi::Env env_;
  const QuantizeOptions options_;
  TaskQueue queue_;
  Napi::FunctionReference on_linear_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
  Napi::Promise::Deferred deferred_;
  Napi::Reference<Napi::Value> thrown_;
  QuantizeReport report_;
  std::optional<CaughtError> failure_;
  std::thread thread_;
  std::shared_ptr<QuantizeJob> self_;  // until it has ended
  bool ended_ = false;
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
    const auto job = std::make_shared<QuantizeJob>(env, read_options(info[0].As<Napi::Object>()),
                                                   info[1].As<Napi::Function>());
    Napi::Object handle = Napi::Object::New(env);
    handle.Set("cancel",
               Napi::Function::New(env, [cancelled = job->cancelled()](const Napi::CallbackInfo&) {
                 cancelled->store(true);
               }));
    handle.Set("promise", job->start());
    return handle;
  });
}

}  // namespace

void export_quantize(Napi::Env env, Napi::Object exports) {
  exports.Set("startQuantize", Napi::Function::New(env, start_quantize, "startQuantize"));
}

}  // namespace loadmark
