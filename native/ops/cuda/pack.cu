// From integers as checkpoints have them to the blocks that the int4 kernels read, and random
// weights of the same form; float and int8 weights as rows.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <thread>

#include "base/float16.h"
#include "ops/cuda/device/number.cuh"
#include "ops/cuda/device/split_mix.cuh"
#include "ops/cuda/launch.cuh"
#include "ops/cuda/packed.cuh"

namespace loadmark::ops::cuda {
namespace {

// Columns in the order of their groups, every group a whole number of segments; -1 fills up.
struct ColumnOrder {
  std::vector<int32_t> columns;  // (k_blocks * 128)
  std::vector<int32_t> groups;   // of each segment
  int segments = 1;              // of a block
  bool natural = true;           // column i is i, up to the end
};

ColumnOrder order_columns(const Int4Weight& w) {
  ColumnOrder order;
  order.segments = int4_segments(w.k, w.group_size);
  const int64_t length = kBlockColumns / order.segments;
  std::vector<int32_t> sorted(static_cast<size_t>(w.k));
  std::iota(sorted.begin(), sorted.end(), 0);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](int32_t a, int32_t b) { return w.group_of(a) < w.group_of(b); });
  int32_t group = -1;
  const auto fill_segment = [&] {
    while (order.columns.size() % static_cast<size_t>(length) != 0) order.columns.push_back(-1);
  };
  for (const int32_t column : sorted) {
    const auto next = static_cast<int32_t>(w.group_of(column));
    if (next != group) fill_segment();
    group = next;
    if (order.columns.size() % static_cast<size_t>(length) == 0) order.groups.push_back(group);
    order.columns.push_back(column);
  }
  while (order.columns.size() % kBlockColumns != 0) {
    if (order.columns.size() % static_cast<size_t>(length) == 0) order.groups.push_back(-1);
    order.columns.push_back(-1);
  }
  for (int64_t i = 0; i < static_cast<int64_t>(order.columns.size()); ++i) {
    order.natural = order.natural && order.columns[static_cast<size_t>(i)] == (i < w.k ? i : -1);
  }
  return order;
}

// The output that row `row` of strip `strip` holds; -1: none.
int64_t output_of(int64_t strip, int row, int64_t n, bool gate_up) {
  const int64_t half = n / 2;
  if (!gate_up) return strip * kStripRows + row < n ? strip * kStripRows + row : -1;
  const int64_t at = strip * 8 + row % 8;
  return at >= half ? -1 : row < 8 ? at : half + at;
}

int64_t strips_for(int64_t n, bool gate_up) {
  return gate_up ? (n / 2 + 7) / 8 : (n + kStripRows - 1) / kStripRows;
}

void fill_block(const Int4Weight& w, const ColumnOrder& order, bool has_zeros, bool gate_up,
                float up, int64_t strip, int64_t k_block, uint8_t* block, uint8_t* meta) {
  int64_t outputs[kStripRows];
  for (int row = 0; row < kStripRows; ++row) outputs[row] = output_of(strip, row, w.n, gate_up);
  for (int word = 0; word < kBlockNibbleBytes / 4; ++word) {
    const int half = word / 128, lane = word % 128 / 4, s = word % 4, g = lane / 4, t = lane % 4;
    uint32_t bits = 0;
    for (int nibble = 0; nibble < 8; ++nibble) {
      const int column = 64 * half + 16 * s + 2 * t + nibble / 4 + nibble % 4 / 2 * 8;
      const int64_t output = outputs[g + nibble % 2 * 8];
      const int32_t source = order.columns[static_cast<size_t>(k_block * kBlockColumns + column)];
      const uint32_t q =
          output < 0 || source < 0 ? 0 : w.q[static_cast<size_t>(output * w.k + source)];
      bits |= (q & 15) << (4 * nibble);
    }
    reinterpret_cast<uint32_t*>(block)[word] = bits;
  }
  auto* scales = reinterpret_cast<uint16_t*>(meta);
  uint16_t* zeros = scales + order.segments * kStripRows;
  for (int segment = 0; segment < order.segments; ++segment) {
    const int32_t group = order.groups[static_cast<size_t>(k_block * order.segments + segment)];
    for (int row = 0; row < kStripRows; ++row) {
      const bool real = outputs[row] >= 0 && group >= 0;
      const auto at = static_cast<size_t>(group * w.n + outputs[row]);
      scales[segment * kStripRows + row] = real ? float_to_float16(w.scale[at] * up) : 0;
      if (has_zeros) zeros[segment * kStripRows + row] = real ? w.zero[at] : 0;
    }
  }
}

void in_parallel(int64_t count, const std::function<void(int64_t)>& body) {
  const int64_t threads = std::clamp<int64_t>(std::thread::hardware_concurrency(), 1, 32);
  std::vector<std::jthread> pool;  // joined whatever happens
  for (int64_t thread = 0; thread < threads; ++thread) {
    pool.emplace_back([=, &body] {
      for (int64_t i = thread; i < count; i += threads) body(i);
    });
  }
}

LinearWeight finish(LinearWeight w, LinearWeight::Packed packed) {
  w.bytes = static_cast<int64_t>(packed.data.size() + packed.meta.size() + packed.scale.size() +
                                 packed.order.size());
  w.packed = std::make_shared<LinearWeight::Packed>(std::move(packed));
  return w;
}

LinearWeight::Packed plan_blocks(int64_t n, bool gate_up, int64_t k_blocks, int segments,
                                 bool has_zeros, int exponent) {
  LinearWeight::Packed packed;
  packed.layout.n = n;
  packed.layout.strips = static_cast<int>(strips_for(n, gate_up));
  packed.layout.k_blocks = static_cast<int>(k_blocks);
  packed.layout.segments = segments;
  packed.layout.has_zeros = has_zeros;
  packed.layout.meta_bytes = segments * kStripRows * 2 * (has_zeros ? 2 : 1);
  packed.layout.unscale = std::ldexp(1.0f, -exponent);
  const size_t tiles = static_cast<size_t>(packed.layout.strips + kTileStrips - 1) / kTileStrips;
  const size_t blocks = tiles * static_cast<size_t>(k_blocks) * kTileStrips;
  packed.data = DeviceBuffer(blocks * kBlockNibbleBytes);
  packed.meta = DeviceBuffer(blocks * static_cast<size_t>(packed.layout.meta_bytes));
  packed.layout.blocks = packed.data.as<uint8_t>();
  packed.layout.meta = packed.meta.as<uint8_t>();
  return packed;
}

// Brings the largest scale to between 1/32 and 1/16.
int exponent_for(float largest) {
  int exponent = 0;
  if (!(largest > 0) || !std::isfinite(largest)) return 0;
  std::frexp(largest, &exponent);  // largest = f 2^exponent, f in [1/2, 1)
  return -4 - exponent - (std::ldexp(largest, -4 - exponent) > 0.0624f ? 1 : 0);
}

void require_multiple(const char* what, int64_t value, int64_t of) {
  if (value % of != 0) {
    throw Error(kUnsupportedModel, std::string("a linear has ") + std::to_string(value) + " " +
                                       what + "; allowed on a GPU: multiples of " +
                                       std::to_string(of));
  }
}

// Whether half the smallest scale, brought below 1/16 with the largest, is still a normal number:
// Number<__half>::fused adds it to every weight of its row, so bits lost there do not average out.
// At 512 times they made such a row's error, worked out on a CPU, five times that of even scales.
bool has_even_scales(const Int4Weight& w) {
  float largest = 0, smallest = INFINITY;
  for (const float scale : w.scale) {
    largest = std::max(largest, scale);
    if (scale > 0) smallest = std::min(smallest, scale);
  }
  return smallest * 256 >= largest;
}

void upload_to(const DeviceBuffer& buffer, const void* host) {
  check_cuda(cudaMemcpy(buffer.as<void>(), host, buffer.size(), cudaMemcpyHostToDevice),
             "an upload of weights");
  check_cuda(cudaStreamSynchronize(cudaStreamLegacy), "an upload of weights");
}

// Where the blocks of a part lie in the whole: strips of each range of outputs, and k blocks.
struct BlockPlaces {
  static constexpr int kMostRanges = 3;
  int64_t first_strip[kMostRanges];  // here
  int64_t whole_strip[kMostRanges];  // where that is in the whole
  int ranges;
  int64_t first_k_block, whole_k_blocks;
};

// Word by word what stands in the whole at the same strip, k block and place in the block.
__global__ void random_blocks_kernel(uint64_t* words, int64_t count, int64_t k_blocks,
                                     BlockPlaces places, uint64_t seed) {
  constexpr int kWords = kBlockNibbleBytes / 8;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += int64_t{gridDim.x} * blockDim.x) {
    const int64_t block = i / kWords, row = block / kTileStrips;
    int64_t strip = row / k_blocks * kTileStrips + block % kTileStrips;
    int range = places.ranges - 1;
    while (range > 0 && strip < places.first_strip[range]) --range;
    strip += places.whole_strip[range] - places.first_strip[range];
    const int64_t whole_block =
        strip * places.whole_k_blocks + row % k_blocks + places.first_k_block;
    words[i] = split_mix(seed, static_cast<uint64_t>(whole_block * kWords + i % kWords));
  }
}

__global__ void fill_halves_kernel(uint16_t* values, int64_t count, uint16_t value) {
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += int64_t{gridDim.x} * blockDim.x) {
    values[i] = value;
  }
}

template <class T>
__global__ void random_float_kernel(T* values, int64_t count, float spread, uint64_t seed,
                                    int64_t first) {
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += int64_t{gridDim.x} * blockDim.x) {
    const uint64_t bits = split_mix(seed, static_cast<uint64_t>(first + i));
    const float uniform = static_cast<float>(bits >> 40) * 0x1.0p-23f - 1.0f;  // -1..1
    values[i] = Number<T>::from_float(uniform * spread);
  }
}

}  // namespace

LinearWeight pack_int4(const Int4Weight& w, bool gate_up) {
  require_multiple("inputs", w.k, 8);
  if (gate_up) require_multiple("outputs", w.n, 2);
  const ColumnOrder order = order_columns(w);
  const bool has_zeros =
      !std::all_of(w.zero.begin(), w.zero.end(), [](uint8_t zero) { return zero == 8; });
  const auto k_blocks = static_cast<int64_t>(order.columns.size()) / kBlockColumns;
  // Where scales lie so far apart that some would become subnormal, they are stored as they are.
  const bool fused = has_even_scales(w);
  const int exponent = fused ? exponent_for(*std::max_element(w.scale.begin(), w.scale.end())) : 0;
  LinearWeight::Packed packed =
      plan_blocks(w.n, gate_up, k_blocks, order.segments, has_zeros, exponent);
  const Int4Layout& layout = packed.layout;
  std::vector<uint8_t> blocks(packed.data.size()), meta(packed.meta.size());
  in_parallel(layout.strips, [&](int64_t strip) {
    for (int64_t k_block = 0; k_block < k_blocks; ++k_block) {
      const size_t at = layout.block(static_cast<int>(strip), static_cast<int>(k_block));
      fill_block(w, order, has_zeros, gate_up, std::ldexp(1.0f, exponent), strip, k_block,
                 blocks.data() + at * kBlockNibbleBytes,
                 meta.data() + at * static_cast<size_t>(layout.meta_bytes));
    }
  });
  upload_to(packed.data, blocks.data());
  upload_to(packed.meta, meta.data());
  packed.layout.fused = fused;
  if (!order.natural) {
    packed.order = upload(order.columns.data(), order.columns.size() * sizeof(int32_t));
  }
  return finish({WeightType::kInt4, w.n, w.k, w.group_size, 0, gate_up, nullptr},
                std::move(packed));
}

RandomPart whole_random(int64_t n, int64_t k, bool gate_up) {
  return {{{0, gate_up ? n / 2 : n}}, {0, k}, k};
}

LinearWeight random_int4(const Gpu& gpu, const RandomPart& part, int64_t group_size, bool gate_up,
                         uint64_t seed) {
  const int64_t k = part.inputs.count, strip_outputs = gate_up ? kStripRows / 2 : kStripRows;
  require_multiple("inputs", k, kBlockColumns);
  require_multiple("inputs before its part", part.inputs.first, kBlockColumns);
  require_multiple("columns a group", group_size, 32);
  BlockPlaces places = {};
  places.first_k_block = part.inputs.first / kBlockColumns;
  places.whole_k_blocks = part.k / kBlockColumns;
  int64_t n = 0;
  for (const RandomPart::Range& outputs : part.outputs) {
    require_multiple("outputs before its part", outputs.first, strip_outputs);
    require_multiple("outputs before its part", n, strip_outputs);
    places.first_strip[places.ranges] = n / strip_outputs;
    places.whole_strip[places.ranges] = outputs.first / strip_outputs;
    n += outputs.count;
    ++places.ranges;
  }
  if (gate_up) n *= 2;
  // A uniform nibble less 8 has a mean square of 21.5.
  const float scale = 1.0f / std::sqrt(21.5f * static_cast<float>(part.k));
  const int exponent = exponent_for(scale);
  const int64_t k_blocks = k / kBlockColumns;
  LinearWeight::Packed packed =
      plan_blocks(n, gate_up, k_blocks, int4_segments(k, group_size), false, exponent);
  packed.layout.fused = true;
  random_blocks_kernel<<<2048, 256, 0, gpu.stream()>>>(packed.data.as<uint64_t>(),
                                                       static_cast<int64_t>(packed.data.size() / 8),
                                                       k_blocks, places, seed);
  fill_halves_kernel<<<2048, 256, 0, gpu.stream()>>>(packed.meta.as<uint16_t>(),
                                                     static_cast<int64_t>(packed.meta.size() / 2),
                                                     float_to_float16(std::ldexp(scale, exponent)));
  check_cuda(cudaGetLastError(), "random_int4");
  return finish({WeightType::kInt4, n, k, group_size, 0, gate_up, nullptr}, std::move(packed));
}

LinearWeight pack_float(WeightType type, const void* w, int64_t n, int64_t k,
                        Activation activation) {
  require_multiple("inputs", k, 8);
  LinearWeight::Packed packed;
  const auto count = static_cast<size_t>(n * k);
  const WeightType native =
      activation == Activation::kFloat16 ? WeightType::kFloat16 : WeightType::kBFloat16;
  if (type == native) {
    packed.data = upload(w, count * 2);
  } else {  // rounded once, here: the tensor cores multiply 16 bits
    std::vector<uint16_t> bits(count);
    in_parallel(n, [&](int64_t row) {
      for (int64_t i = row * k; i < (row + 1) * k; ++i) {
        const float value = type == WeightType::kFloat32 ? static_cast<const float*>(w)[i]
                            : type == WeightType::kFloat16
                                ? float16_to_float(static_cast<const uint16_t*>(w)[i])
                                : bfloat16_to_float(static_cast<const uint16_t*>(w)[i]);
        bits[static_cast<size_t>(i)] =
            activation == Activation::kFloat16 ? float_to_float16(value) : float_to_bfloat16(value);
      }
    });
    packed.data = upload(bits.data(), count * 2);
  }
  return finish({native, n, k, 0, 0, false, nullptr}, std::move(packed));
}

DeviceBuffer random_values(const Gpu& gpu, int64_t count, Activation activation, float spread,
                           uint64_t seed, int64_t first) {
  DeviceBuffer values(static_cast<size_t>(count) * 2);
  with_activation(activation, [&]<class T>(T) {
    random_float_kernel<<<4096, 256, 0, gpu.stream()>>>(values.as<T>(), count, spread, seed, first);
  });
  check_cuda(cudaGetLastError(), "random_values");
  return values;
}

LinearWeight random_float(const Gpu& gpu, int64_t n, int64_t k, Activation activation,
                          uint64_t seed, int64_t first_row) {
  LinearWeight::Packed packed;
  packed.data = random_values(gpu, n * k, activation, std::sqrt(3.0f / static_cast<float>(k)), seed,
                              first_row * k);
  const bool half = activation == Activation::kFloat16;
  return finish({half ? WeightType::kFloat16 : WeightType::kBFloat16, n, k, 0, 0, false, nullptr},
                std::move(packed));
}

LinearWeight pack_int8(const int8_t* w, const float* scale, int64_t n, int64_t k) {
  require_multiple("inputs", k, 8);
  LinearWeight::Packed packed;
  packed.data = upload(w, static_cast<size_t>(n * k));
  packed.scale = upload(scale, static_cast<size_t>(n) * sizeof(float));
  return finish({WeightType::kInt8, n, k, 0, 0, false, nullptr}, std::move(packed));
}

int64_t gathered_columns(const LinearWeight& w) {
  return w.packed->order.size() > 0 ? int64_t{w.packed->layout.k_blocks} * kBlockColumns : 0;
}

}  // namespace loadmark::ops::cuda
