// The header is padded with blanks so that the data starts on 8 bytes, and tensors stand widest
// type first, so that each is aligned for its type, as the reference writer leaves them.
#include "model/safetensors_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace loadmark {
namespace {

int64_t tensor_bytes(const TensorDeclaration& tensor) {
  int64_t bytes = data_type_bytes(tensor.type);
  for (const int64_t size : tensor.shape) bytes *= size;
  return bytes;
}

// A name as a JSON string; names come from a checkpoint's header or from us, and are valid UTF-8.
std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      constexpr char kDigits[] = "0123456789abcdef";
      out += std::string("\\u00") + kDigits[byte >> 4] + kDigits[byte & 15];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

std::string shape_json(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

[[noreturn]] void fail(const std::string& doing, const std::string& path) {
  throw Error(kWriteFailed, "could not " + doing + " " + path + ": " + std::strerror(errno));
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::string& path,
                                     std::vector<TensorDeclaration> tensors)
    : path_(path) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return data_type_bytes(a.type) > data_type_bytes(b.type);
  });
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"}";
  int64_t end = 0;
  for (const TensorDeclaration& tensor : tensors) {
    const int64_t bytes = tensor_bytes(tensor);
    if (!places_.emplace(tensor.name, Place{end, bytes, false}).second) {
      throw Error(kBadArgument, "tensor " + quoted(tensor.name) +
                                    " is declared twice; a name may stand once in a file");
    }
    header += "," + json_string(tensor.name) + ":{\"dtype\":\"" + data_type_name(tensor.type) +
              "\",\"shape\":" + shape_json(tensor.shape) + ",\"data_offsets\":[" +
              std::to_string(end) + "," + std::to_string(end + bytes) + "]}";
    end += bytes;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  for (auto& [name, place] : places_) place.offset += 8 + static_cast<int64_t>(header.size());
  file_bytes_ = 8 + static_cast<int64_t>(header.size()) + end;

  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file_ < 0) fail("create", path);
  uint8_t length[8];
  for (size_t i = 0; i < 8; ++i)
    length[i] = static_cast<uint8_t>(uint64_t{header.size()} >> (8 * i));
  write_at(length, 8, 0);
  write_at(header.data(), static_cast<int64_t>(header.size()), 8);
}

SafetensorsWriter::~SafetensorsWriter() {
  if (file_ >= 0) ::close(file_);
}

void SafetensorsWriter::write(const std::string& name, const void* data, int64_t bytes) {
  const auto found = places_.find(name);
  if (found == places_.end())
    throw Error(kInternal, "tensor " + quoted(name) + " was not declared");
  Place& place = found->second;
  if (place.written) throw Error(kInternal, "tensor " + quoted(name) + " was written already");
  if (place.bytes != bytes) {
    throw Error(kInternal, "tensor " + quoted(name) + " was declared with " +
                               std::to_string(place.bytes) + " bytes and written with " +
                               std::to_string(bytes));
  }
  write_at(data, bytes, place.offset);
  place.written = true;
}

void SafetensorsWriter::finish() {
  for (const auto& [name, place] : places_) {
    if (!place.written)
      throw Error(kInternal, "tensor " + quoted(name) + " was declared and never written");
  }
  if (::fsync(file_) != 0) fail("flush", path_);
  if (::close(std::exchange(file_, -1)) != 0) fail("close", path_);
}

void SafetensorsWriter::write_at(const void* data, int64_t bytes, int64_t offset) {
  const char* bytes_left = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t done = ::pwrite(file_, bytes_left, static_cast<size_t>(bytes), offset);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("write", path_);
    bytes_left += done;
    bytes -= done;
    offset += done;
  }
}

}  // namespace loadmark
