#include "telemetry/sampler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "telemetry/gpu_source.h"
#include "telemetry/host_source.h"
#include "telemetry/rapl_source.h"

namespace loadmark::telemetry {

Sampler::Sampler(const SamplerOptions& options)
    : period_ns_(static_cast<int64_t>(options.period_ms * 1e6)) {
  if (period_ns_ < 1'000'000 || options.ring_rows < 2) {
    throw Error(kBadArgument, "telemetry every " + std::to_string(options.period_ms) + " ms into " +
                                  std::to_string(options.ring_rows) +
                                  " rows; allowed: at least 1 ms and 2 rows");
  }
  if (options.samples_gpus) {
    auto gpus = std::make_unique<GpuSource>(options.nvml_library, options.pci_bus_ids);
    driver_ = gpus->driver();
    add_source(std::move(gpus));
  }
  add_source(std::make_unique<RaplSource>(options.powercap_folder));
  add_source(std::make_unique<HostSource>(options.cpu_folder));
  rows_ = options.ring_rows;
  ring_.resize(static_cast<size_t>(rows_) * width_);
  row_.resize(width_);
  thread_ = std::thread([this] { work(); });
}

void Sampler::add_source(std::unique_ptr<Source> source) {
  for (const Device& device : source->devices()) {
    devices_.push_back(device);
    width_ += device.channels.size();
  }
  absences_.insert(absences_.end(), source->absences().begin(), source->absences().end());
  sources_.push_back(std::move(source));
}

void Sampler::work() {
  int64_t due_ns = monotonic_ns();
  for (;;) {
    sample_row();
    std::unique_lock<std::mutex> lock(mutex_);
    const int64_t now_ns = monotonic_ns();
    // A sample that came too late is not made up for: the gap shows in the times.
    if (due_ns <= now_ns) due_ns += period_ns_ * ((now_ns - due_ns) / period_ns_ + 1);
    const std::chrono::steady_clock::time_point due{std::chrono::nanoseconds(due_ns)};
    wake_.wait_until(lock, due, [this] { return stopping_ || is_asked_; });
    if (stopping_) return;
    is_asked_ = false;
  }
}

void Sampler::sample_row() {
  const int64_t start_ns = monotonic_ns();
  double* values = row_.data() + kTimes;
  for (const std::unique_ptr<Source>& source : sources_) {
    source->sample(values, faults_);
    for (const Device& device : source->devices()) values += device.channels.size();
  }
  row_[0] = static_cast<double>(start_ns);
  row_[1] = static_cast<double>(monotonic_ns() - start_ns);
  const std::lock_guard<std::mutex> lock(mutex_);
  std::copy(row_.begin(), row_.end(),
            ring_.begin() + (written_ % rows_) * static_cast<int64_t>(width_));
  ++written_;
  if (written_ - taken_ > rows_) {
    ++taken_;
    ++lost_;
  }
}

void Sampler::sample_soon() {
  const std::lock_guard<std::mutex> lock(mutex_);
  is_asked_ = true;
  wake_.notify_one();
}

std::vector<double> Sampler::take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<double> rows;
  rows.reserve(static_cast<size_t>(written_ - taken_) * width_);
  for (; taken_ < written_; ++taken_) {
    const auto row = ring_.begin() + (taken_ % rows_) * static_cast<int64_t>(width_);
    rows.insert(rows.end(), row, row + static_cast<int64_t>(width_));
  }
  return rows;
}

std::vector<double> Sampler::latest() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (written_ == 0) return {};
  const auto row = ring_.begin() + ((written_ - 1) % rows_) * static_cast<int64_t>(width_);
  return {row, row + static_cast<int64_t>(width_)};
}

int64_t Sampler::lost_rows() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return lost_;
}

void Sampler::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace loadmark::telemetry
