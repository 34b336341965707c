#include "telemetry/number_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace loadmark::telemetry {

NumberFile::NumberFile(const std::string& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  char first;
  if (descriptor_ < 0 || ::pread(descriptor_, &first, 1, 0) < 0)
    reason_ = path + ": " + std::strerror(errno);
}

NumberFile::~NumberFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

NumberFile::NumberFile(NumberFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), reason_(std::move(other.reason_)) {}

std::optional<std::string> NumberFile::read_text() const {
  if (descriptor_ < 0) return std::nullopt;
  char text[256];
  const ssize_t count = ::pread(descriptor_, text, sizeof text - 1, 0);
  if (count < 0) return std::nullopt;
  std::string read(text, static_cast<size_t>(count));
  while (!read.empty() && (read.back() == '\n' || read.back() == ' ')) read.pop_back();
  return read;
}

std::optional<double> NumberFile::read() const {
  const std::optional<std::string> text = read_text();
  if (!text.has_value()) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(text->c_str(), &end);
  if (end == text->c_str()) return std::nullopt;
  return value;
}

}  // namespace loadmark::telemetry
