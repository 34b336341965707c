// A step is one copy in, its kernels, one copy out. Steps in which every sequence decodes are
// graphs, captured for batch sizes of a ladder and padded up to them; steps with pieces of prompts
// are queued kernel by kernel, which their length hides.
#include "engine/cuda_runner.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/clock.h"
#include "base/error.h"
#include "engine/kv_cache.h"

namespace loadmark {
namespace {

using ops::cuda::Activation;
using ops::cuda::AttentionTile;
using ops::cuda::SamplingRow;

// The batch sizes that have graphs: 1, 2, 4, then eights to 64, then 32s.
int64_t padded_batch(int64_t rows) {
  if (rows <= 2) return rows;
  if (rows <= 4) return 4;
  return rows <= 64 ? (rows + 7) / 8 * 8 : (rows + 31) / 32 * 32;
}

// Stop tokens that a step's answers may not begin with: a few a row, as models have.
int64_t banned_capacity(int64_t rows) { return 4 * rows + 64; }

template <class T>
T* at(uint8_t* base, size_t offset) {
  return reinterpret_cast<T*>(base + offset);
}

int device_number(const std::string& device) {
  const size_t colon = device.find(':');
  return colon == std::string::npos ? 0 : std::atoi(device.c_str() + colon + 1);
}

}  // namespace

CudaRunner::CudaRunner(std::unique_ptr<ops::cuda::Gpu> gpu, std::unique_ptr<CudaLlama> model,
                       const EngineOptions& options, const CudaPlan& plan)
    : gpu_(std::move(gpu)),
      model_(std::move(model)),
      max_rows_(padded_batch(plan.sizes.step_rows)),
      logit_rows_(plan.logit_rows) {
  const ModelConfig& config = model_->config();
  tile_tokens_ = ops::cuda::attention_tile_tokens(config.heads, config.kv_heads);
  model_->reserve(max_rows_, options.max_sequence_tokens);
  size_t end = 0;
  const auto place = [&](int64_t count, size_t size) {
    const size_t start = (end + 15) / 16 * 16;
    end = start + static_cast<size_t>(count) * size;
    return start;
  };
  layout_.tokens = place(max_rows_, 4);
  layout_.positions = place(max_rows_, 4);
  layout_.first_page = place(max_rows_, 4);
  layout_.kept = place(max_rows_, 4);
  layout_.sampling = place(max_rows_, sizeof(SamplingRow));
  layout_.banned = place(banned_capacity(max_rows_), 4);
  // Tiles: full ones, and one more for each sequence of a step.
  layout_.tiles = place(2 * max_rows_, sizeof(AttentionTile));
  layout_.pages = place(plan.step_pages, 4);
  layout_.bytes = end;
  input_ = ops::cuda::DeviceBuffer(layout_.bytes);
  logits_ = ops::cuda::DeviceBuffer(
      static_cast<size_t>(padded_batch(logit_rows_) * config.vocab_size) * sizeof(float));
  tokens_ = ops::cuda::DeviceBuffer(static_cast<size_t>(max_rows_) * 4);
  ops::cuda::fill_bytes(gpu_->stream(), tokens_.as<void>(), 0, tokens_.size());
  for (Begun& step : steps_) {
    step.input = ops::cuda::PinnedBuffer(layout_.bytes);
    step.tokens = ops::cuda::PinnedBuffer(static_cast<size_t>(max_rows_) * 4);
  }
  kv_token_bytes_ = KvCache::token_bytes(config, options.kv_type) / config.layers;
  const int64_t layer_bytes = plan.sizes.kv_bytes / config.layers;
  kv_memory_ = ops::cuda::DeviceBuffer(static_cast<size_t>(layer_bytes * config.layers));
  ops::cuda::fill_bytes(gpu_->stream(), kv_memory_.as<void>(), 0, kv_memory_.size());
  const bool float8 = options.kv_type == ops::KvType::kFloat8;
  const int64_t vectors = plan.sizes.kv_pages * options.page_tokens * config.kv_heads;
  const int64_t matrix_bytes = vectors * config.head_dim * (float8 ? 1 : 2);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    uint8_t* base = kv_memory_.as<uint8_t>() + layer * layer_bytes;
    auto* scales = reinterpret_cast<float*>(base + 2 * matrix_bytes);
    kv_.push_back({base, base + matrix_bytes, float8 ? scales : nullptr,
                   float8 ? scales + vectors : nullptr,
                   float8 ? ops::cuda::KvStorage::kFloat8 : ops::cuda::KvStorage::kActivation,
                   options.page_tokens, config.kv_heads, config.head_dim});
  }
  gpu_->synchronize();
}

CudaRunner::~CudaRunner() {
  try {
    gpu_->make_current();
    gpu_->synchronize();
  } catch (const Error&) {
    // The device has failed; its memory goes with the process.
  }
}

void CudaRunner::begin(const Batch& batch) {
  gpu_->make_current();
  Begun& begun = steps_[begun_ % 2];
  Span& span = spans_[begun_ % 4];
  begun.follows = begun_ > finished_;
  ++begun_;
  begun.logit_rows = static_cast<int64_t>(batch.logit_rows().size());
  begun.targets = static_cast<int64_t>(batch.targets().size());
  begun.logits.clear();
  const size_t bytes = write_input(batch, begun);
  span.start.record(gpu_->stream());
  ops::cuda::copy_to_device(gpu_->stream(), input_.as<void>(), begun.input.as<void>(), bytes);
  const int64_t rows = batch.rows();
  const bool special =
      std::any_of(batch.logit_rows().begin(), batch.logit_rows().end(),
                  [](const Batch::LogitRow& row) { return row.kind != Sequence::Kind::kGenerate; });
  if (!special && banned_fit_ && !gpu_->profiling() && tile_count_ == 0 &&
      begun.logit_rows == rows) {
    queue_decode(padded_batch(rows));
  } else {
    queue_mixed(batch, begun);
  }
  if (begun.logit_rows > 0) {
    ops::cuda::copy_to_host(gpu_->stream(), begun.tokens.as<void>(), tokens_.as<void>(),
                            static_cast<size_t>(begun.logit_rows) * 4);
  }
  span.done.record(gpu_->stream());
}

size_t CudaRunner::write_input(const Batch& batch, Begun& begun) {
  auto* base = begun.input.as<uint8_t>();
  const int64_t rows = batch.rows();
  const auto copy = [&](size_t offset, const std::vector<int32_t>& values) {
    if (!values.empty()) std::memcpy(base + offset, values.data(), values.size() * 4);
  };
  copy(layout_.tokens, batch.tokens());
  copy(layout_.positions, batch.positions());
  copy(layout_.kept, batch.kept_rows());
  auto* first_page = at<int32_t>(base, layout_.first_page);
  auto* pages = at<int32_t>(base, layout_.pages);
  auto* tiles = at<AttentionTile>(base, layout_.tiles);
  int32_t page_count = 0;
  tile_count_ = decode_rows_ = 0;
  bool decoding = true;  // leading rows, one a sequence
  for (const Batch::Run& run : batch.runs()) {
    // Pages up to the run's last row: what comes after is of steps to come.
    const int64_t last = batch.positions()[static_cast<size_t>(run.first_row + run.rows - 1)];
    const auto used = static_cast<size_t>(last / kv_.front().page_tokens + 1);
    std::memcpy(pages + page_count, run.sequence->pages.data(), used * 4);
    for (int64_t row = 0; row < run.rows; ++row) first_page[run.first_row + row] = page_count;
    page_count += static_cast<int32_t>(used);
    decoding = decoding && run.rows == 1;
    if (decoding) {
      ++decode_rows_;
      continue;
    }
    for (int64_t row = 0; row < run.rows; row += tile_tokens_) {
      tiles[tile_count_++] = {static_cast<int32_t>(run.first_row + row),
                              static_cast<int32_t>(std::min(tile_tokens_, run.rows - row))};
    }
  }
  write_sampling(batch, base);
  pad_decode(base, rows, std::min(padded_batch(rows), max_rows_));
  return layout_.pages + static_cast<size_t>(page_count) * 4;
}

void CudaRunner::write_sampling(const Batch& batch, uint8_t* input) {
  auto* sampling = at<SamplingRow>(input, layout_.sampling);
  auto* banned = at<int32_t>(input, layout_.banned);
  const auto capacity = static_cast<size_t>(banned_capacity(max_rows_));
  size_t used = 0;
  banned_fit_ = true;
  for (size_t i = 0; i < batch.logit_rows().size(); ++i) {
    const Batch::LogitRow& row = batch.logit_rows()[i];
    const bool draws = row.kind == Sequence::Kind::kGenerate;
    sampling[i] = {draws ? row.sampling.temperature : 0,
                   row.sampling.top_p,
                   row.sampling.seed,
                   row.draw,
                   row.sampling.top_k,
                   0,
                   0,
                   0};
    if (row.banned.empty()) continue;
    if (used + row.banned.size() > capacity) banned_fit_ = false;
    if (!banned_fit_) continue;
    std::copy(row.banned.begin(), row.banned.end(), banned + used);
    sampling[i].first_banned = static_cast<int32_t>(used);
    sampling[i].banned = static_cast<int32_t>(row.banned.size());
    used += row.banned.size();
  }
}

// Rows that only fill a graph's batch up: position -1, so nothing reads or writes for them.
void CudaRunner::pad_decode(uint8_t* input, int64_t rows, int64_t padded) {
  for (int64_t row = rows; row < padded; ++row) {
    at<int32_t>(input, layout_.tokens)[row] = 0;
    at<int32_t>(input, layout_.positions)[row] = -1;
    at<int32_t>(input, layout_.first_page)[row] = 0;
    if (tile_count_ > 0) continue;
    at<int32_t>(input, layout_.kept)[row] = static_cast<int32_t>(row);
    at<SamplingRow>(input, layout_.sampling)[row] = {};
  }
}

CudaStep CudaRunner::device_step(int64_t rows, int64_t decode_rows, int64_t tiles) const {
  auto* base = input_.as<uint8_t>();
  return {at<int32_t>(base, layout_.tokens),
          tokens_.as<int32_t>(),
          {at<int32_t>(base, layout_.positions), at<int32_t>(base, layout_.first_page),
           at<int32_t>(base, layout_.pages), rows},
          decode_rows,
          at<AttentionTile>(base, layout_.tiles),
          tiles};
}

void CudaRunner::queue_decode(int64_t rows) {
  ops::cuda::Graph& graph = decode_graphs_[rows];
  if (graph.empty()) {
    const CudaStep step = device_step(rows, rows, 0);
    const auto queue = [&] {
      auto* base = input_.as<uint8_t>();
      model_->run(step, kv_);
      for (int64_t first = 0; first < rows; first += logit_rows_) {
        const int64_t count = std::min(logit_rows_, rows - first);
        model_->head(at<int32_t>(base, layout_.kept) + first, count, logits_.as<float>());
        ops::cuda::choose_tokens(*gpu_, logits_.as<float>(),
                                 at<SamplingRow>(base, layout_.sampling) + first,
                                 at<int32_t>(base, layout_.banned), count,
                                 model_->config().vocab_size, tokens_.as<int32_t>() + first);
      }
    };
    ops::cuda::Graph::begin(gpu_->stream());
    try {
      queue();
    } catch (...) {
      ops::cuda::Graph::abandon(gpu_->stream());
      throw;
    }
    graph = ops::cuda::Graph::end(gpu_->stream());
  }
  graph.launch(gpu_->stream());
}

void CudaRunner::queue_mixed(const Batch& batch, Begun& begun) {
  auto* base = input_.as<uint8_t>();
  const int64_t vocab = model_->config().vocab_size;
  CudaStep step = device_step(batch.rows(), decode_rows_, tile_count_);
  for (int64_t row = 0; row < decode_rows_; ++row) {
    step.decode_kv_bytes += static_cast<double>(batch.positions()[static_cast<size_t>(row)] + 1) *
                            static_cast<double>(kv_token_bytes_);
  }
  model_->run(step, kv_);
  // Targets are rare, and so are more banned tokens than the input has room for: they get memory of
  // their own, and the step is waited for.
  std::vector<int32_t> banned, target_rows;
  std::vector<SamplingRow> sampling;
  auto* pinned = begun.input.as<uint8_t>();
  for (size_t i = 0; i < batch.logit_rows().size(); ++i) {
    const Batch::LogitRow& row = batch.logit_rows()[i];
    SamplingRow& terms = at<SamplingRow>(pinned, layout_.sampling)[i];
    terms.first_banned = static_cast<int32_t>(banned.size());
    terms.banned = static_cast<int32_t>(row.banned.size());
    banned.insert(banned.end(), row.banned.begin(), row.banned.end());
    sampling.push_back(terms);
    for (int64_t j = 0; j < row.target_count; ++j)
      target_rows.push_back(static_cast<int32_t>(static_cast<int64_t>(i) % logit_rows_));
  }
  ops::cuda::DeviceBuffer banned_memory, target_memory;
  if (!banned_fit_) {
    banned_memory = ops::cuda::upload(banned.data(), banned.size() * 4);
    ops::cuda::copy_to_device(gpu_->stream(), base + layout_.sampling, sampling.data(),
                              sampling.size() * sizeof(SamplingRow));
  }
  if (begun.targets > 0) {
    std::vector<int32_t> both = target_rows;
    both.insert(both.end(), batch.targets().begin(), batch.targets().end());
    target_memory = ops::cuda::upload(both.data(), both.size() * 4);
    if (log_probs_.size() < static_cast<size_t>(begun.targets) * 8) {
      gpu_->synchronize();
      log_probs_ = ops::cuda::DeviceBuffer(static_cast<size_t>(begun.targets) * 8);
    }
    begun.log_probs = ops::cuda::PinnedBuffer(static_cast<size_t>(begun.targets) * 8);
  }
  for (int64_t first = 0; first < begun.logit_rows; first += logit_rows_) {
    const int64_t count = std::min(logit_rows_, begun.logit_rows - first);
    model_->head(at<int32_t>(base, layout_.kept) + first, count, logits_.as<float>());
    ops::cuda::choose_tokens(
        *gpu_, logits_.as<float>(), at<SamplingRow>(base, layout_.sampling) + first,
        banned_fit_ ? at<int32_t>(base, layout_.banned) : banned_memory.as<int32_t>(), count, vocab,
        tokens_.as<int32_t>() + first);
    const Batch::LogitRow* wanted = batch.logit_rows().data() + first;
    const int64_t first_target = begun.targets > 0 ? wanted[0].first_target : 0;
    int64_t targets = 0;
    for (int64_t row = 0; row < count; ++row) targets += wanted[row].target_count;
    if (targets > 0) {
      const auto* rows = target_memory.as<int32_t>() + first_target;
      ops::cuda::log_probability(*gpu_, logits_.as<float>(), vocab, rows, rows + begun.targets,
                                 targets, log_probs_.as<double>() + first_target);
    }
    for (int64_t row = 0; row < count; ++row) {
      if (wanted[row].kind != Sequence::Kind::kLogits) continue;
      begun.logits.resize(begun.logits.size() + static_cast<size_t>(vocab));
      ops::cuda::copy_to_host(gpu_->stream(), begun.logits.data() + begun.logits.size() - vocab,
                              logits_.as<float>() + row * vocab,
                              static_cast<size_t>(vocab) * sizeof(float));
      gpu_->synchronize();  // the vector moves as it grows
    }
  }
  if (begun.targets > 0) {
    ops::cuda::copy_to_host(gpu_->stream(), begun.log_probs.as<void>(), log_probs_.as<void>(),
                            static_cast<size_t>(begun.targets) * 8);
  }
  if (!banned_fit_ || begun.targets > 0) gpu_->synchronize();  // before that memory goes
}

void CudaRunner::start_profile() {
  gpu_->make_current();
  gpu_->start_profile();
}

std::vector<ops::KernelTime> CudaRunner::take_profile() {
  gpu_->make_current();
  return gpu_->take_profile();
}

const StepResults& CudaRunner::finish() {
  gpu_->make_current();
  Begun& begun = steps_[finished_ % 2];
  const Span &span = spans_[finished_ % 4], &before = spans_[(finished_ + 3) % 4];
  ++finished_;
  span.done.wait();
  results_.timestamp_ns = monotonic_ns();
  const auto nanoseconds = [](float milliseconds) {
    return static_cast<int64_t>(1e6 * static_cast<double>(milliseconds));
  };
  results_.device_ns = nanoseconds(span.done.milliseconds_since(span.start));
  results_.device_gap_ns =
      begun.follows ? nanoseconds(span.start.milliseconds_since(before.done)) : 0;
  const auto* tokens = begun.tokens.as<int32_t>();
  results_.tokens.assign(tokens, tokens + begun.logit_rows);
  const auto* log_probs = begun.log_probs.as<double>();
  results_.log_probs.assign(log_probs, log_probs + begun.targets);
  results_.logits.swap(begun.logits);
  return results_;
}

LoadedRunner load_cuda_runner(const EngineOptions& options) {
  const Activation activation = check_cuda_options(options);
  auto gpu = std::make_unique<ops::cuda::Gpu>(device_number(options.device));
  std::unique_ptr<CudaLlama> model;
  if (const auto synthetic = parse_synthetic_model(options.model_path)) {
    check_cuda_model(synthetic->config);
    plan_engine(options, synthetic->config);  // refuses options before anything is made
    model = std::make_unique<CudaLlama>(*gpu, activation, *synthetic);
  } else {
    const ModelConfig config = read_model_config(options.model_path);
    check_cuda_model(config);
    plan_engine(options, config);
    model =
        std::make_unique<CudaLlama>(*gpu, activation, options.model_path, options.weight_format);
  }
  const CudaPlan plan =
      plan_cuda(options, model->config(), model->weight_bytes(), gpu->free_bytes());
  require_page_numbers(options, plan.sizes);
  LoadedRunner loaded;
  loaded.info = describe_sizes(options, model->config(), plan.sizes);
  loaded.info.parameters = model->parameters();
  loaded.info.weight_format = model->format();
  loaded.info.weight_bytes = model->weight_bytes();
  loaded.info.weight_bytes_per_token = model->weight_bytes_per_token();
  loaded.info.planned_bytes = model->weight_bytes() + plan.step_bytes + plan.sizes.kv_bytes;
  loaded.info.instruction_set = "sm_" + std::to_string(gpu->architecture());
  loaded.info.kernels = model->kernels(plan.sizes.step_rows);
  loaded.step_rows = plan.sizes.step_rows;
  loaded.runner = std::make_unique<CudaRunner>(std::move(gpu), std::move(model), options, plan);
  return loaded;
}

}  // namespace loadmark
