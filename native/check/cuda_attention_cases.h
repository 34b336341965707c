// Attention on the GPU against its twin: what it writes to the cache, to the bit, and what it reads
// from it; rows that only fill up, and the same step twice.
#pragma once

#include "check/cuda_attention_twin.h"

namespace loadmark::check {

class GpuCache {
 public:
  GpuCache(const GpuCases& c, const GpuAttentionShape& shape, int64_t page_count)
      : shape_(shape),
        vectors_(static_cast<size_t>(page_count * shape.page_tokens * shape.kv_heads)),
        k_(c, bytes()),
        v_(c, bytes()),
        k_scale_(c, vectors_ * sizeof(float)),
        v_scale_(c, vectors_ * sizeof(float)) {}
  gpu_ops::PagedKv kv() const {
    return {k_.data(),
            v_.data(),
            static_cast<float*>(k_scale_.data()),
            static_cast<float*>(v_scale_.data()),
            shape_.float8 ? gpu_ops::KvStorage::kFloat8 : gpu_ops::KvStorage::kActivation,
            shape_.page_tokens,
            shape_.kv_heads,
            shape_.head_dim};
  }
  CacheImage take(const GpuCases& c, const std::string& what) const {
    return {k_.take<uint8_t>(c, what), v_.take<uint8_t>(c, what), k_scale_.take<float>(c, what),
            v_scale_.take<float>(c, what)};
  }
  CacheImage poison() const {
    const std::vector<uint8_t> values(bytes(), 0xff);
    const std::vector<float> scales(vectors_, std::bit_cast<float>(~0u));
    return {values, values, scales, scales};
  }

 private:
  size_t bytes() const {
    return vectors_ * static_cast<size_t>(shape_.head_dim) * (shape_.float8 ? 1 : 2);
  }
  GpuAttentionShape shape_;
  size_t vectors_;
  Poisoned k_, v_, k_scale_, v_scale_;
};

inline void expect_same_cache(const GpuCases& c, const std::string& what, const CacheImage& got,
                              const CacheImage& want) {
  c.report.same_bits(what + ", k", got.k.data(), want.k.data(), want.k.size());
  c.report.same_bits(what + ", v", got.v.data(), want.v.data(), want.v.size());
  c.report.same_bits(what + ", k scales", got.k_scale.data(), want.k_scale.data(),
                     want.k_scale.size());
  c.report.same_bits(what + ", v scales", got.v_scale.data(), want.v_scale.data(),
                     want.v_scale.size());
}

// One step on the device: what came before by rope_kv_write, then decoding rows and prompts.
class GpuAttentionCheck {
 public:
  GpuAttentionCheck(const GpuCases& c, const GpuAttentionShape& shape,
                    const std::vector<AttentionSequence>& sequences,
                    const gpu_ops::DeviceBuffer& scratch)
      : c_(c),
        shape_(shape),
        scratch_(scratch),
        what_(shape.name()),
        batch_(lay_out(c.cases, shape, sequences)),
        written_(c, shape, batch_.page_count),
        other_(c, shape, batch_.page_count) {
    for (const auto& s : sequences)
      what_.append(" ").append(std::to_string(s.past)).append("+").append(std::to_string(s.rows));
    std::vector<float> qkv = c.cases.normal(batch_.tokens() * shape.width());
    for (float& value : qkv) value = round_activation(shape.activation, value);
    const std::vector<float> rotation = rotation_table(batch_.longest, shape.head_dim);
    twin_ = compute_twin(c, shape, batch_, qkv, rotation, written_.poison());
    upload(to_bits(shape.activation, qkv), rotation);
  }

  void run() {
    // Rows that decode write their own k and v to one cache; rope_kv_write writes all of the other.
    write(written_, tokens_, tokens_qkv_.as<uint16_t>());
    write(other_, tokens_, tokens_qkv_.as<uint16_t>());
    const std::vector<uint16_t> first = attend_step(true), second = attend_step(false);
    expect_near("", first, batch_.rows());
    expect_padding_kept(first);
    // The second time also shows that counters of split contexts went back to zero.
    c_.report.same_bits(what_ + " again", second.data(), first.data(), first.size());
    const std::vector<uint16_t> qkv = from_gpu<uint16_t>(c_, rows_qkv_, twin_.qkv.size());
    c_.report.same_bits(what_ + " qkv", qkv.data(), twin_.qkv.data(), qkv.size());

    write(other_, decoding(), rows_qkv_.as<uint16_t>());
    const CacheImage image = other_.take(c_, what_);
    expect_same_cache(c_, what_ + " written by rope_kv_write", image, twin_.cache);
    expect_same_cache(c_, what_ + " written by decoding", written_.take(c_, what_), image);
    const Poisoned out(c_, twin_.want.size() * 2);
    prefill(other_, batch_.alone, out);
    expect_near(" as prompts of one", out.take<uint16_t>(c_, what_), batch_.decode_rows);
  }

 private:
  void upload(const std::vector<uint16_t>& qkv, const std::vector<float>& rotation) {
    std::vector<int32_t> positions = batch_.positions;
    std::vector<uint16_t> rows(static_cast<size_t>(batch_.rows() * shape_.width()));
    for (int64_t row = 0; row < batch_.rows(); ++row) {
      const int64_t token = batch_.token[static_cast<size_t>(row)];
      if (token < 0) continue;
      if (row < batch_.decode_rows) positions[static_cast<size_t>(token)] = -1;
      std::copy_n(qkv.data() + token * shape_.width(), shape_.width(),
                  rows.data() + row * shape_.width());
    }
    rotation_ = to_gpu(rotation), pages_ = to_gpu(batch_.pages);
    tokens_qkv_ = to_gpu(qkv), rows_qkv_ = to_gpu(rows);
    token_positions_ = to_gpu(positions), token_first_page_ = to_gpu(batch_.first_page);
    row_positions_ = to_gpu(batch_.row_positions), row_first_page_ = to_gpu(batch_.row_first_page);
    tokens_ = {token_positions_.as<int32_t>(), token_first_page_.as<int32_t>(),
               pages_.as<int32_t>(), batch_.tokens()};
    rows_ = {row_positions_.as<int32_t>(), row_first_page_.as<int32_t>(), pages_.as<int32_t>(),
             batch_.rows()};
  }
  gpu_ops::RowPlaces decoding() const {
    return {rows_.positions, rows_.first_page, rows_.pages, batch_.decode_rows};
  }
  gpu_ops::RowPlaces prompts() const {
    return {rows_.positions + batch_.decode_rows, rows_.first_page + batch_.decode_rows,
            rows_.pages, batch_.rows() - batch_.decode_rows};
  }
  void write(const GpuCache& cache, const gpu_ops::RowPlaces& places, uint16_t* qkv) {
    if (places.rows == 0) return;
    gpu_ops::rope_kv_write(c_.gpu, shape_.activation, cache.kv(), places, rotation_.as<float>(),
                           qkv, shape_.heads);
  }
  void prefill(const GpuCache& cache, const std::vector<gpu_ops::AttentionTile>& tiles,
               const Poisoned& out) {
    if (tiles.empty()) return;
    const gpu_ops::DeviceBuffer there = to_gpu(tiles);
    gpu_ops::attention_prefill(
        c_.gpu, shape_.activation, cache.kv(), rows_, there.as<gpu_ops::AttentionTile>(),
        static_cast<int64_t>(tiles.size()), rows_qkv_.as<void>(), shape_.heads, out.data());
    c_.gpu.synchronize();  // before the tiles go
  }
  // The step's output; prompts are turned and written the first time.
  std::vector<uint16_t> attend_step(bool with_writes) {
    const Poisoned out(c_, twin_.want.size() * 2);
    if (batch_.decode_rows > 0) {
      gpu_ops::attention_decode(c_.gpu, shape_.activation, written_.kv(), decoding(),
                                rotation_.as<float>(), rows_qkv_.as<void>(), shape_.heads,
                                scratch_.as<void>(), out.data());
    }
    if (with_writes)
      write(written_, prompts(), rows_qkv_.as<uint16_t>() + batch_.decode_rows * shape_.width());
    prefill(written_, batch_.prompts, out);
    return out.take<uint16_t>(c_, what_);
  }
  // Of the first `rows`. Weights are rounded to 16 bits before they meet v, and so are sums.
  void expect_near(const std::string& how, std::vector<uint16_t> got, int64_t rows) {
    got.resize(static_cast<size_t>(rows * shape_.out_width()));
    std::vector<double> want = twin_.want;
    want.resize(got.size());
    const double unit = rounding_of(shape_.activation);
    c_.report.near(what_ + how, from_bits(shape_.activation, got), want, [&](size_t i) {
      return 1.25 * unit * (std::fabs(want[i]) + twin_.spread[i]) + 2e-5;
    });
  }
  void expect_padding_kept(const std::vector<uint16_t>& out) {
    bool kept = true;
    for (size_t i = 0; i < out.size(); ++i)
      kept = kept && (std::isfinite(twin_.want[i]) || out[i] == 0xffff);
    c_.report.expect(kept, what_ + ": wrote a row that only fills up");
  }

  const GpuCases& c_;
  const GpuAttentionShape shape_;
  const gpu_ops::DeviceBuffer& scratch_;
  std::string what_;
  AttentionBatch batch_;
  GpuCache written_, other_;
  AttentionTwin twin_;
  gpu_ops::DeviceBuffer rotation_, pages_, tokens_qkv_, rows_qkv_, token_positions_,
      token_first_page_, row_positions_, row_first_page_;
  gpu_ops::RowPlaces tokens_{}, rows_{};
};

// What the twin adds to the CPU's operators.
inline void check_attention_twin(const GpuCases& c) {
  bool exact = true, nearest = true;
  for (int bits = 0; bits < 256; ++bits) {
    if ((bits & 0x7f) == 0x7f) continue;  // NaN
    exact = exact && to_float8(from_float8(static_cast<uint8_t>(bits))) == bits;
  }
  for (float value : c.cases.normal(2000, 100.0f)) {
    value = std::ldexp(value, static_cast<int>(c.cases.below(20)) - 17);
    const double want = std::clamp(round_to(value, 3, -6, INFINITY), -448.0, 448.0);
    nearest = nearest && from_float8(to_float8(value)) == want;
  }
  c.report.expect(exact, "e4m3 values are themselves");
  c.report.expect(nearest, "e4m3 rounds to nearest even");
  const int64_t head_dim = 64, positions = 50;
  const std::vector<float> rotation = rotation_table(positions, head_dim);
  const std::vector<float> frequencies = frequencies_of(head_dim);
  for (int32_t position = 0; position < positions; ++position) {
    std::vector<float> x = c.cases.normal(head_dim);
    const std::vector<float> y = turned(x.data(), rotation, position, head_dim);
    ops::rope(c.cpu, x.data(), head_dim, &position, {frequencies.data(), head_dim, false}, 1, 1,
              head_dim);
    c.report.near("the twin's turn", y, {x.begin(), x.end()}, [](size_t) { return 2e-6; });
  }
}

inline void check_gpu_attention(const GpuCases& c) {
  using gpu_ops::Activation;
  check_attention_twin(c);
  const std::vector<std::vector<AttentionSequence>> batches = {
      // Split contexts between padding, of few rows and of more.
      {{-1, 1}, {700, 1}, {-1, 1}, {1500, 1}, {-1, 1}},
      {{-1, 1}, {200, 1}, {-1, 1}, {90, 1}, {500, 1}, {33, 1}, {0, 1}, {-1, 1}, {300, 1}},
      {{400, 1}, {20, 1}, {77, 1}, {130, 1}},
      {{100, 1}, {37, 1}, {0, 5}, {64, 64}, {333, 130}, {7, 17}},
      {{16, 1}, {1000, 1}, {300, 1}},
      {{0, 1}},
      {{15, 1}},
      {{0, 2}},
      {{0, 200}},
  };
  const std::vector<GpuAttentionShape> shapes = {{{}, false, 4, 2, 64, 16},
                                                 {{}, false, 8, 8, 128, 16},
                                                 {{}, false, 32, 8, 128, 16},
                                                 {{}, false, 12, 2, 128, 32},
                                                 {{}, false, 16, 2, 128, 16}};
  // One scratch memory for all, zeroed once, as an engine has it.
  int64_t bytes = 0;
  for (const GpuAttentionShape& s : shapes)
    bytes =
        std::max(bytes, gpu_ops::decode_scratch_bytes(c.gpu, 512, s.heads, s.kv_heads, s.head_dim));
  const gpu_ops::DeviceBuffer scratch(static_cast<size_t>(bytes));
  gpu_ops::fill_bytes(c.gpu.stream(), scratch.as<void>(), 0, scratch.size());
  size_t turn = 0;
  for (const Activation activation : {Activation::kFloat16, Activation::kBFloat16}) {
    for (const bool float8 : {false, true}) {
      for (GpuAttentionShape shape : shapes) {
        shape.activation = activation, shape.float8 = float8;
        for (const auto& batch : batches) {
          if (c.cases.quick && turn++ % 3 != 0) continue;
          GpuAttentionCheck(c, shape, batch, scratch).run();
        }
      }
    }
  }
  // More rows than split contexts; few rows, but more of them times heads than multiprocessors.
  const std::vector<AttentionSequence> many(300, {20, 1});
  GpuAttentionCheck(c, {Activation::kFloat16, false, 8, 2, 128, 16}, many, scratch).run();
  const std::vector<AttentionSequence> few = {{-1, 1}, {100, 1}, {20, 1}, {-1, 1},
                                              {77, 1}, {130, 1}, {0, 1},  {45, 1}};
  for (const bool float8 : {false, true})
    GpuAttentionCheck(c, {Activation::kFloat16, float8, 32, 32, 128, 16}, few, scratch).run();
}

}  // namespace loadmark::check
