// The form: lines of a key and a value, "version" first. Source: git-lfs' docs/spec.md.
#include "base/lfs_pointer.h"

#include "base/error.h"

namespace loadmark {

void refuse_lfs_pointer(std::string_view content, const std::string& file) {
  constexpr std::string_view kVersion = "version https://git-lfs.github.com/spec/";
  constexpr std::string_view kSize = "\nsize ";
  constexpr size_t kMostBytes = 1024;  // a pointer's, by the specification
  if (content.size() >= kMostBytes || content.substr(0, kVersion.size()) != kVersion) return;
  std::string bytes;
  const size_t at = content.find(kSize);
  if (at != std::string_view::npos) {
    const std::string_view rest = content.substr(at + kSize.size());
    bytes = " to " + std::string(rest.substr(0, rest.find_first_not_of("0123456789"))) + " bytes";
  }
  throw Error(kBadCheckpoint, file + " is a Git LFS pointer" + bytes +
                                  ", not the file itself; `git lfs pull` in its repository, or "
                                  "`bench pull`, fetches that");
}

}  // namespace loadmark
