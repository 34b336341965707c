// Which tensors does a checkpoint folder hold, and where? Maps model.safetensors, or the shards
// that model.safetensors.index.json names, checks every header, and answers by tensor name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace loadmark {

enum class DataType { kFloat32, kBFloat16, kFloat16, kInt32, kInt64, kInt8, kUInt8 };
const char* data_type_name(DataType type);  // as safetensors spells it: "F32", "BF16", ...
int64_t data_type_bytes(DataType type);

// A tensor inside a mapped file; valid as long as its Checkpoint lives. `data` may be unaligned.
struct Tensor {
  std::string name;
  DataType type = DataType::kFloat32;
  std::vector<int64_t> shape;
  const uint8_t* data = nullptr;
  int64_t bytes = 0;

  int64_t count() const { return bytes / data_type_bytes(type); }
};
std::string shape_text(const std::vector<int64_t>& shape);  // "[64, 128]"

// Checks a whole safetensors file in memory: header length, JSON, names, dtypes, shapes, and that
// the data ranges neither overlap, leave holes nor pass the end. `file` names it in errors
// (kBadCheckpoint).
std::vector<Tensor> parse_safetensors(const uint8_t* bytes, int64_t size, const std::string& file);

class Checkpoint {
 public:
  explicit Checkpoint(const std::string& folder);
  ~Checkpoint();
  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  const std::map<std::string, Tensor, std::less<>>& tensors() const { return tensors_; }
  bool has(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }
  // Throws Error(kBadCheckpoint) naming the tensor when it is missing.
  const Tensor& find(std::string_view name) const;
  // As find, and throws when shape or type are not these.
  const Tensor& find(std::string_view name, const std::vector<int64_t>& shape) const;
  // An F32, BF16 or F16 tensor of this shape as floats. Throws when a value is not finite.
  std::vector<float> read_float32(std::string_view name, const std::vector<int64_t>& shape) const;

 private:
  struct Mapping;
  void map_file(const std::string& path, const std::string& file);
  std::vector<std::unique_ptr<Mapping>> mappings_;
  std::map<std::string, Tensor, std::less<>> tensors_;
};

}  // namespace loadmark
