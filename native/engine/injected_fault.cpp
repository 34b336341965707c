#include "engine/injected_fault.h"

#include <cstddef>
#include <limits>
#include <new>
#include <string>

#include "base/error.h"
#include "base/watched_thread.h"

namespace loadmark {
namespace {

// No address space holds so much; the compiler must not know that.
volatile size_t too_many_bytes = std::numeric_limits<std::ptrdiff_t>::max();

}  // namespace

void fail_here(FaultKind kind, int64_t step) {
  if (kind == FaultKind::kThreadDeath) end_this_thread();
  if (kind == FaultKind::kOutOfMemory) ::operator delete(::operator new(too_many_bytes));
  throw Error(kInternal, "fault injected at step " + std::to_string(step));
}

}  // namespace loadmark
