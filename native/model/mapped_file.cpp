// POSIX only, as the engine is.
#include "model/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace loadmark {

MappedFile::MappedFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    throw Error(kBadCheckpoint, "cannot open " + path + ": " + std::strerror(errno));
  struct stat status{};
  const bool known = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  size_ = status.st_size;
  void* memory = MAP_FAILED;
  if (known && size_ > 0)
    memory = mmap(nullptr, static_cast<size_t>(size_), PROT_READ, MAP_PRIVATE, descriptor, 0);
  const int reason = errno;
  close(descriptor);
  if (!known) throw Error(kBadCheckpoint, path + " is not a regular file");
  if (size_ == 0) {
    throw Error(kBadCheckpoint, path.substr(path.rfind('/') + 1) +
                                    ": holds 0 bytes; allowed: at least 8, the header's length");
  }
  if (memory == MAP_FAILED)
    throw Error(kBadCheckpoint, "cannot map " + path + ": " + std::strerror(reason));
  memory_ = memory;
}

MappedFile::~MappedFile() {
  if (memory_ != nullptr) munmap(memory_, static_cast<size_t>(size_));
}

}  // namespace loadmark
