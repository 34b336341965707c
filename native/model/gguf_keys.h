// Which metadata of a GGUF file's architecture may be there? What the engine reads, what computes
// nothing, and what has a value that changes nothing; all else would change what a model is.
#pragma once

#include <string>

#include "model/gguf.h"

namespace loadmark {

// Throws Error(kUnsupportedModel) naming the first key below `prefix` ("llama.") that is neither
// read nor known to be without effect. `file` names the file in errors.
void refuse_foreign_keys(const Gguf& gguf, const std::string& file, const std::string& prefix);

}  // namespace loadmark
