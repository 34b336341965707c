// Owns a block of memory aligned for vector loads; large blocks ask for huge pages, since weights
// are streamed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace loadmark {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Uninitialised; throws Error(kOutOfMemory). Aligned to 64 bytes, from 4 MiB on to a 2 MiB page.
  explicit AlignedBuffer(size_t bytes);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  // Grows to at least `bytes`, losing the content when it has to move. For scratch memory.
  void reserve(size_t bytes);
  size_t size() const { return bytes_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace loadmark
