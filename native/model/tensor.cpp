// One table of types; rows are put in order as bytes, since a block never reaches over its row.
#include "model/tensor.h"

#include <cstring>

#include "base/error.h"
#include "base/float16.h"

namespace loadmark {
namespace {

struct TypeEntry {
  DataType type;
  const char* name;
  int64_t values, bytes;
};
constexpr TypeEntry kTypes[] = {
    {DataType::kFloat32, "F32", 1, 4},   {DataType::kBFloat16, "BF16", 1, 2},
    {DataType::kFloat16, "F16", 1, 2},   {DataType::kInt32, "I32", 1, 4},
    {DataType::kInt64, "I64", 1, 8},     {DataType::kInt8, "I8", 1, 1},
    {DataType::kUInt8, "U8", 1, 1},      {DataType::kQ4_0, "Q4_0", 32, 18},
    {DataType::kQ4_1, "Q4_1", 32, 20},   {DataType::kQ5_0, "Q5_0", 32, 22},
    {DataType::kQ5_1, "Q5_1", 32, 24},   {DataType::kQ8_0, "Q8_0", 32, 34},
    {DataType::kQ4_K, "Q4_K", 256, 144}, {DataType::kQ5_K, "Q5_K", 256, 176},
    {DataType::kQ6_K, "Q6_K", 256, 210},
};

const TypeEntry& entry(DataType type) {
  for (const TypeEntry& each : kTypes) {
    if (each.type == type) return each;
  }
  throw Error(kInternal, "a data type without a name");
}

}  // namespace

const char* data_type_name(DataType type) { return entry(type).name; }
int64_t data_type_values(DataType type) { return entry(type).values; }
int64_t data_type_bytes(DataType type) { return entry(type).bytes; }

bool is_float(DataType type) {
  return type == DataType::kFloat32 || type == DataType::kBFloat16 || type == DataType::kFloat16;
}

bool is_block(DataType type) { return type >= DataType::kQ4_0; }

BlockFormat block_format(DataType type) {
  if (!is_block(type)) throw Error(kInternal, "no block type");
  return static_cast<BlockFormat>(static_cast<int>(type) - static_cast<int>(DataType::kQ4_0));
}

int64_t Tensor::stored_row(int64_t row, int64_t rows) const {
  if (interleaved_heads == 0) return row;
  const int64_t width = rows / interleaved_heads, half = width / 2;
  const int64_t within = row % width;
  return row - within + 2 * (within % half) + within / half;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::vector<uint8_t> copy_bytes(const Tensor& tensor) {
  std::vector<uint8_t> copy(static_cast<size_t>(tensor.bytes));
  if (tensor.bytes == 0) return copy;
  if (tensor.interleaved_heads == 0) {
    std::memcpy(copy.data(), tensor.data, copy.size());
    return copy;
  }
  const int64_t rows = tensor.shape.front(), stride = tensor.bytes / rows;
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(copy.data() + row * stride, tensor.data + tensor.stored_row(row, rows) * stride,
                static_cast<size_t>(stride));
  }
  return copy;
}

std::vector<float> decode_float32(const Tensor& tensor) {
  const std::vector<uint8_t> bytes = copy_bytes(tensor);
  std::vector<float> values(static_cast<size_t>(tensor.count()));
  if (is_block(tensor.type)) {
    decode_blocks(block_format(tensor.type), bytes.data(),
                  tensor.bytes / data_type_bytes(tensor.type), values.data());
  } else if (tensor.type == DataType::kFloat32) {
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  } else if (is_float(tensor.type)) {
    for (size_t i = 0; i < values.size(); ++i) {
      uint16_t bits;
      std::memcpy(&bits, bytes.data() + 2 * i, 2);
      values[i] =
          tensor.type == DataType::kBFloat16 ? bfloat16_to_float(bits) : float16_to_float(bits);
    }
  } else {
    throw Error(kBadCheckpoint, "tensor " + tensor.name + " has dtype " +
                                    data_type_name(tensor.type) + "; allowed: a float or a block");
  }
  return values;
}

}  // namespace loadmark
