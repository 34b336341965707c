// Attention's twin on the CPU, over keys and values as a GPU's cache keeps them: the same turn and
// rounding, to the bit, and ops::attention of what came of it.
#pragma once

#include <numeric>

#include "check/cuda_cases.h"

namespace loadmark::check {

struct GpuAttentionShape {
  gpu_ops::Activation activation;
  bool float8;
  int64_t heads, kv_heads, head_dim, page_tokens;

  int64_t width() const { return (heads + 2 * kv_heads) * head_dim; }
  int64_t out_width() const { return heads * head_dim; }
  std::string name() const {
    return std::string("gpu attention ") + gpu_ops::activation_name(activation) +
           (float8 ? " fp8" : "") + " heads " + std::to_string(heads) + "/" +
           std::to_string(kv_heads) + " x " + std::to_string(head_dim) + " page " +
           std::to_string(page_tokens) + ":";
  }
};
// Tokens that came before and rows of this step; past -1: a row that only fills a batch up.
struct AttentionSequence {
  int64_t past, rows;
};

// The tokens of all sequences, and which of them are rows of the step: decoding ones first.
struct AttentionBatch {
  std::vector<int32_t> positions, first_page;  // (tokens)
  std::vector<int32_t> pages;
  std::vector<int32_t> token;                          // (rows), -1: only fills up
  std::vector<int32_t> row_positions, row_first_page;  // (rows)
  std::vector<gpu_ops::AttentionTile> prompts, alone;  // alone: decoding rows, each its own tile
  int64_t page_count = 0, longest = 1, decode_rows = 0;

  int64_t tokens() const { return static_cast<int64_t>(positions.size()); }
  int64_t rows() const { return static_cast<int64_t>(token.size()); }
  int64_t page_of(int64_t token, int64_t page_tokens) const {
    const auto at = static_cast<size_t>(token);
    return pages[static_cast<size_t>(first_page[at] + positions[at] / page_tokens)];
  }
};

inline AttentionBatch lay_out(Cases& cases, const GpuAttentionShape& shape,
                              const std::vector<AttentionSequence>& sequences) {
  AttentionBatch batch;
  const int64_t tile = gpu_ops::attention_tile_tokens(shape.heads, shape.kv_heads);
  for (const auto& [past, rows] : sequences) {
    const auto first_page = static_cast<int32_t>(batch.pages.size());
    const int64_t tokens = past + rows;
    batch.longest = std::max(batch.longest, tokens);
    batch.pages.resize(batch.pages.size() +
                       static_cast<size_t>((tokens + shape.page_tokens - 1) / shape.page_tokens));
    for (int64_t row = 0; row < rows; ++row) {
      const auto number = static_cast<int32_t>(batch.rows());
      if (rows == 1) ++batch.decode_rows;
      if (rows == 1 && past >= 0) batch.alone.push_back({number, 1});
      if (rows > 1 && row % tile == 0)
        batch.prompts.push_back({number, static_cast<int32_t>(std::min(tile, rows - row))});
      batch.token.push_back(past < 0 ? -1 : static_cast<int32_t>(batch.tokens() + past + row));
      batch.row_positions.push_back(static_cast<int32_t>(past + row));
      batch.row_first_page.push_back(past < 0 ? 0 : first_page);
    }
    for (int64_t position = 0; position < tokens; ++position) {
      batch.positions.push_back(static_cast<int32_t>(position));
      batch.first_page.push_back(first_page);
    }
  }
  batch.page_count = static_cast<int64_t>(batch.pages.size()) + 3;
  std::vector<int32_t> ids(static_cast<size_t>(batch.page_count));
  std::iota(ids.begin(), ids.end(), 0);
  std::shuffle(ids.begin(), ids.end(), cases.random);
  std::copy_n(ids.begin(), batch.pages.size(), batch.pages.begin());
  return batch;
}

inline std::vector<float> frequencies_of(int64_t head_dim) {
  std::vector<float> frequencies;
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    frequencies.push_back(
        std::pow(10000.0f, -2.0f * static_cast<float>(i) / static_cast<float>(head_dim)));
  }
  return frequencies;
}
// (positions, head_dim / 2) of (cos, sin).
inline std::vector<float> rotation_table(int64_t positions, int64_t head_dim) {
  const std::vector<float> frequencies = frequencies_of(head_dim);
  std::vector<float> rotation;
  for (int64_t position = 0; position < positions; ++position) {
    for (const float frequency : frequencies) {
      rotation.push_back(std::cos(static_cast<float>(position) * frequency));
      rotation.push_back(std::sin(static_cast<float>(position) * frequency));
    }
  }
  return rotation;
}

// One vector, turned with the roundings of head_vector.cuh.
inline std::vector<float> turned(const float* x, const std::vector<float>& rotation,
                                 int64_t position, int64_t head_dim) {
  const int64_t half = head_dim / 2;
  const float* turns = rotation.data() + position * head_dim;
  std::vector<float> y(x, x + head_dim);
  for (int64_t i = 0; i < half; ++i) {
    const float cosine = turns[2 * i], sine = turns[2 * i + 1];
    y[static_cast<size_t>(i)] = std::fma(x[i], cosine, -(x[i + half] * sine));
    y[static_cast<size_t>(i + half)] = std::fma(x[i + half], cosine, x[i] * sine);
  }
  return y;
}

// What a device's cache holds; poison where nothing was written.
struct CacheImage {
  std::vector<uint8_t> k, v;
  std::vector<float> k_scale, v_scale;
};
// One vector into the cache: its bytes, its scale, and what they stand for in its place.
inline void keep_vector(const GpuAttentionShape& shape, int64_t at, std::vector<float>& values,
                        std::vector<uint8_t>& bytes, std::vector<float>& scales) {
  const int64_t size = shape.head_dim * (shape.float8 ? 1 : 2);
  uint8_t* to = bytes.data() + at * size;
  if (!shape.float8) {
    const std::vector<uint16_t> bits = to_bits(shape.activation, values);
    std::memcpy(to, bits.data(), static_cast<size_t>(size));
    values = from_bits(shape.activation, bits);
    return;
  }
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::fabs(value));
  const float scale = largest > 0 ? largest / 448.0f : 1.0f;
  scales[static_cast<size_t>(at)] = scale;
  for (size_t i = 0; i < values.size(); ++i) {
    to[i] = to_float8(values[i] / scale);
    values[i] = from_float8(to[i]) * scale;
  }
}

// What the step is to leave: the cache, qkv (rows, width) with q of prompts turned, and the output
// (rows, heads head_dim), NaN for rows that only fill up. spread: the output if v were |v|.
struct AttentionTwin {
  CacheImage cache;
  std::vector<uint16_t> qkv;
  std::vector<double> want, spread;
};

// The CPU's attention; k and v (tokens, kv_heads head_dim), q (rows, heads head_dim).
inline std::vector<double> attend(const GpuCases& c, const GpuAttentionShape& shape,
                                  const AttentionBatch& batch, const std::vector<float>& q,
                                  const std::vector<float>& k, const std::vector<float>& v) {
  const int64_t kv_width = shape.kv_heads * shape.head_dim;
  std::vector<float> keys(static_cast<size_t>(batch.page_count * shape.page_tokens * kv_width)),
      values(keys.size()), out(q.size());
  const ops::PagedKv kv{keys.data(),       values.data(),  ops::KvType::kFloat32,
                        shape.page_tokens, shape.kv_heads, shape.head_dim};
  std::vector<const int32_t*> tables, row_tables;
  for (const int32_t page : batch.first_page) tables.push_back(batch.pages.data() + page);
  for (const int32_t page : batch.row_first_page) row_tables.push_back(batch.pages.data() + page);
  std::vector<int32_t> positions = batch.row_positions;
  for (int32_t& position : positions) position = std::max(position, 0);  // forgotten below
  ops::kv_write(c.cpu, kv, {batch.positions.data(), tables.data(), batch.tokens()}, k.data(),
                kv_width, v.data(), kv_width);
  ops::attention(c.cpu, kv, {positions.data(), row_tables.data(), batch.rows()}, q.data(),
                 shape.out_width(), shape.heads, 0, out.data());
  for (size_t i = 0; i < out.size(); ++i)
    if (batch.token[i / static_cast<size_t>(shape.out_width())] < 0) out[i] = NAN;
  return {out.begin(), out.end()};
}

// Every token's k and v into the cache; k and v become what they stand for there.
inline void keep_tokens(const GpuAttentionShape& shape, const AttentionBatch& batch,
                        const std::vector<float>& qkv, const std::vector<float>& rotation,
                        CacheImage& cache, std::vector<float>& k, std::vector<float>& v) {
  for (int64_t token = 0; token < batch.tokens(); ++token) {
    const int64_t position = batch.positions[static_cast<size_t>(token)];
    const int64_t page = batch.page_of(token, shape.page_tokens);
    const float* keys = qkv.data() + token * shape.width() + shape.out_width();
    const float* values = keys + shape.kv_heads * shape.head_dim;
    for (int64_t head = 0; head < shape.kv_heads; ++head) {
      const int64_t first = head * shape.head_dim;
      const int64_t at =
          (page * shape.kv_heads + head) * shape.page_tokens + position % shape.page_tokens;
      std::vector<float> key = turned(keys + first, rotation, position, shape.head_dim);
      std::vector<float> value(values + first, values + first + shape.head_dim);
      keep_vector(shape, at, key, cache.k, cache.k_scale);
      keep_vector(shape, at, value, cache.v, cache.v_scale);
      k.insert(k.end(), key.begin(), key.end());
      v.insert(v.end(), value.begin(), value.end());
    }
  }
}

// qkv (tokens, width).
inline AttentionTwin compute_twin(const GpuCases& c, const GpuAttentionShape& shape,
                                  const AttentionBatch& batch, const std::vector<float>& qkv,
                                  const std::vector<float>& rotation, CacheImage poison) {
  AttentionTwin twin{std::move(poison), {}, {}, {}};
  std::vector<float> q, k, v;
  keep_tokens(shape, batch, qkv, rotation, twin.cache, k, v);
  for (size_t row = 0; row < batch.token.size(); ++row) {
    const int64_t token = batch.token[row];
    std::vector<float> values(static_cast<size_t>(shape.width()));
    if (token >= 0) std::copy_n(qkv.data() + token * shape.width(), shape.width(), values.data());
    const std::vector<float> before = values;
    for (int64_t at = 0; token >= 0 && at < shape.out_width(); at += shape.head_dim) {
      const std::vector<float> query =
          turned(before.data() + at, rotation, batch.row_positions[row], shape.head_dim);
      std::transform(query.begin(), query.end(), values.begin() + at,
                     [&](float value) { return round_activation(shape.activation, value); });
    }
    q.insert(q.end(), values.begin(), values.begin() + shape.out_width());
    const bool decodes = static_cast<int64_t>(row) < batch.decode_rows;  // qkv is left as it is
    const std::vector<uint16_t> bits = to_bits(shape.activation, decodes ? before : values);
    twin.qkv.insert(twin.qkv.end(), bits.begin(), bits.end());
  }
  twin.want = attend(c, shape, batch, q, k, v);
  for (float& value : v) value = std::fabs(value);
  twin.spread = attend(c, shape, batch, q, k, v);
  return twin;
}

}  // namespace loadmark::check
