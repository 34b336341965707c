// kv_write and attention over a paged cache against a double-precision computation; and bit for bit
// against themselves with other page sizes, row by row, and with other thread counts.
#pragma once

#include <algorithm>
#include <numeric>

#include "check/ops_cases.h"

namespace loadmark::check {

struct AttentionShape {
  int64_t heads, kv_heads, head_dim;
  ops::KvType type;
  int64_t window = 0;
};

// Two sequences: a prefill chunk that ends at position `longest - 1` of the first, one row of
// decode in the second.
struct AttentionRows {
  std::vector<int32_t> positions;
  std::vector<int> sequence;
};

inline double kept(ops::KvType type, float value) {
  if (type == ops::KvType::kFloat32) return value;
  return type == ops::KvType::kFloat16 ? round_to_float16(value) : round_to_bfloat16(value);
}

inline const char* kv_name(ops::KvType type) {
  return type == ops::KvType::kFloat32 ? "fp32" : type == ops::KvType::kFloat16 ? "fp16" : "bf16";
}

// A cache of both sequences with shuffled pages, poisoned where nothing is written.
class TestCache {
 public:
  TestCache(Cases& cases, const AttentionShape& shape, int64_t longest, int64_t page_tokens)
      : shape_(shape) {
    const int64_t pages = (longest + page_tokens - 1) / page_tokens;
    const int64_t values = 2 * pages * page_tokens * shape.kv_heads * shape.head_dim;
    const size_t bytes =
        static_cast<size_t>(values) * (shape.type == ops::KvType::kFloat32 ? 4 : 2);
    k_.assign(bytes, 0xff);  // all ones is a NaN in every type
    v_.assign(bytes, 0xff);
    std::vector<int32_t> ids(static_cast<size_t>(2 * pages));
    std::iota(ids.begin(), ids.end(), 0);
    std::shuffle(ids.begin(), ids.end(), cases.random);
    tables_[0].assign(ids.begin(), ids.begin() + pages);
    tables_[1].assign(ids.begin() + pages, ids.end());
    kv_ = {k_.data(), v_.data(), shape.type, page_tokens, shape.kv_heads, shape.head_dim};
  }
  const ops::PagedKv& kv() const { return kv_; }
  const int32_t* table(int sequence) const { return tables_[sequence].data(); }

  // k and v (positions, kv_heads * head_dim) of one sequence, `stride` floats from row to row.
  void fill(const ops::Context& context, int sequence, const float* k, const float* v,
            int64_t stride, int64_t count) {
    std::vector<int32_t> positions(static_cast<size_t>(count));
    std::iota(positions.begin(), positions.end(), 0);
    const std::vector<const int32_t*> tables(static_cast<size_t>(count), table(sequence));
    ops::kv_write(context, kv_, {positions.data(), tables.data(), count}, k, stride, v, stride);
  }

 private:
  AttentionShape shape_;
  std::vector<uint8_t> k_, v_;
  std::vector<int32_t> tables_[2];
  ops::PagedKv kv_{};
};

inline std::vector<float> run_attention(const ops::Context& context, const TestCache& cache,
                                        const AttentionShape& shape, const AttentionRows& rows,
                                        const std::vector<float>& q, int64_t q_stride, size_t first,
                                        size_t count) {
  std::vector<const int32_t*> tables;
  for (size_t row = first; row < first + count; ++row)
    tables.push_back(cache.table(rows.sequence[row]));
  std::vector<float> out = poisoned(static_cast<int64_t>(count) * shape.heads * shape.head_dim + 1);
  ops::attention(context, cache.kv(),
                 {rows.positions.data() + first, tables.data(), static_cast<int64_t>(count)},
                 q.data() + static_cast<int64_t>(first) * q_stride, q_stride, shape.heads,
                 shape.window, out.data());
  return out;
}

struct AttentionData {
  int64_t stride;                 // of k and v rows
  std::vector<float> k[2], v[2];  // by sequence
};

inline std::vector<double> attention_reference(const AttentionShape& shape,
                                               const AttentionRows& rows, const AttentionData& data,
                                               const std::vector<float>& q, int64_t q_stride) {
  std::vector<double> out;
  for (size_t row = 0; row < rows.positions.size(); ++row) {
    const float* keys = data.k[rows.sequence[row]].data();
    const float* values = data.v[rows.sequence[row]].data();
    for (int64_t head = 0; head < shape.heads; ++head) {
      const float* query = q.data() + static_cast<int64_t>(row) * q_stride + head * shape.head_dim;
      const int64_t at = head / (shape.heads / shape.kv_heads) * shape.head_dim;
      std::vector<double> score;
      const int64_t end = rows.positions[row] + 1;
      const int64_t begin = shape.window > 0 ? std::max<int64_t>(0, end - shape.window) : 0;
      for (int64_t p = begin; p < end; ++p) {
        double dot = 0;
        for (int64_t i = 0; i < shape.head_dim; ++i)
          dot += double{query[i]} * kept(shape.type, keys[p * data.stride + at + i]);
        score.push_back(dot / std::sqrt(static_cast<double>(shape.head_dim)));
      }
      const double largest = *std::max_element(score.begin(), score.end());
      double sum = 0;
      for (double& value : score) sum += value = std::exp(value - largest);
      for (int64_t i = 0; i < shape.head_dim; ++i) {
        double total = 0;
        for (size_t p = 0; p < score.size(); ++p) {
          const int64_t place = (begin + static_cast<int64_t>(p)) * data.stride;
          total += score[p] * kept(shape.type, values[place + at + i]);
        }
        out.push_back(total / sum);
      }
    }
  }
  return out;
}

inline void check_attention_shape(Cases& cases, const AttentionShape& shape, int64_t longest,
                                  int64_t chunk) {
  AttentionRows rows;
  for (int64_t i = 0; i < chunk; ++i)
    rows.positions.push_back(static_cast<int32_t>(longest - chunk + i));
  rows.sequence.assign(static_cast<size_t>(chunk), 0);
  rows.positions.push_back(static_cast<int32_t>(cases.below(longest)));
  rows.sequence.push_back(1);
  const auto count = rows.positions.size();
  const int64_t width = shape.kv_heads * shape.head_dim,
                q_stride = shape.heads * shape.head_dim + 3;
  AttentionData data;
  data.stride = width + 7;
  for (int sequence = 0; sequence < 2; ++sequence) {
    data.k[sequence] = cases.normal(longest * data.stride);
    data.v[sequence] = cases.normal(longest * data.stride);
  }
  const std::vector<float> q = cases.normal(static_cast<int64_t>(count) * q_stride);
  const std::vector<double> want = attention_reference(shape, rows, data, q, q_stride);
  for (const ops::Isa isa : cases.isas) {
    ops::Context context{&cases.two, isa, ops::ActivationType::kFloat32};
    const std::string what =
        "attention heads " + std::to_string(shape.heads) + "/" + std::to_string(shape.kv_heads) +
        " head_dim " + std::to_string(shape.head_dim) + " kv " + kv_name(shape.type) +
        " positions " + std::to_string(longest) +
        (shape.window > 0 ? " window " + std::to_string(shape.window) : "") + isa_tag(isa);
    std::vector<float> first;
    for (const int64_t page_tokens : {16, 1, 5, 64}) {
      TestCache cache(cases, shape, longest, page_tokens);
      cache.fill(context, 0, data.k[0].data(), data.v[0].data(), data.stride, longest);
      cache.fill(context, 1, data.k[1].data(), data.v[1].data(), data.stride,
                 rows.positions.back() + 1);
      const std::vector<float> out =
          run_attention(context, cache, shape, rows, q, q_stride, 0, count);
      if (first.empty()) {
        first = out;
        cases.report.near(what, out, want,
                          [&](size_t i) { return 4e-6 + 4e-6 * std::fabs(want[i]); });
        cases.report.expect(std::isnan(out.back()), what + ": wrote past its end");
      }
      cases.report.same_bits(what + " page " + std::to_string(page_tokens), out.data(),
                             first.data(), out.size() - 1);
      for (size_t row = 0; row < count; row += 1 + count / 3) {
        const std::vector<float> alone =
            run_attention(context, cache, shape, rows, q, q_stride, row, 1);
        cases.report.same_bits(what + " row alone", alone.data(),
                               first.data() + row * (alone.size() - 1), alone.size() - 1);
      }
      context.pool = page_tokens == 16 ? &cases.one : &cases.three;
    }
  }
}

// What kv_write keeps is the nearest value of the cache's type, for ordinary, tiny, huge and
// non-finite numbers.
inline void check_kv_rounding(Cases& cases) {
  const int64_t count = 1003;
  for (const ops::KvType type : {ops::KvType::kFloat16, ops::KvType::kBFloat16}) {
    std::vector<float> x = cases.normal(count);
    for (size_t i = 0; i < x.size(); ++i) x[i] = std::ldexp(x[i], static_cast<int>(i % 60) - 40);
    const float edges[] = {0.0f,     -0.0f,     65519.0f, 65520.0f, -1e38f, 3.4e38f,
                           INFINITY, -INFINITY, NAN,      5.9e-8f,  2.9e-8f};
    std::copy(std::begin(edges), std::end(edges), x.begin() + 20);
    std::copy(std::begin(edges), std::end(edges), x.end() - std::size(edges));
    for (const ops::Isa isa : cases.isas) {
      const ops::Context context{&cases.one, isa, ops::ActivationType::kFloat32};
      std::vector<uint16_t> k(x.size(), 0x1234), v(x.size(), 0x1234);
      const int32_t position = 0, table = 0;
      const int32_t* tables = &table;
      ops::kv_write(context, {k.data(), v.data(), type, 1, 1, count}, {&position, &tables, 1},
                    x.data(), count, x.data(), count);
      bool right = k == v;
      for (size_t i = 0; i < x.size(); ++i) {
        const double want = kept(type, x[i]);
        if (std::isnan(want)) {
          right = right && (type == ops::KvType::kFloat16 ? (k[i] & 0x7fff) > 0x7c00
                                                          : (k[i] & 0x7fff) > 0x7f80);
        } else {
          right = right && k[i] == (type == ops::KvType::kFloat16 ? float16_bits(want)
                                                                  : bfloat16_bits(want));
        }
      }
      cases.report.expect(right,
                          std::string("kv_write rounding to ") + kv_name(type) + isa_tag(isa));
    }
  }
}

inline void check_attention(Cases& cases) {
  check_kv_rounding(cases);
  for (const ops::KvType type :
       {ops::KvType::kFloat32, ops::KvType::kFloat16, ops::KvType::kBFloat16}) {
    check_attention_shape(cases, {1, 1, 8, type}, 3, 2);
    check_attention_shape(cases, {4, 2, 64, type}, 50, 17);
    check_attention_shape(cases, {4, 2, 64, type}, 130, 97);
    check_attention_shape(cases, {7, 1, 24, type}, 33, 5);
    check_attention_shape(cases, {8, 8, 16, type}, 16, 16);
    check_attention_shape(cases, {6, 2, 40, type}, 17, 7);
    check_attention_shape(cases, {8, 2, 128, type}, 65, 3);
    check_attention_shape(cases, {2, 2, 256, type}, 40, 5);
    for (const int64_t window : {1, 2, 7, 16, 31, 200}) {
      check_attention_shape(cases, {4, 2, 64, type, window}, 130, 97);
      check_attention_shape(cases, {16, 1, 24, type, window}, 70, 9);
    }
    if (cases.quick) continue;
    check_attention_shape(cases, {32, 8, 128, type}, 300, 16);
    check_attention_shape(cases, {9, 3, 80, type}, 1000, 2);
  }
}

}  // namespace loadmark::check
