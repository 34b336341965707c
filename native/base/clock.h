// What time is it? CLOCK_MONOTONIC in nanoseconds, the clock of every event and latency here.
#pragma once

#include <chrono>
#include <cstdint>

namespace loadmark {

inline int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace loadmark
