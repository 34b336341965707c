// A file of sysfs or procfs that holds a number: opened once, read again and again.
#pragma once

#include <optional>
#include <string>

namespace loadmark::telemetry {

class NumberFile {
 public:
  // Holds nothing where the file cannot be read: reason() says why.
  explicit NumberFile(const std::string& path);
  ~NumberFile();
  NumberFile(NumberFile&& other) noexcept;
  NumberFile& operator=(NumberFile&&) = delete;
  NumberFile(const NumberFile&) = delete;
  NumberFile& operator=(const NumberFile&) = delete;

  // The number that the file begins with; nothing where it is none, or cannot be read.
  std::optional<double> read() const;
  // Up to 255 characters from its start, without the last newline.
  std::optional<std::string> read_text() const;
  const std::string& reason() const { return reason_; }

 private:
  int descriptor_ = -1;
  std::string reason_;
};

}  // namespace loadmark::telemetry
