// True-sequential, as AutoGPTQ: q, k, v see the layer's input, o what the quantized q, k, v give,
// gate and up what the quantized attention gives, down what they give; then the whole quantized
// layer makes the next one's input.
#include "engine/quantize_model.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <set>

#include "base/error.h"
#include "engine/calibration.h"
#include "model/linear_bias.h"
#include "model/safetensors_writer.h"
#include "quant/gptq.h"
#include "quant/output_error.h"
#include "quant/rtn.h"

namespace loadmark {
namespace {

constexpr double kNotMeasured = std::numeric_limits<double>::quiet_NaN();

class ModelQuantizer {
 public:
  ModelQuantizer(const QuantizeOptions& options, const std::atomic<bool>& cancelled)
      : options_(options),
        cancelled_(cancelled),
        config_(read_model_config(options.model_folder)),
        checkpoint_(options.model_folder) {
    if (config_.quantization.has_value()) {
      throw Error(kBadArgument,
                  options.model_folder + " is already quantized; allowed: a float checkpoint");
    }
    if (options.method == QuantizeMethod::kGptq && options.sequences.empty()) {
      throw Error(kBadArgument, "GPTQ needs calibration texts, got 0; allowed: at least 1");
    }
    check_shapes();
    Calibration::check_sequences(config_, options.sequences);
    if (calibrating()) Calibration::check_memory(config_, checkpoint_, options.sequences);
  }

  QuantizeReport run(const QuantizeListener& listener);

 private:
  bool calibrating() const { return !options_.sequences.empty(); }
  QuantizeSettings settings(int64_t k) const {
    return {.group_size = options_.group_size == -1 ? k : options_.group_size,
            .symmetric = options_.symmetric,
            .mse = options_.mse,
            .convention = options_.convention};
  }
  void check_shapes() const;
  std::vector<TensorDeclaration> declare_tensors() const;
  void copy_other_tensors(SafetensorsWriter& writer) const;

  void quantize_kind(int64_t layer, LinearKind kind, SafetensorsWriter& writer,
                     const QuantizeListener& listener);
  // `moment` is null without calibration, `factor` for RTN.
  Int4Weight quantize_linear(const std::vector<float>& w, const double* moment,
                             const GptqFactor* factor, LinearReport& report);
  void write_linear(const std::string& name, const Int4Weight& weight, SafetensorsWriter& writer);

  const QuantizeOptions& options_;
  const std::atomic<bool>& cancelled_;
  const ModelConfig config_;
  const Checkpoint checkpoint_;
  std::set<std::string, std::less<>> quantized_;  // "....q_proj.weight": replaced in the output
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Calibration> calibration_;  // null without calibration texts
  QuantizeReport report_;
};

void ModelQuantizer::check_shapes() const {
  std::string faults;
  for (const LinearKind kind : kLinearKinds) {
    const std::vector<std::string>& modules = linear_module_names(config_, kind);
    const std::vector<int64_t> sizes = linear_output_sizes(config_, kind);
    const int64_t k = linear_input_size(config_, kind);
    for (size_t i = 0; i < modules.size(); ++i) {
      try {
        check_quantizable(sizes[i], k, settings(k));
      } catch (const Error& error) {
        faults += (faults.empty() ? "" : "; ") + modules[i] + ": " + error.what();
      }
    }
  }
  if (!faults.empty()) throw Error(kBadArgument, faults);
}

std::vector<TensorDeclaration> ModelQuantizer::declare_tensors() const {
  std::vector<TensorDeclaration> tensors;
  for (int64_t layer = 0; layer < config_.layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      const std::vector<std::string>& modules = linear_module_names(config_, kind);
      const std::vector<int64_t> sizes = linear_output_sizes(config_, kind);
      const int64_t k = linear_input_size(config_, kind);
      const int64_t groups = k / settings(k).group_size;
      for (size_t i = 0; i < modules.size(); ++i) {
        const std::string path = linear_module_path(config_, layer, modules[i]);
        const int64_t n = sizes[i];
        tensors.push_back({path + ".qweight", DataType::kInt32, {k / 8, n}});
        tensors.push_back({path + ".qzeros", DataType::kInt32, {groups, n / 8}});
        tensors.push_back({path + ".scales", DataType::kFloat16, {groups, n}});
        tensors.push_back({path + ".g_idx", DataType::kInt32, {k}});
      }
    }
  }
  for (const auto& [name, tensor] : checkpoint_.tensors()) {
    if (!quantized_.contains(name)) tensors.push_back({name, tensor.type, tensor.shape});
  }
  return tensors;
}

void ModelQuantizer::copy_other_tensors(SafetensorsWriter& writer) const {
  for (const auto& [name, tensor] : checkpoint_.tensors()) {
    check_cancelled(cancelled_);
    if (!quantized_.contains(name)) writer.write(name, tensor.data, tensor.bytes);
  }
}

Int4Weight ModelQuantizer::quantize_linear(const std::vector<float>& w, const double* moment,
                                           const GptqFactor* factor, LinearReport& report) {
  const QuantizeSettings chosen = settings(report.k);
  Int4Weight rtn = quantize_rtn(w.data(), report.n, report.k, chosen, *pool_);
  report.rtn_weight_error = relative_weight_error(w.data(), rtn);
  report.rtn_output_error =
      moment != nullptr ? relative_output_error(w.data(), rtn, moment, *pool_) : kNotMeasured;
  report.gptq_weight_error = report.gptq_output_error = kNotMeasured;
  if (factor == nullptr) return rtn;
  Int4Weight gptq = quantize_gptq(w.data(), report.n, report.k, *factor, chosen, *pool_);
  report.gptq_weight_error = relative_weight_error(w.data(), gptq);
  report.gptq_output_error = relative_output_error(w.data(), gptq, moment, *pool_);
  report.damp = factor->damp;
  report.dead_columns = factor->dead_columns;
  return gptq;
}

void ModelQuantizer::write_linear(const std::string& name, const Int4Weight& weight,
                                  SafetensorsWriter& writer) {
  const GptqTensors tensors = pack_gptq(weight, options_.convention);
  const auto put = [&](const char* suffix, const auto& values) {
    const int64_t bytes = static_cast<int64_t>(values.size() * sizeof(values[0]));
    writer.write(name + suffix, values.data(), bytes);
    report_.linear_bytes += bytes;
  };
  put(".qweight", tensors.qweight);
  put(".qzeros", tensors.qzeros);
  put(".scales", tensors.scales);
  put(".g_idx", tensors.g_idx);
}

void ModelQuantizer::quantize_kind(int64_t layer, LinearKind kind, SafetensorsWriter& writer,
                                   const QuantizeListener& listener) {
  const int64_t k = linear_input_size(config_, kind);
  std::optional<GptqFactor> factor;
  auto started = std::chrono::steady_clock::now();
  const double* moment = calibration_ ? calibration_->collect_moment(layer, kind) : nullptr;
  if (options_.method == QuantizeMethod::kGptq) {
    factor =
        factor_gptq(moment, calibration_->rows(), k, options_.damp, options_.act_order, *pool_);
  }
  const std::vector<std::string>& modules = linear_module_names(config_, kind);
  const std::vector<int64_t> sizes = linear_output_sizes(config_, kind);
  std::vector<ops::LinearWeight> parts;
  for (size_t i = 0; i < modules.size(); ++i) {
    check_cancelled(cancelled_);
    LinearReport linear;
    linear.name = linear_module_path(config_, layer, modules[i]);
    linear.layer = layer;
    linear.n = sizes[i];
    linear.k = k;
    // Refuses a stray one.
    read_bias(checkpoint_, {whole_module(linear.name, linear.n, k)}, config_.bias[kind]);
    const std::vector<float> w =
        read_linear_float32(config_, checkpoint_, linear.name, linear.n, k);
    report_.source_bytes += checkpoint_.find(linear.name + ".weight").bytes;
    const Int4Weight weight = quantize_linear(w, moment, factor ? &*factor : nullptr, linear);
    write_linear(linear.name, weight, writer);
    if (calibration_) parts.push_back(ops::pack_int4(weight));
    const auto now = std::chrono::steady_clock::now();
    linear.seconds = std::chrono::duration<double>(now - started).count();
    started = now;
    report_.linears.push_back(linear);
    listener(linear, {static_cast<int64_t>(report_.linears.size()),
                      static_cast<int64_t>(quantized_.size()), config_.layers});
  }
  if (calibration_) calibration_->replace(layer, kind, std::move(parts));
}

QuantizeReport ModelQuantizer::run(const QuantizeListener& listener) {
  for (int64_t layer = 0; layer < config_.layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      for (const std::string& module : linear_module_names(config_, kind)) {
        quantized_.insert(linear_module_path(config_, layer, module) + ".weight");
      }
    }
  }
  pool_ = std::make_unique<ThreadPool>(options_.threads);
  SafetensorsWriter writer(options_.output_file, declare_tensors());
  if (calibrating()) {
    calibration_ = std::make_unique<Calibration>(config_, checkpoint_, options_.sequences, *pool_,
                                                 options_.isa, cancelled_);
  }
  for (int64_t layer = 0; layer < config_.layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) quantize_kind(layer, kind, writer, listener);
    if (calibration_ && layer + 1 < config_.layers) calibration_->advance(layer);
  }
  copy_other_tensors(writer);
  writer.finish();
  report_.layers = config_.layers;
  report_.sequences = static_cast<int64_t>(options_.sequences.size());
  report_.tokens = calibration_ ? calibration_->rows() : 0;
  report_.file_bytes = writer.file_bytes();
  return std::move(report_);
}

}  // namespace

QuantizeReport quantize_model(const QuantizeOptions& options, const QuantizeListener& listener,
                              const std::atomic<bool>& cancelled) {
  return ModelQuantizer(options, cancelled).run(listener);
}

}  // namespace loadmark
