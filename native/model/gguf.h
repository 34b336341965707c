// What does a GGUF file hold? Checks its whole header in memory: magic, version, counts, lengths,
// types, and that the tensors' data neither overlap, leave holes nor pass the end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/tensor.h"

namespace loadmark {

// An array stays where it is: vocabularies are long, and not this room's business.
struct GgufArray {
  uint32_t type = 0;  // of its items, as the file numbers them
  uint64_t count = 0;
  const uint8_t* data = nullptr;
};
// Integers are int64 (a uint64 above its range is refused), floats double.
using GgufValue = std::variant<int64_t, double, bool, std::string_view, GgufArray>;

// For quoting in errors: "0.9", "true", "an array of 32 items".
std::string gguf_value_text(const GgufValue& value);

struct Gguf {
  uint32_t version = 0;
  std::map<std::string, GgufValue, std::less<>> metadata;
  std::vector<Tensor> tensors;  // names as in the file, shapes with a row's length last
};

// Throws Error(kBadCheckpoint), and Error(kUnsupportedModel) for a version or type that is not
// read. Views point into `bytes`. `file` names it in errors.
Gguf parse_gguf(const uint8_t* bytes, int64_t size, const std::string& file);

}  // namespace loadmark
