// Where aligned memory comes from and how it is given back.
#include "base/aligned_buffer.h"

#include <cstdlib>
#include <string>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "base/error.h"

namespace loadmark {
namespace {

constexpr size_t kCacheLine = 64;
constexpr size_t kHugePage = size_t{2} << 20;

size_t round_up(size_t value, size_t step) { return (value + step - 1) / step * step; }

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  const size_t alignment = bytes >= 2 * kHugePage ? kHugePage : kCacheLine;
  const size_t rounded = round_up(bytes, alignment);
  if (rounded >= bytes) data_ = std::aligned_alloc(alignment, rounded);
  if (data_ == nullptr) {
    throw Error(kOutOfMemory, "could not allocate " + std::to_string(bytes) + " bytes");
  }
#if defined(__linux__)
  // Advice only: without transparent huge pages the block works the same, with more TLB misses.
  if (alignment == kHugePage) (void)madvise(data_, rounded, MADV_HUGEPAGE);
#endif
}

AlignedBuffer::~AlignedBuffer() { std::free(data_); }

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void AlignedBuffer::reserve(size_t bytes) {
  if (bytes <= bytes_) return;
  *this = AlignedBuffer();  // free first: old and new need not coexist
  *this = AlignedBuffer(bytes + bytes / 4);
}

}  // namespace loadmark
