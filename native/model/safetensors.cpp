// The safetensors layout: 8 bytes of header length, little-endian, a JSON header, then the tensors'
// data.
#include "model/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <set>

#include "base/error.h"
#include "base/float16.h"
#include "base/json.h"

static_assert(std::endian::native == std::endian::little,
              "tensors are read as they lie in the file");

namespace loadmark {
namespace {

constexpr int64_t kPrefixBytes = 8;
constexpr int64_t kMaxTensorBytes = int64_t{1} << 50;
constexpr size_t kMaxRank = 8;

struct TypeName {
  const char* name;
  DataType type;
  int64_t bytes;
};
constexpr TypeName kTypes[] = {{"F32", DataType::kFloat32, 4}, {"BF16", DataType::kBFloat16, 2},
                               {"F16", DataType::kFloat16, 2}, {"I32", DataType::kInt32, 4},
                               {"I64", DataType::kInt64, 8},   {"I8", DataType::kInt8, 1},
                               {"U8", DataType::kUInt8, 1}};

const TypeName& type_entry(DataType type) {
  for (const TypeName& entry : kTypes) {
    if (entry.type == type) return entry;
  }
  throw Error(kInternal, "a data type without a name");
}

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
    for (const TypeName& type : kTypes) {
      if (text != nullptr && *text == type.name) return type.type;
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
  return text;
}

// The shard of every tensor, from model.safetensors.index.json.
std::map<std::string, std::string> read_index(const std::string& path) {
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

float value_at(const Tensor& tensor, int64_t i) {
  if (tensor.type == DataType::kFloat32) {
    float value;
    std::memcpy(&value, tensor.data + 4 * i, 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, tensor.data + 2 * i, 2);
  return tensor.type == DataType::kBFloat16 ? bfloat16_to_float(bits) : float16_to_float(bits);
}

}  // namespace

const char* data_type_name(DataType type) { return type_entry(type).name; }
int64_t data_type_bytes(DataType type) { return type_entry(type).bytes; }

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::vector<Tensor> parse_safetensors(const uint8_t* bytes, int64_t size, const std::string& file) {
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

struct Checkpoint::Mapping {
  Mapping(void* memory, size_t size) : memory_(memory), size_(size) {}
  ~Mapping() { munmap(memory_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  void* memory_;
  size_t size_;
};

Checkpoint::Checkpoint(const std::string& folder) {
  const std::string index = folder + "/model.safetensors.index.json";
  const std::string single = "model.safetensors";
  if (access((folder + "/" + single).c_str(), F_OK) == 0 || access(index.c_str(), F_OK) != 0) {
    map_file(folder + "/" + single, single);
    return;
  }
  const auto shards = read_index(index);
  std::set<std::string> files;
  for (const auto& [name, file] : shards) files.insert(file);
  for (const std::string& file : files) map_file(folder + "/" + file, file);
  for (const auto& [name, file] : shards) {
    if (!has(name))
      refuse(file, "lacks tensor " + quoted(name) + ", which the index says it holds");
  }
}

Checkpoint::~Checkpoint() = default;
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;

void Checkpoint::map_file(const std::string& path, const std::string& file) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    throw Error(kBadCheckpoint, "cannot open " + path + ": " + std::strerror(errno));
  struct stat status {};
  const bool known = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  void* memory = MAP_FAILED;
  if (known && status.st_size > 0) {
    memory =
        mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0);
  }
  const int reason = errno;
  close(descriptor);
  if (!known) throw Error(kBadCheckpoint, path + " is not a regular file");
  if (status.st_size == 0) refuse(file, "holds 0 bytes; allowed: at least 8, the header's length");
  if (memory == MAP_FAILED)
    throw Error(kBadCheckpoint, "cannot map " + path + ": " + std::strerror(reason));
  mappings_.push_back(std::make_unique<Mapping>(memory, static_cast<size_t>(status.st_size)));
  for (Tensor& tensor :
       parse_safetensors(static_cast<const uint8_t*>(memory), status.st_size, file)) {
    std::string name = tensor.name;
    if (!tensors_.emplace(name, std::move(tensor)).second) {
      refuse(file, "tensor " + quoted(name) + " is in another shard too");
    }
  }
}

const Tensor& Checkpoint::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw Error(kBadCheckpoint, "the checkpoint lacks tensor " + quoted(name) + "; it holds " +
                                    std::to_string(tensors_.size()) + " others");
  }
  return found->second;
}

const Tensor& Checkpoint::find(std::string_view name, const std::vector<int64_t>& shape) const {
  const Tensor& tensor = find(name);
  if (tensor.shape != shape) {
    throw Error(kBadCheckpoint, "tensor " + quoted(name) + " has shape " +
                                    shape_text(tensor.shape) + "; config.json asks for " +
                                    shape_text(shape));
  }
  return tensor;
}

std::vector<float> Checkpoint::read_float32(std::string_view name,
                                            const std::vector<int64_t>& shape) const {
  const Tensor& tensor = find(name, shape);
  if (tensor.type != DataType::kFloat32 && tensor.type != DataType::kBFloat16 &&
      tensor.type != DataType::kFloat16) {
    throw Error(kBadCheckpoint, "tensor " + quoted(name) + " has dtype " +
                                    data_type_name(tensor.type) + "; allowed: F32, BF16, F16");
  }
  std::vector<float> values(static_cast<size_t>(tensor.count()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = value_at(tensor, static_cast<int64_t>(i));
    if (!std::isfinite(values[i])) {
      throw Error(kBadCheckpoint, "tensor " + quoted(name) + " holds " + std::to_string(values[i]) +
                                      " at element " + std::to_string(i) +
                                      "; allowed: finite values");
    }
  }
  return values;
}

}  // namespace loadmark
