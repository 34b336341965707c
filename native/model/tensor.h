// What is a tensor of a file? Its name, type, shape and bytes; a type is a scalar's or one of
// ggml's blocks, which hold several values of a row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "quant/ggml_blocks.h"

namespace loadmark {

enum class DataType {
  kFloat32,
  kBFloat16,
  kFloat16,
  kInt32,
  kInt64,
  kInt8,
  kUInt8,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ4_K,
  kQ5_K,
  kQ6_K
};
const char* data_type_name(DataType type);  // as its format spells it: "F32", "BF16", "Q4_K", ...
int64_t data_type_values(DataType type);    // values a unit holds: 1, or a block's
int64_t data_type_bytes(DataType type);     // of such a unit
bool is_float(DataType type);               // F32, BF16, F16
bool is_block(DataType type);
BlockFormat block_format(DataType type);  // of a block type

// A tensor inside a mapped file; valid as long as its Checkpoint lives. `data` may be unaligned.
struct Tensor {
  std::string name;
  DataType type = DataType::kFloat32;
  std::vector<int64_t> shape;  // a row's length last
  const uint8_t* data = nullptr;
  int64_t bytes = 0;
  std::string file = {};    // the one it lies in
  std::string stored = {};  // its name there, where `name` is a translation
  // > 0: the rows of each of so many heads lie in llama.cpp's order for rotary embedding, row i of
  // the first half beside row i of the second.
  int64_t interleaved_heads = 0;

  int64_t count() const { return bytes / data_type_bytes(type) * data_type_values(type); }
  // Where row `row` of a matrix of `rows` rows lies in `data`, interleaving undone.
  int64_t stored_row(int64_t row, int64_t rows) const;
};
std::string shape_text(const std::vector<int64_t>& shape);  // "[64, 128]"

// The tensor's bytes, rows in their own order.
std::vector<uint8_t> copy_bytes(const Tensor& tensor);
// The values of a float or block tensor in fp32, exactly what the format's reference computes.
std::vector<float> decode_float32(const Tensor& tensor);

}  // namespace loadmark
