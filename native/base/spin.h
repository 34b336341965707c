// How does a thread wait for another that is about to be done? It spins for a moment, and then says
// that it was not enough: sleeping is the caller's business.
#pragma once

#include <chrono>

#if defined(LOADMARK_X86)
#include <immintrin.h>
#endif

namespace loadmark {

// Long enough to bridge the gap between two operators of a step, short enough not to heat an idle
// machine.
inline constexpr std::chrono::microseconds kSpin{50};

inline void spin_pause() {
#if defined(LOADMARK_X86)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until ready() or kSpin has passed; true when ready.
template <class Ready>
bool spin_until(Ready ready) {
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      spin_pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return ready();
}

}  // namespace loadmark
