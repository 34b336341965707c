// A number of bytes as messages tell it: exactly, and in GiB for the reader.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace loadmark {

inline std::string gibibytes(int64_t bytes) {
  char text[64];
  std::snprintf(text, sizeof text, "%lld bytes (%.2f GiB)", static_cast<long long>(bytes),
                static_cast<double>(bytes) / (1 << 30));
  return text;
}

}  // namespace loadmark
