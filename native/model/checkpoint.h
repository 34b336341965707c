// Which tensors does a checkpoint hold, and where? Maps a folder's model.safetensors or the shards
// that model.safetensors.index.json names, or one .gguf file, checks every header, and answers by
// Hugging Face's tensor names.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/mapped_file.h"
#include "model/tensor.h"

namespace loadmark {

class Checkpoint {
 public:
  // A folder, or a .gguf file.
  explicit Checkpoint(const std::string& path);

  const std::map<std::string, Tensor, std::less<>>& tensors() const { return tensors_; }
  bool is_gguf() const { return is_gguf_; }
  bool has(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }
  // Throws Error(kBadCheckpoint) naming the tensor when it is missing.
  const Tensor& find(std::string_view name) const;
  // As find, and throws when shape or type are not these.
  const Tensor& find(std::string_view name, const std::vector<int64_t>& shape) const;
  // A float or block tensor of this shape in fp32. Throws when a value is not finite.
  std::vector<float> read_float32(std::string_view name, const std::vector<int64_t>& shape) const;

 private:
  void open_folder(const std::string& folder);
  void open_gguf(const std::string& path);
  void map_shard(const std::string& path, const std::string& file);
  void add(Tensor tensor, const std::string& file);
  std::vector<std::unique_ptr<MappedFile>> files_;
  std::map<std::string, Tensor, std::less<>> tensors_;
  bool is_gguf_ = false;
};

}  // namespace loadmark
