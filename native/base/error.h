// Coded errors: what the user did (or the file holds) that cannot work, thrown here, caught once in addon/.
#pragma once

#include <stdexcept>
#include <string>

namespace loadmark {

// `code` is stable and machine-readable (kBadCheckpoint -> "ERR_BAD_CHECKPOINT"); what() is one sentence that
// quotes the value and what is allowed.
class Error : public std::runtime_error {
 public:
  Error(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const noexcept { return code_; }

 private:
  const char* code_;
};

inline constexpr char kBadArgument[] = "ERR_BAD_ARGUMENT";          // a value out of its range
inline constexpr char kBadCheckpoint[] = "ERR_BAD_CHECKPOINT";      // a file that contradicts its format
inline constexpr char kUnsupportedModel[] = "ERR_UNSUPPORTED_MODEL";  // a model this engine cannot honour
inline constexpr char kOutOfMemory[] = "ERR_OUT_OF_MEMORY";         // a plan larger than what there is
inline constexpr char kUnsupportedCpu[] = "ERR_UNSUPPORTED_CPU";    // an instruction set the CPU lacks
inline constexpr char kUnsupportedDevice[] = "ERR_UNSUPPORTED_DEVICE";  // a device this build cannot serve
inline constexpr char kEngineBroken[] = "ERR_ENGINE_BROKEN";        // a call after a fatal failure or close()
inline constexpr char kWriteFailed[] = "ERR_WRITE_FAILED";  // the system would not take a file
inline constexpr char kCancelled[] = "ERR_CANCELLED";       // the caller asked to stop
inline constexpr char kInternal[] = "ERR_INTERNAL";                 // a bug

}  // namespace loadmark
