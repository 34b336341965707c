// How is an engine made to fail, for tests of what comes after? Asked for by options alone, in
// every build, so that what is tested is what is used.
#pragma once

#include <cstdint>

namespace loadmark {

enum class FaultKind {
  kException,    // thrown in the step
  kOutOfMemory,  // an allocation that the system, or the GPU, really refuses
  kDeviceFault,  // a kernel that traps, after which its GPU serves the process no more
  kThreadDeath   // the thread that computes the step ends, and tells nobody
};

struct InjectedFault {
  FaultKind kind = FaultKind::kException;
  int rank = -1;  // fails alone, before it has computed anything; -1: the stepping thread
};

// Fails so on the host: throws, or does not return. Of kDeviceFault only a runner on a GPU is
// capable.
[[noreturn]] void fail_here(FaultKind kind, int64_t step);

}  // namespace loadmark
