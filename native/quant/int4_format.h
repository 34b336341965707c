// The only definition of how a group-quantized weight is numbered: groups, scales, zero points,
// nibble order on disk.
//
//   w[n][k] = scale[g][n] * (q[n][k] - zero[g][n]),  q in 0..15,  g = g_idx[k]  (k / group_size
//   without act-order)
//   or, where groups have offsets instead of zero points (ggml's Q4_1):
//   w[n][k] = scale[g][n] * q[n][k] + offset[g][n]
//
// On disk (the GPTQ checkpoint format, AutoGPTQ's "gptq" = v1 and GPTQModel's "gptq_v2"):
//   qweight (k/8, n) int32: 8 consecutive k of one n in a word, least significant nibble first
//   qzeros  (groups, n/8) int32: 8 consecutive n in a word; v1 stores zero - 1, v2 stores zero
//   scales  (groups, n) fp16        g_idx (k) int32
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace loadmark {

enum class ZeroConvention { kV1, kV2 };

// A weight with its integers unpacked: the meeting point of checkpoint readers, quantizers and
// kernel packers.
struct Int4Weight {
  int64_t n = 0;  // output features
  int64_t k = 0;  // input features
  int64_t group_size =
      0;  // columns a scale covers; == k for one scale a row ("row", group_size -1 on disk)
  bool symmetric = true;       // every zero is 8
  std::vector<uint8_t> q{};    // (n, k), one value 0..15 a byte
  std::vector<float> scale{};  // (groups, n), exactly representable in fp16
  std::vector<uint8_t>
      zero{};  // (groups, n), 0..15 (16 is possible under v1's wrap and is refused)
  std::vector<float> offset{};   // (groups, n), exactly representable in fp16; empty: zero points
  std::vector<int32_t> g_idx{};  // (k), empty when g_idx[k] == k / group_size
  // With g_idx: how many groups there are where not all of them are full; 0: as many as k fills.
  int64_t group_count = 0;

  int64_t groups() const {
    return group_count > 0 ? group_count : (k + group_size - 1) / group_size;
  }
  int64_t group_of(int64_t column) const {
    return g_idx.empty() ? column / group_size : g_idx[static_cast<size_t>(column)];
  }
};

// Refuses a scale that is negative or not finite: Error(kBadCheckpoint) naming its place.
void require_scale(float scale, int64_t group, int64_t row);
// (groups, n) fp16 bits, each checked so.
std::vector<float> read_scales(const uint16_t* scales, int64_t groups, int64_t n);
// Checks g_idx (k) against the weight's groups; kept where it is not k / group_size everywhere.
void take_g_idx(const int32_t* g_idx, Int4Weight* weight);

// What the data say of the zero points' convention. `words` of qzeros that are all 0x77777777 or
// all 0x88888888 are symmetric v1 or v2. Otherwise weights have a mean near 0: the mean of q -
// stored zero is near 1 under v1 and near 0 under v2. Nothing where it is near neither. Throws
// Error(kBadCheckpoint) on g_idx out of range, where it is read.
std::optional<ZeroConvention> detect_convention(const int32_t* qweight, const int32_t* qzeros,
                                                const int32_t* g_idx, int64_t n, int64_t k,
                                                int64_t group_size);

// Unpacks the four tensors of a GPTQ linear. Throws Error(kBadCheckpoint) on non-finite or negative
// scales and on g_idx out of range. `qweight` (k/8, n), `qzeros` (groups, n/8), `scales` (groups,
// n) fp16 bits, `g_idx` (k) or null.
Int4Weight unpack_gptq(const int32_t* qweight, const int32_t* qzeros, const uint16_t* scales,
                       const int32_t* g_idx, int64_t n, int64_t k, int64_t group_size,
                       ZeroConvention convention);

// The inverse: fills vectors in the on-disk layout. k % 8 == 0 and n % 8 == 0.
struct GptqTensors {
  std::vector<int32_t> qweight, qzeros, g_idx;
  std::vector<uint16_t> scales;  // fp16 bits
};
GptqTensors pack_gptq(const Int4Weight& weight, ZeroConvention convention);

// w (n, k) fp32 from the integers.
void dequantize(const Int4Weight& weight, float* w);

}  // namespace loadmark
