// A regular file's bytes, mapped read-only for as long as this lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace loadmark {

class MappedFile {
 public:
  // Throws Error(kBadCheckpoint) with the system's reason, and where the file is empty.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  const uint8_t* bytes() const { return static_cast<const uint8_t*>(memory_); }
  int64_t size() const { return size_; }

 private:
  void* memory_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace loadmark
