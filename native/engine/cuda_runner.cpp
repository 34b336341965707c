// A step is one copy in, its kernels, one copy out. Steps in which every sequence decodes are
// graphs, captured for batch sizes of a ladder (at load, up to max_batch) and padded up to them, or
// the same kernels over the same rows one by one where graphs are off; steps with pieces of prompts
// are queued kernel by kernel, which their length hides.
#include "engine/cuda_runner.h"

#include <algorithm>

#include "base/clock.h"
#include "engine/batch_ladder.h"
#include "ops/cuda/trap.h"

namespace loadmark {
namespace {

bool is_greedy(const Batch::LogitRow& row) {
  return row.kind == Sequence::Kind::kGenerate && !(row.sampling.temperature > 0);
}

size_t float_bytes(int64_t count) { return static_cast<size_t>(count) * sizeof(float); }

}  // namespace

CudaRunner::CudaRunner(std::unique_ptr<ops::cuda::Gpu> gpu, std::unique_ptr<CudaLlama> model,
                       int64_t vocab, const EngineOptions& options, const GpuPlan& plan,
                       ops::cuda::Collective* collective)
    : gpu_(std::move(gpu)),
      model_(std::move(model)),
      collective_(collective),
      vocab_(vocab),
      max_rows_(plan.step_rows),
      logit_rows_(plan.logit_rows),
      uses_graphs_(options.cuda_graphs),
      input_({max_rows_, plan.step_pages, options.page_tokens,
              ops::cuda::attention_tile_tokens(model_->config().heads, model_->config().kv_heads)}),
      kv_(model_->config(), options.kv_type, options.page_tokens, plan.sizes.kv_pages),
      targets_(*gpu_, max_rows_) {
  const int64_t block_rows = padded_batch(logit_rows_);
  model_->join(collective);
  model_->reserve(max_rows_, options.max_sequence_tokens);
  logits_ = ops::cuda::DeviceBuffer(float_bytes(block_rows * model_->head_tokens()));
  if (collective_ != nullptr) {
    best_logits_ = ops::cuda::DeviceBuffer(float_bytes(block_rows));
    best_tokens_ = ops::cuda::DeviceBuffer(static_cast<size_t>(block_rows) * sizeof(int32_t));
    whole_logits_ = ops::cuda::DeviceBuffer(float_bytes(block_rows * vocab_));
  }
  tokens_ = ops::cuda::DeviceBuffer(static_cast<size_t>(max_rows_) * 4);
  ops::cuda::fill_bytes(gpu_->stream(), tokens_.as<void>(), 0, tokens_.size());
  kv_.clear(gpu_->stream());
  for (Begun& step : steps_) {
    step.input = ops::cuda::PinnedBuffer(input_.bytes());
    step.tokens = ops::cuda::PinnedBuffer(static_cast<size_t>(max_rows_) * 4);
    step.targets = targets_.make_pinned();
  }
  const int64_t most_rows = padded_batch(std::min(options.max_batch, plan.sizes.step_rows));
  auto* host = steps_[0].input.as<uint8_t>();
  input_.copy(gpu_->stream(), host, input_.write_padding(most_rows, host));
  gpu_->synchronize();
}

CudaRunner::~CudaRunner() { drain(); }

void CudaRunner::drain() const noexcept {
  try {
    gpu_->make_current();
    gpu_->synchronize();
  } catch (const Error&) {
    // The device has failed; its memory goes with the process.
  }
}

void CudaRunner::begin(const Batch& batch) {
  Begun& begun = steps_[begun_ % 2];
  begun.follows = begun_ > finished_;
  begun.step = {static_cast<int64_t>(++begun_)};
  try {
    gpu_->make_current();
    queue(batch, begun);
  } catch (const Error& error) {
    rethrow(error);
  }
}

void CudaRunner::rethrow(const Error& error) const {
  // A profiled step's kernels are waited for: the message has the name.
  if (std::string(error.code()) != kEngineBroken || gpu_->profiling()) throw error;
  std::vector<GpuStep> under_way;
  for (size_t step = finished_; step < begun_; ++step) under_way.push_back(steps_[step % 2].step);
  throw Error(error.code(), describe_fault(error.what(), under_way));
}

void CudaRunner::queue(const Batch& batch, Begun& begun) {
  Span& span = spans_[(begun_ - 1) % 4];
  const int64_t rows = batch.rows();
  begun.logit_rows = static_cast<int64_t>(batch.logit_rows().size());
  begun.targets.count = 0;
  begun.logits = {};
  auto* host = begun.input.as<uint8_t>();
  const CudaStepInput::Written written = input_.write(batch, host);
  begun.step.decode_rows = written.decode_rows;
  begun.step.prompt_rows = rows - written.decode_rows;
  span.start.record(gpu_->stream());
  input_.copy(gpu_->stream(), host, written.bytes);
  const bool generates =
      std::all_of(batch.logit_rows().begin(), batch.logit_rows().end(),
                  [](const Batch::LogitRow& row) { return row.kind == Sequence::Kind::kGenerate; });
  if (generates && written.banned_apart.empty() && written.tiles == 0 && begun.logit_rows == rows &&
      !gpu_->profiling()) {
    const int64_t padded = padded_batch(rows);
    if (uses_graphs_) {
      begun.step.is_graph = true;
      begun.step.decode_rows = padded;
      launch_graph(padded, wants_whole(batch));
    } else {
      queue_decode(padded, wants_whole(batch));
    }
  } else {
    queue_mixed(batch, written, begun);
  }
  if (begun.logit_rows > 0) {
    ops::cuda::copy_to_host(gpu_->stream(), begun.tokens.as<void>(), tokens_.as<void>(),
                            static_cast<size_t>(begun.logit_rows) * 4);
  }
  span.done.record(gpu_->stream());
}

bool CudaRunner::wants_whole(const Batch& batch) const {
  return collective_ != nullptr &&
         !std::all_of(batch.logit_rows().begin(), batch.logit_rows().end(), is_greedy);
}

const float* CudaRunner::whole_logits() const {
  return collective_ == nullptr ? logits_.as<float>() : whole_logits_.as<float>();
}

void CudaRunner::queue_tokens(int64_t first, int64_t count, const int32_t* banned, bool whole) {
  auto *logits = logits_.as<float>(), *best = best_logits_.as<float>();
  auto *best_tokens = best_tokens_.as<int32_t>(), *tokens = tokens_.as<int32_t>() + first;
  const ops::cuda::SamplingRow* sampling = input_.sampling() + first;
  model_->head(input_.kept() + first, count, logits);
  if (collective_ != nullptr && !whole) {
    ops::cuda::best_tokens(*gpu_, logits, sampling, banned, count, model_->head_tokens(),
                           model_->first_token(), best, best_tokens);
    return collective_->choose_across(best, best_tokens, count, tokens);
  }
  if (collective_ != nullptr) {
    collective_->gather_columns(logits, count, model_->head_tokens(), whole_logits_.as<float>());
    logits = whole_logits_.as<float>();
  }
  ops::cuda::choose_tokens(*gpu_, logits, sampling, banned, count, vocab_, tokens);
}

// A rung takes its step once, to have its kernels loaded.
void CudaRunner::prepare_decode(int64_t rows) {
  try {
    gpu_->make_current();
    gpu_->start_profile();  // waits for each kernel: one that fails is named
    queue_decode(rows, false);
    if (collective_ != nullptr) queue_decode(rows, true);
    gpu_->take_profile();
    if (!uses_graphs_) return;
    const int64_t free_before = gpu_->free_bytes();
    decode_graphs_[{rows, false}] = capture_decode(rows, false);
    graph_bytes_ += std::max<int64_t>(0, free_before - gpu_->free_bytes());
    most_graph_rows_ = rows;
    ++graphs_at_load_;
  } catch (const Error& error) {
    rethrow(error);
  }
}

std::string CudaRunner::describe_graphs() const {
  if (!uses_graphs_) return "off";
  return std::to_string(graphs_at_load_) + " of 1 to " + std::to_string(most_graph_rows_) +
         " rows, " + std::to_string(graph_bytes_ >> 20) + " MiB";
}

void CudaRunner::queue_decode(int64_t rows, bool whole) {
  model_->run(input_.step(rows, rows, 0, tokens_.as<int32_t>()), kv_.layers());
  for (int64_t first = 0; first < rows; first += logit_rows_)
    queue_tokens(first, std::min(logit_rows_, rows - first), input_.banned(), whole);
}

ops::cuda::Graph CudaRunner::capture_decode(int64_t rows, bool whole) {
  gpu_->settle();  // a graph that is made may wait for its device as code does that is loaded
  ops::cuda::Graph::begin(gpu_->stream());
  try {
    queue_decode(rows, whole);
  } catch (...) {
    ops::cuda::Graph::abandon(gpu_->stream());
    throw;
  }
  return ops::cuda::Graph::end(gpu_->stream());
}

void CudaRunner::launch_graph(int64_t rows, bool whole) {
  ops::cuda::Graph& graph = decode_graphs_[{rows, whole}];
  if (graph.empty()) graph = capture_decode(rows, whole);
  graph.launch(gpu_->stream());
}

void CudaRunner::queue_mixed(const Batch& batch, const CudaStepInput::Written& written,
                             Begun& begun) {
  CudaStep step =
      input_.step(batch.rows(), written.decode_rows, written.tiles, tokens_.as<int32_t>());
  if (gpu_->profiling()) step.decode_kv_bytes = read_kv_bytes(batch, written.decode_rows);
  model_->run(step, kv_.layers());
  // More banned tokens than the input has room for are rare: they get memory of their own, and the
  // step is waited for.
  ops::cuda::DeviceBuffer banned_apart;
  const std::vector<int32_t>& apart = written.banned_apart;
  if (!apart.empty()) {
    banned_apart =
        ops::cuda::upload_in_order(gpu_->stream(), apart.data(), apart.size() * sizeof(int32_t));
  }
  const bool whole = wants_whole(batch);
  const auto copied =
      std::count_if(batch.logit_rows().begin(), batch.logit_rows().end(),
                    [](const Batch::LogitRow& row) { return row.kind == Sequence::Kind::kLogits; });
  if (answers()) {
    targets_.write(batch, logit_rows_, begun.targets);
    begun.logits.resize(static_cast<size_t>(copied * vocab_));  // for finish() to take
  }
  float* to = begun.logits.data();
  for (int64_t first = 0; first < begun.logit_rows; first += logit_rows_) {
    const int64_t count = std::min(logit_rows_, begun.logit_rows - first);
    queue_tokens(first, count, apart.empty() ? input_.banned() : banned_apart.as<int32_t>(), whole);
    if (!answers()) continue;
    targets_.score(batch, first, count, whole_logits(), vocab_);
    fetch_logits(batch, first, count, &to);
  }
  targets_.fetch(begun.targets);
  if (!apart.empty()) gpu_->synchronize();
}

std::vector<double> CudaRunner::read_kv_bytes(const Batch& batch, int64_t rows) const {
  const ModelConfig& config = model_->config();
  std::vector<double> bytes(static_cast<size_t>(config.layers));
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    const int64_t window = config.window(layer);
    int64_t positions = 0;
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t seen = batch.positions()[static_cast<size_t>(row)] + 1;
      positions += window == 0 ? seen : std::min(seen, window);
    }
    bytes[static_cast<size_t>(layer)] =
        static_cast<double>(positions) * static_cast<double>(kv_.token_bytes());
  }
  return bytes;
}

void CudaRunner::fetch_logits(const Batch& batch, int64_t first, int64_t count, float** to) {
  for (int64_t row = 0; row < count; ++row) {
    if (batch.logit_rows()[static_cast<size_t>(first + row)].kind != Sequence::Kind::kLogits)
      continue;
    ops::cuda::copy_to_host(gpu_->stream(), *to, whole_logits() + row * vocab_,
                            float_bytes(vocab_));
    *to += vocab_;
  }
}

void CudaRunner::start_profile() {
  try {
    gpu_->make_current();
    gpu_->start_profile();
  } catch (const Error& error) {
    rethrow(error);
  }
}

std::vector<ops::KernelTime> CudaRunner::take_profile() {
  gpu_->make_current();
  return gpu_->take_profile();
}

void CudaRunner::fail(FaultKind kind) const {
  if (kind == FaultKind::kOutOfMemory) ops::cuda::DeviceBuffer(size_t{1} << 50);
  if (kind == FaultKind::kDeviceFault) ops::cuda::trap(*gpu_);
  fail_here(kind, static_cast<int64_t>(finished_) + 1);
}

StepResults& CudaRunner::finish() {
  Begun& begun = steps_[finished_ % 2];
  const Span &span = spans_[finished_ % 4], &before = spans_[(finished_ + 3) % 4];
  const auto nanoseconds = [](float milliseconds) {
    return static_cast<int64_t>(1e6 * static_cast<double>(milliseconds));
  };
  try {
    gpu_->make_current();
    if (fault_) fail(*fault_);
    span.done.wait();
    results_.timestamp_ns = monotonic_ns();
    results_.device_ns = nanoseconds(span.done.milliseconds_since(span.start));
    results_.device_gap_ns =
        begun.follows ? nanoseconds(span.start.milliseconds_since(before.done)) : 0;
    results_.rank_device_ns.assign(1, results_.device_ns);
  } catch (const Error& error) {
    rethrow(error);
  }
  ++finished_;
  const auto* tokens = begun.tokens.as<int32_t>();
  results_.tokens.assign(tokens, tokens + begun.logit_rows);
  const auto* log_probs = begun.targets.log_probs.as<double>();
  results_.log_probs.assign(log_probs, log_probs + begun.targets.count);
  results_.logits = std::move(begun.logits);
  return results_;
}

}  // namespace loadmark
