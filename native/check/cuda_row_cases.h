// Operators over rows, attention and the choice of tokens on the GPU, against their CPU twins.
#pragma once

#include <numeric>

#include "check/cuda_cases.h"
#include "engine/sampler.h"

namespace loadmark::check {

inline void check_gpu_rows(const GpuCases& c) {
  using gpu_ops::Activation;
  for (const Activation activation : {Activation::kFloat16, Activation::kBFloat16}) {
    const double unit = rounding_of(activation);
    for (const int64_t dim : {8, 136, 1000, 4096}) {
      for (const int64_t rows : {1, 7, 65}) {
        const std::string what = std::string("gpu ") + gpu_ops::activation_name(activation) +
                                 " rows " + std::to_string(rows) + " dim " + std::to_string(dim);
        std::vector<float> x = c.cases.normal(rows * dim, 3.0f), weight = c.cases.normal(dim);
        std::vector<int32_t> order(static_cast<size_t>(rows));
        for (int32_t& row : order) row = static_cast<int32_t>(c.cases.below(rows));
        std::vector<float> gathered, y(x.size());
        for (const int32_t row : order)
          gathered.insert(gathered.end(), x.begin() + row * dim, x.begin() + (row + 1) * dim);
        ops::rmsnorm(c.cpu, gathered.data(), weight.data(), 1e-5f, rows, dim, y.data());
        const auto gpu_x = to_gpu(x), gpu_weight = to_gpu(weight), gpu_order = to_gpu(order);
        const Poisoned out(c, y.size() * 2);
        gpu_ops::rmsnorm(c.gpu, activation, gpu_x.as<float>(), gpu_order.as<int32_t>(),
                         gpu_weight.as<float>(), 1e-5f, rows, dim, out.data());
        c.report.near(what + " rmsnorm", from_bits(activation, out.take<uint16_t>(c, what)),
                      std::vector<double>(y.begin(), y.end()),
                      [&](size_t i) { return 1e-6 + 1.1 * unit * std::fabs(double{y[i]}); });

        std::vector<float> gate_up = c.cases.normal(rows * 2 * dim, 2.0f);
        for (float& value : gate_up) value = round_activation(activation, value);
        ops::silu_mul(c.cpu, gate_up.data(), rows, dim, y.data());
        const auto gpu_gate_up = to_gpu(to_bits(activation, gate_up));
        const Poisoned product(c, y.size() * 2);
        gpu_ops::silu_mul(c.gpu, activation, gpu_gate_up.as<void>(), rows, dim, product.data());
        c.report.near(what + " silu_mul", from_bits(activation, product.take<uint16_t>(c, what)),
                      std::vector<double>(y.begin(), y.end()),
                      [&](size_t i) { return 1e-5 + 1.1 * unit * std::fabs(double{y[i]}); });
      }
    }
    const int64_t vocab = 50, dim = 72;
    const std::vector<uint16_t> table = to_bits(activation, c.cases.normal(vocab * dim));
    const std::vector<int32_t> tokens = {3, -1, 49, -2, 0}, previous = {7, 11};
    const auto gpu_table = to_gpu(table), gpu_tokens = to_gpu(tokens), gpu_prev = to_gpu(previous);
    const Poisoned out(c, tokens.size() * dim * 4);
    gpu_ops::embedding(
        c.gpu, gpu_table.as<void>(),
        activation == Activation::kFloat16 ? ops::WeightType::kFloat16 : ops::WeightType::kBFloat16,
        gpu_tokens.as<int32_t>(), gpu_prev.as<int32_t>(), 5, dim, static_cast<float*>(out.data()));
    const std::vector<float> values = from_bits(activation, table);
    const std::vector<float> got = out.take<float>(c, "gpu embedding");
    const int64_t meant[] = {3, 7, 49, 11, 0};
    for (int64_t row = 0; row < 5; ++row)
      c.report.same_bits("gpu embedding", got.data() + row * dim, values.data() + meant[row] * dim,
                         static_cast<size_t>(dim));
  }
}

struct AttentionShape {
  int64_t heads, kv_heads, head_dim, page_tokens;
};
struct AttentionSequence {
  int64_t past, rows;
};

// The last `rows` tokens of each sequence against all of them; sequences of one row come first.
inline void check_gpu_attention_case(const GpuCases& c, gpu_ops::Activation activation, bool float8,
                                     const AttentionShape& shape,
                                     const std::vector<AttentionSequence>& sequences,
                                     const gpu_ops::DeviceBuffer& scratch) {
  const double unit = rounding_of(activation);
  const int64_t all_heads = shape.heads + 2 * shape.kv_heads, width = all_heads * shape.head_dim;
  std::string what = std::string("gpu attention ") + gpu_ops::activation_name(activation) +
                     (float8 ? " fp8" : "") + " heads " + std::to_string(shape.heads) + "/" +
                     std::to_string(shape.kv_heads) + " x " + std::to_string(shape.head_dim) +
                     " page " + std::to_string(shape.page_tokens) + ":";
  int64_t tokens = 0, pages = 3, longest = 0;
  for (const auto& s : sequences) {
    tokens += s.past + s.rows;
    longest = std::max(longest, s.past + s.rows);
    pages += (s.past + s.rows + shape.page_tokens - 1) / shape.page_tokens;
    what += " " + std::to_string(s.past) + "+" + std::to_string(s.rows);
  }
  std::vector<int32_t> free_pages(static_cast<size_t>(pages));
  std::iota(free_pages.begin(), free_pages.end(), 0);
  std::shuffle(free_pages.begin(), free_pages.end(), c.cases.random);
  std::vector<float> qkv = c.cases.normal(tokens * width);
  for (float& value : qkv) value = round_activation(activation, value);
  std::vector<int32_t> positions, first_page, page_list, step_rows;
  std::vector<std::vector<int32_t>> tables(sequences.size());
  std::vector<const int32_t*> table_of;
  std::vector<gpu_ops::AttentionTile> tiles;
  int64_t decode_rows = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const auto [past, rows] = sequences[i];
    const auto start = static_cast<int32_t>(page_list.size());
    for (int64_t page = 0; page * shape.page_tokens < past + rows; ++page) {
      tables[i].push_back(free_pages.back());
      page_list.push_back(free_pages.back());
      free_pages.pop_back();
    }
    const int64_t tile = gpu_ops::attention_tile_tokens(shape.heads, shape.kv_heads);
    if (rows == 1) {
      ++decode_rows;
    } else {
      for (int64_t row = 0; row < rows; row += tile)
        tiles.push_back({static_cast<int32_t>(step_rows.size() + static_cast<size_t>(row)),
                         static_cast<int32_t>(std::min(tile, rows - row))});
    }
    for (int64_t position = 0; position < past + rows; ++position) {
      if (position >= past) step_rows.push_back(static_cast<int32_t>(positions.size()));
      positions.push_back(static_cast<int32_t>(position));
      first_page.push_back(start);
      table_of.push_back(tables[i].data());
    }
  }

  // The twin, in fp32.
  std::vector<float> inv_freq(static_cast<size_t>(shape.head_dim / 2)), twin = qkv;
  for (size_t i = 0; i < inv_freq.size(); ++i)
    inv_freq[i] =
        std::pow(10000.0f, -2.0f * static_cast<float>(i) / static_cast<float>(shape.head_dim));
  ops::rope(c.cpu, twin.data(), width, positions.data(), inv_freq.data(), tokens,
            shape.heads + shape.kv_heads, shape.head_dim);
  const size_t cache =
      static_cast<size_t>(pages * shape.page_tokens * shape.kv_heads * shape.head_dim);
  std::vector<float> k(cache), v(cache);
  const ops::PagedKv kv{k.data(),          v.data(),       ops::KvType::kFloat32,
                        shape.page_tokens, shape.kv_heads, shape.head_dim};
  const float* k_rows = twin.data() + shape.heads * shape.head_dim;
  ops::kv_write(c.cpu, kv, {positions.data(), table_of.data(), tokens}, k_rows, width,
                k_rows + shape.kv_heads * shape.head_dim, width);
  std::vector<float> q,
      want_values(step_rows.size() * static_cast<size_t>(shape.heads * shape.head_dim));
  std::vector<int32_t> step_positions, step_first;
  std::vector<const int32_t*> step_tables;
  std::vector<float> step_qkv;
  for (const int32_t row : step_rows) {
    q.insert(q.end(), twin.begin() + row * width, twin.begin() + (row + 1) * width);
    step_qkv.insert(step_qkv.end(), qkv.begin() + row * width, qkv.begin() + (row + 1) * width);
    step_positions.push_back(positions[static_cast<size_t>(row)]);
    step_first.push_back(first_page[static_cast<size_t>(row)]);
    step_tables.push_back(table_of[static_cast<size_t>(row)]);
  }
  const auto count = static_cast<int64_t>(step_rows.size());
  ops::attention(c.cpu, kv, {step_positions.data(), step_tables.data(), count}, q.data(), width,
                 shape.heads, want_values.data());

  // The device: every token's k and v, then the step's rows once more with their q.
  std::vector<float> rotation(static_cast<size_t>(longest * shape.head_dim));
  for (int64_t position = 0; position < longest; ++position) {
    for (size_t i = 0; i < inv_freq.size(); ++i) {
      const float angle = static_cast<float>(position) * inv_freq[i];
      rotation[(static_cast<size_t>(position) * inv_freq.size() + i) * 2] = std::cos(angle);
      rotation[(static_cast<size_t>(position) * inv_freq.size() + i) * 2 + 1] = std::sin(angle);
    }
  }
  // Rows that decode write their own k and v.
  std::vector<int32_t> written = positions;
  for (int64_t row = 0; row < decode_rows; ++row)
    written[static_cast<size_t>(step_rows[static_cast<size_t>(row)])] = -1;
  const auto gpu_rotation = to_gpu(rotation), gpu_positions = to_gpu(positions),
             gpu_written = to_gpu(written), gpu_first = to_gpu(first_page),
             gpu_pages = to_gpu(page_list), gpu_all = to_gpu(to_bits(activation, qkv)),
             gpu_step = to_gpu(to_bits(activation, step_qkv)),
             gpu_step_positions = to_gpu(step_positions), gpu_step_first = to_gpu(step_first);
  const Poisoned gpu_k(c, cache * (float8 ? 1 : 2)), gpu_v(c, cache * (float8 ? 1 : 2));
  const Poisoned k_scale(c, cache / static_cast<size_t>(shape.head_dim) * 4),
      v_scale(c, cache / static_cast<size_t>(shape.head_dim) * 4),
      other_scale(c, cache / static_cast<size_t>(shape.head_dim) * 4);
  const gpu_ops::PagedKv device{
      gpu_k.data(),
      gpu_v.data(),
      static_cast<float*>(k_scale.data()),
      static_cast<float*>(v_scale.data()),
      float8 ? gpu_ops::KvStorage::kFloat8 : gpu_ops::KvStorage::kActivation,
      shape.page_tokens,
      shape.kv_heads,
      shape.head_dim};
  gpu_ops::rope_kv_write(
      c.gpu, activation, device,
      {gpu_written.as<int32_t>(), gpu_first.as<int32_t>(), gpu_pages.as<int32_t>(), tokens},
      gpu_rotation.as<float>(), gpu_all.as<void>(), shape.heads);
  const gpu_ops::RowPlaces places{gpu_step_positions.as<int32_t>(), gpu_step_first.as<int32_t>(),
                                  gpu_pages.as<int32_t>(), count};
  const Poisoned out(c, want_values.size() * 2), again(c, want_values.size() * 2);
  gpu_ops::RowPlaces decoding = places, prompts = places;
  decoding.rows = decode_rows;
  prompts.positions += decode_rows, prompts.first_page += decode_rows, prompts.rows -= decode_rows;
  if (decode_rows > 0) {
    gpu_ops::attention_decode(c.gpu, activation, device, decoding, gpu_rotation.as<float>(),
                              gpu_step.as<void>(), shape.heads, scratch.as<void>(), out.data());
  }
  if (prompts.rows > 0) {
    gpu_ops::rope_kv_write(c.gpu, activation, device, prompts, gpu_rotation.as<float>(),
                           gpu_step.as<uint16_t>() + decode_rows * width, shape.heads);
  }
  const auto gpu_tiles = to_gpu(tiles.empty() ? std::vector<gpu_ops::AttentionTile>(1) : tiles);
  gpu_ops::attention_prefill(
      c.gpu, activation, device, places, gpu_tiles.as<gpu_ops::AttentionTile>(),
      static_cast<int64_t>(tiles.size()), gpu_step.as<void>(), shape.heads, out.data());
  // What decoding wrote must be what rope_kv_write would have: the rows once more as prompts of
  // one.
  std::vector<gpu_ops::AttentionTile> single;
  for (int64_t row = 0; row < decode_rows; ++row) single.push_back({static_cast<int32_t>(row), 1});
  if (decode_rows > 0) {
    const Poisoned other_k(c, cache * (float8 ? 1 : 2)), other_v(c, cache * (float8 ? 1 : 2));
    gpu_ops::PagedKv elsewhere = device;
    elsewhere.k = other_k.data(), elsewhere.v = other_v.data();
    elsewhere.k_scale = elsewhere.v_scale = static_cast<float*>(other_scale.data());
    gpu_ops::rope_kv_write(c.gpu, activation, elsewhere, decoding, gpu_rotation.as<float>(),
                           gpu_step.as<void>(), shape.heads);
    const auto gpu_single = to_gpu(single);
    gpu_ops::attention_prefill(c.gpu, activation, device, places,
                               gpu_single.as<gpu_ops::AttentionTile>(), decode_rows,
                               gpu_step.as<void>(), shape.heads, again.data());
  }
  // Unit-variance vectors: scores carry a few roundings of 16-bit q, k; e4m3 has 2^-4 each.
  const double bound = float8 ? 0.4 : 24 * unit;
  const auto tolerance = [&](size_t i) {
    return bound * (0.5 + std::fabs(double{want_values[i]}));
  };
  c.report.near(what, from_bits(activation, out.take<uint16_t>(c, what)),
                std::vector<double>(want_values.begin(), want_values.end()), tolerance);
  std::vector<float> second = from_bits(activation, again.take<uint16_t>(c, what));
  second.resize(static_cast<size_t>(decode_rows * shape.heads * shape.head_dim));
  c.report.near(
      what + " written", second,
      std::vector<double>(want_values.begin(),
                          want_values.begin() + static_cast<std::ptrdiff_t>(second.size())),
      tolerance);
}

inline void check_gpu_attention(const GpuCases& c) {
  using gpu_ops::Activation;
  const std::vector<std::vector<AttentionSequence>> batches = {
      {{400, 1}, {20, 1}, {77, 1}, {130, 1}},
      {{0, 1}},
      {{15, 1}},
      {{16, 1}, {1000, 1}, {300, 1}},
      {{0, 2}},
      {{0, 200}},
      {{100, 1}, {37, 1}, {0, 5}, {64, 64}, {333, 130}, {7, 17}},
  };
  // One scratch memory for all, zeroed once, as an engine has it.
  const gpu_ops::DeviceBuffer scratch(
      static_cast<size_t>(gpu_ops::decode_scratch_bytes(c.gpu, 512, 32, 8, 128)));
  gpu_ops::fill_bytes(c.gpu.stream(), scratch.as<void>(), 0, scratch.size());
  for (const Activation activation : {Activation::kFloat16, Activation::kBFloat16}) {
    for (const bool float8 : {false, true}) {
      for (const AttentionShape& shape :
           {AttentionShape{4, 2, 64, 16}, AttentionShape{8, 8, 128, 16},
            AttentionShape{32, 8, 128, 16}, AttentionShape{12, 2, 128, 32},
            AttentionShape{16, 2, 128, 16}}) {
        for (const auto& batch : batches)
          check_gpu_attention_case(c, activation, float8, shape, batch, scratch);
      }
    }
  }
  std::vector<AttentionSequence> many(300, {20, 1});  // more rows than split contexts
  check_gpu_attention_case(c, Activation::kFloat16, false, {8, 2, 128, 16}, many, scratch);
}

inline void check_gpu_tokens(const GpuCases& c) {
  for (const int64_t vocab : {33, 1024, 32000}) {
    const int64_t rows = 40;
    std::vector<float> logits = c.cases.normal(rows * vocab, 2.0f);
    std::vector<gpu_ops::SamplingRow> terms(static_cast<size_t>(rows));
    std::vector<int32_t> banned, want(static_cast<size_t>(rows));
    Sampler sampler(vocab);
    for (int64_t row = 0; row < rows; ++row) {
      float* values = logits.data() + row * vocab;
      gpu_ops::SamplingRow& t = terms[static_cast<size_t>(row)];
      t.top_p = 1;
      if (row % 4 != 0) t.temperature = 0.3 + 0.2 * static_cast<double>(row % 7);
      if (row % 4 == 2 || row % 8 == 7) t.top_k = static_cast<int32_t>(1 + c.cases.below(20));
      if (row % 4 == 3) t.top_p = 0.1 + 0.09 * static_cast<double>(c.cases.below(10));
      t.seed = c.cases.random(), t.index = static_cast<uint64_t>(row);
      if (row % 5 == 1) values[vocab / 2] = values[vocab - 1] = 11.0f;  // a tie
      if (row == 8) std::fill_n(values, vocab, NAN);
      t.first_banned = static_cast<int32_t>(banned.size());
      if (row % 3 == 1) {
        t.banned = 2;
        banned.push_back(static_cast<int32_t>(vocab / 2));
        banned.push_back(1);
      }
      std::vector<float> copy(values, values + vocab);
      for (int32_t i = 0; i < t.banned; ++i)
        copy[static_cast<size_t>(banned[static_cast<size_t>(t.first_banned + i)])] = -INFINITY;
      int32_t best = 0;
      ops::argmax(c.cpu, copy.data(), 1, vocab, &best);
      const SamplingParams params{t.temperature, t.top_k, t.top_p, t.seed};
      want[static_cast<size_t>(row)] = !std::isfinite(copy[static_cast<size_t>(best)]) ? -1
                                       : t.temperature > 0
                                           ? sampler.draw(copy.data(), params, t.index)
                                           : best;
    }
    const auto gpu_logits = to_gpu(logits), gpu_terms = to_gpu(terms), gpu_banned = to_gpu(banned);
    const Poisoned out(c, want.size() * 4);
    gpu_ops::choose_tokens(c.gpu, gpu_logits.as<float>(), gpu_terms.as<gpu_ops::SamplingRow>(),
                           gpu_banned.as<int32_t>(), rows, vocab,
                           static_cast<int32_t*>(out.data()));
    const std::vector<int32_t> got = out.take<int32_t>(c, "gpu choose_tokens");
    for (size_t row = 0; row < want.size(); ++row) {
      c.report.expect(got[row] == want[row], "gpu choose_tokens vocab " + std::to_string(vocab) +
                                                 " row " + std::to_string(row) + ": " +
                                                 std::to_string(got[row]) + ", should be " +
                                                 std::to_string(want[row]));
    }

    std::vector<int32_t> target_row, targets;
    std::vector<double> log_probs;
    for (int64_t i = 0; i < 30; ++i) {
      int64_t row = c.cases.below(rows);
      if (row == 8) row = 9;
      target_row.push_back(static_cast<int32_t>(row));
      targets.push_back(static_cast<int32_t>(c.cases.below(vocab)));
      double value = 0;
      ops::log_probability(c.cpu, logits.data() + row * vocab, 1, vocab, &targets.back(), &value);
      log_probs.push_back(value);
    }
    const auto fresh = to_gpu(logits), rows_there = to_gpu(target_row), there = to_gpu(targets);
    const Poisoned scores(c, targets.size() * 8);
    gpu_ops::log_probability(c.gpu, fresh.as<float>(), vocab, rows_there.as<int32_t>(),
                             there.as<int32_t>(), 30, static_cast<double*>(scores.data()));
    c.report.near("gpu log_probability", scores.take<double>(c, "gpu log_probability"), log_probs,
                  [](size_t) { return 1e-6; });  // the twin takes fp32 exponentials
  }
}

}  // namespace loadmark::check
