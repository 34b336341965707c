// Writes one safetensors file: every tensor is declared first, so that the header is known, then
// filled in any order, so that no more than one tensor need be in memory. Reading is
// safetensors.h's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/safetensors.h"

namespace loadmark {

struct TensorDeclaration {
  std::string name;
  DataType type;
  std::vector<int64_t> shape;
};

class SafetensorsWriter {
 public:
  // Creates `path` (which must not exist) with its header; data is laid out in the order given,
  // widest types first. Throws Error(kBadArgument) on a name twice and Error(kWriteFailed) quoting
  // the system's reason.
  SafetensorsWriter(const std::string& path, std::vector<TensorDeclaration> tensors);
  ~SafetensorsWriter();  // closes the file; what was not finished is incomplete
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  // Throws Error(kInternal) when the name was not declared, was written already, or has another
  // size.
  void write(const std::string& name, const void* data, int64_t bytes);
  // Flushes to the disk. Throws Error(kInternal) naming a tensor that was never written.
  void finish();

  int64_t file_bytes() const { return file_bytes_; }

 private:
  struct Place {
    int64_t offset, bytes;
    bool written;
  };
  void write_at(const void* data, int64_t bytes, int64_t offset);

  std::string path_;
  int file_ = -1;
  int64_t file_bytes_ = 0;
  std::map<std::string, Place> places_;
};

}  // namespace loadmark
