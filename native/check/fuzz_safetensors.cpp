// Can any bytes make the safetensors reader do worse than refuse? Mutates small good files; every
// tensor it accepts must lie inside the input, as the sanitizers see.
#include <algorithm>
#include <memory>

#include "check/mutator.h"
#include "model/safetensors.h"

namespace loadmark::check {
namespace {

std::string make_file(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof length);
  return file + header + std::string(data_bytes, '\x3c');
}

std::vector<std::string> make_seeds() {
  return {
      make_file(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24),
      make_file(
          R"({"__metadata__":{"format":"pt"},"w.qweight":{"dtype":"I32","shape":[1,8],"data_offsets":[0,32]},)"
          R"("w.scales":{"dtype":"F16","shape":[1,8],"data_offsets":[32,48]},)"
          R"("w.g_idx":{"dtype":"I64","shape":[2],"data_offsets":[48,64]}}   )",
          64),
      make_file(
          R"({"x":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[0,5],)"
          R"("data_offsets":[2,2]},"\u00e9\ud83d\ude00":{"dtype":"I8","shape":[3,1,1],"data_offsets":[2,5]}})",
          5),
      make_file("{}", 0),
  };
}

// Half of the time the length is put right again, so that mutations reach what lies behind it.
void repair_length(Mutator& mutator, std::string* file) {
  if (mutator.below(2) == 0 || file->size() < 8) return;
  const size_t end = file->rfind('}');
  if (end == std::string::npos || end < 8) return;
  const uint64_t length = end - 7;
  std::memcpy(file->data(), &length, sizeof length);
}

// In a block of exactly its size, so that a read past its end is caught.
void read_file(const std::string& file) {
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[file.size()]);
  std::copy(file.begin(), file.end(), bytes.get());
  uint64_t sum = 0;
  for (const Tensor& tensor :
       parse_safetensors(bytes.get(), static_cast<int64_t>(file.size()), "fuzz")) {
    for (int64_t i = 0; i < tensor.bytes; ++i) sum += tensor.data[i];
    int64_t count = 1;
    for (int64_t size : tensor.shape) count *= size;
    if (count != tensor.count()) throw std::logic_error("shape and bytes disagree");
  }
  volatile uint64_t keep = sum;
  (void)keep;
}

}  // namespace
}  // namespace loadmark::check

int main(int argc, char** argv) {
  using namespace loadmark::check;
  const std::vector<std::string> words = {
      "{",
      "}",
      "[",
      "]",
      "\"",
      ",",
      ":",
      "\\u0000",
      "\\ud800",
      "\"dtype\":\"F32\"",
      "\"shape\":[1]",
      "null",
      "1e400",
      "\"data_offsets\":[0,0]",
      "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},",
      "\xff\xfe",
      "F64",
      std::string(80, '['),
      std::string(8, '\0')};
  return fuzz("safetensors", parse_arguments(argc, argv), make_seeds(), words, repair_length,
              read_file);
}
