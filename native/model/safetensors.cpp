// The safetensors layout: 8 bytes of header length, little-endian, a JSON header, then the tensors'
// data.
#include "model/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "base/lfs_pointer.h"

static_assert(std::endian::native == std::endian::little,
              "tensors are read as they lie in the file");

namespace loadmark {
namespace {

constexpr int64_t kPrefixBytes = 8;
constexpr int64_t kMaxTensorBytes = int64_t{1} << 50;
constexpr size_t kMaxRank = 8;

constexpr DataType kTypes[] = {DataType::kFloat32, DataType::kBFloat16, DataType::kFloat16,
                               DataType::kInt32,   DataType::kInt64,    DataType::kInt8,
                               DataType::kUInt8};

[[noreturn]] void refuse(const std::string& file, const std::string& what) {
  throw Error(kBadCheckpoint, file + ": " + what);
}

// Reads one tensor's entry of the header; offsets count from the end of the header.
struct EntryReader {
  const std::string& file;
  const uint8_t* data;
  int64_t data_bytes;

  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    refuse(file, "tensor " + quoted(name) + " " + what);
  }

  DataType read_type(const std::string& name, const Json& entry) const {
    const Json* dtype = entry.find("dtype");
    const std::string* text = dtype == nullptr ? nullptr : dtype->string();
    for (const DataType type : kTypes) {
      if (text != nullptr && *text == data_type_name(type)) return type;
    }
    fail(name, "has dtype " + (dtype == nullptr ? "missing" : dtype->text()) +
                   "; allowed: F32, BF16, F16, I32, I64, I8, U8");
  }

  // Fills the shape; returns the bytes it needs.
  int64_t read_shape(const std::string& name, const Json& entry, Tensor* tensor) const {
    const Json* shape = entry.find("shape");
    const Json::Array* sizes = shape == nullptr ? nullptr : shape->array();
    if (sizes == nullptr || sizes->size() > kMaxRank) {
      fail(name, "has shape " + (shape == nullptr ? "missing" : shape->text()) +
                     "; allowed: a list of at most " + std::to_string(kMaxRank) + " sizes");
    }
    int64_t bytes = data_type_bytes(tensor->type);
    for (const Json& item : *sizes) {
      const int64_t* size = item.integer();
      if (size == nullptr || *size < 0 || (*size > 0 && bytes > kMaxTensorBytes / *size)) {
        fail(name, "has shape " + shape->text() +
                       "; allowed: sizes of at least 0 that make at most " +
                       std::to_string(kMaxTensorBytes) + " bytes");
      }
      bytes *= *size;
      tensor->shape.push_back(*size);
    }
    return bytes;
  }

  void read_range(const std::string& name, const Json& entry, Tensor* tensor) const {
    const Json* offsets = entry.find("data_offsets");
    const Json::Array* pair = offsets == nullptr ? nullptr : offsets->array();
    const int64_t* begin = pair == nullptr || pair->size() != 2 ? nullptr : (*pair)[0].integer();
    const int64_t* end = begin == nullptr ? nullptr : (*pair)[1].integer();
    if (end == nullptr || *begin < 0 || *end < *begin || *end > data_bytes) {
      fail(name, "has data_offsets " + (offsets == nullptr ? "missing" : offsets->text()) +
                     "; allowed: [begin, end] with 0 <= begin <= end <= " +
                     std::to_string(data_bytes) + ", the bytes after the header");
    }
    tensor->data = data + *begin;
    tensor->bytes = *end - *begin;
  }

  Tensor read(const std::string& name, const Json& entry) const {
    if (entry.object() == nullptr) fail(name, "is " + entry.text() + "; allowed: an object");
    Tensor tensor;
    tensor.name = name;
    tensor.type = read_type(name, entry);
    const int64_t needed = read_shape(name, entry, &tensor);
    read_range(name, entry, &tensor);
    if (needed != tensor.bytes) {
      fail(name, "of shape " + shape_text(tensor.shape) + " " + data_type_name(tensor.type) +
                     " needs " + std::to_string(needed) + " bytes; its data_offsets give " +
                     std::to_string(tensor.bytes));
    }
    return tensor;
  }
};

// The format's rule: in order of offset, the ranges cover the data from its first to its last byte,
// once.
void check_cover(const std::vector<Tensor>& tensors, const uint8_t* data, int64_t data_bytes,
                 const std::string& file) {
  std::vector<const Tensor*> order;
  order.reserve(tensors.size());
  for (const Tensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const Tensor* a, const Tensor* b) {
    return a->data != b->data ? a->data < b->data : a->bytes < b->bytes;
  });
  int64_t covered = 0;
  for (const Tensor* tensor : order) {
    const int64_t begin = tensor->data - data;
    if (begin != covered) {
      refuse(file, "tensor " + quoted(tensor->name) + " begins at byte " + std::to_string(begin) +
                       " of the data; allowed: " + std::to_string(covered) +
                       ", where the one before it ends");
    }
    covered = begin + tensor->bytes;
  }
  if (covered != data_bytes) {
    refuse(file, "the tensors end at byte " + std::to_string(covered) +
                     " of the data, the file at " + std::to_string(data_bytes) +
                     "; allowed: the same");
  }
}

std::string read_text_file(const std::string& path, size_t limit) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw Error(kBadCheckpoint, "cannot open " + path + ": " + std::strerror(errno));
  const auto size = file.tellg();
  if (size < 0 || static_cast<size_t>(size) > limit) {
    throw Error(kBadCheckpoint, path + " holds " + std::to_string(static_cast<int64_t>(size)) +
                                    " bytes; allowed: at most " + std::to_string(limit));
  }
  std::string text(static_cast<size_t>(size), '\0');
  file.seekg(0);
  if (!file.read(text.data(), size)) throw Error(kBadCheckpoint, "cannot read " + path);
  refuse_lfs_pointer(text, path.substr(path.rfind('/') + 1));
  return text;
}

}  // namespace

std::vector<Tensor> parse_safetensors(const uint8_t* bytes, int64_t size, const std::string& file) {
  refuse_lfs_pointer({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)}, file);
  if (size < kPrefixBytes) {
    refuse(file, "holds " + std::to_string(size) + " bytes; allowed: at least " +
                     std::to_string(kPrefixBytes) + ", the header's length");
  }
  uint64_t length = 0;
  std::memcpy(&length, bytes, sizeof length);
  const uint64_t room =
      std::min<uint64_t>(static_cast<uint64_t>(size - kPrefixBytes), kMaxJsonBytes);
  if (length > room) {
    refuse(file, "its header's length is " + std::to_string(length) + "; allowed: at most " +
                     std::to_string(room) + " in a file of " + std::to_string(size) + " bytes");
  }
  const auto header_bytes = static_cast<int64_t>(length);
  const std::string_view header(reinterpret_cast<const char*>(bytes) + kPrefixBytes, length);
  const Json json = parse_json(header, file + "'s header");
  if (json.object() == nullptr)
    refuse(file, "its header is " + json.text() + "; allowed: an object");
  const EntryReader reader{file, bytes + kPrefixBytes + header_bytes,
                           size - kPrefixBytes - header_bytes};
  std::vector<Tensor> tensors;
  for (const auto& [name, entry] : *json.object()) {
    if (name != "__metadata__") tensors.push_back(reader.read(name, entry));
  }
  check_cover(tensors, reader.data, reader.data_bytes, file);
  return tensors;
}

std::map<std::string, std::string> read_shard_index(const std::string& path) {
  const std::string file = "model.safetensors.index.json";
  const Json json = parse_json(read_text_file(path, kMaxJsonBytes), file);
  const Json* weight_map = json.find("weight_map");
  const Json::Object* members = weight_map == nullptr ? nullptr : weight_map->object();
  if (members == nullptr || members->empty()) {
    refuse(file, "weight_map is " + (weight_map == nullptr ? "missing" : weight_map->text()) +
                     "; allowed: an object of tensor names and files");
  }
  std::map<std::string, std::string> shards;
  for (const auto& [name, shard] : *members) {
    const std::string* text = shard.string();
    if (text == nullptr || text->empty() || text->find('/') != std::string::npos ||
        text->find('\0') != std::string::npos) {
      refuse(file, "tensor " + quoted(name) + " is in " + shard.text() +
                       "; allowed: the name of a file of the same folder");
    }
    shards[name] = *text;
  }
  return shards;
}

}  // namespace loadmark
