// Is a file what it should be, or what git leaves in its place where Git LFS did not fetch it?
#pragma once

#include <string>
#include <string_view>

namespace loadmark {

// Throws Error(kBadCheckpoint) where `content` is a Git LFS pointer; `file` names it in the error.
void refuse_lfs_pointer(std::string_view content, const std::string& file);

}  // namespace loadmark
