// The layout: "GGUF", version, number of tensors and of metadata, the metadata, an entry for each
// tensor, padding up to the alignment, the data. Little-endian. Source: the ggml project's gguf.md.
#include "model/gguf.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/lfs_pointer.h"

namespace loadmark {
namespace {

constexpr int64_t kMaxTensorBytes = int64_t{1} << 50;
constexpr uint64_t kMaxNameBytes = 65535;
constexpr uint32_t kMaxRank = 4;
constexpr uint64_t kDefaultAlignment = 32;
constexpr uint64_t kMaxAlignment = uint64_t{1} << 20;

enum ValueType : uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64
};
// Bytes of a value of each type; 0: not fixed.
constexpr uint64_t kValueBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

// ggml's numbers of the types read here.
struct TypeNumber {
  uint32_t number;
  DataType type;
};
constexpr TypeNumber kTypeNumbers[] = {
    {0, DataType::kFloat32}, {1, DataType::kFloat16},  {2, DataType::kQ4_0},
    {3, DataType::kQ4_1},    {6, DataType::kQ5_0},     {7, DataType::kQ5_1},
    {8, DataType::kQ8_0},    {12, DataType::kQ4_K},    {13, DataType::kQ5_K},
    {14, DataType::kQ6_K},   {30, DataType::kBFloat16}};

class Reader {
 public:
  Reader(const uint8_t* bytes, int64_t size, const std::string& file)
      : bytes_(bytes), size_(static_cast<uint64_t>(size)), file_(file) {}

  uint64_t at() const { return at_; }
  uint64_t left() const { return size_ - at_; }

  [[noreturn]] void fail(const std::string& what, const char* code = kBadCheckpoint) const {
    throw Error(code, file_ + ": " + what);
  }

  // `what` names the value where the file ends before it.
  const uint8_t* take(uint64_t count, const std::string& what) {
    if (count > left()) {
      fail(what + " at byte " + std::to_string(at_) + " needs " + std::to_string(count) +
           " bytes; the file has " + std::to_string(left()) + " left");
    }
    const uint8_t* begin = bytes_ + at_;
    at_ += count;
    return begin;
  }

  template <class T>
  T number(const std::string& what) {
    T value;
    std::memcpy(&value, take(sizeof value, what), sizeof value);
    return value;
  }

  std::string_view string(const std::string& what, uint64_t most) {
    const uint64_t start = at_;
    const auto length = number<uint64_t>("the length of " + what);
    if (length > most || length > left()) {
      fail("the length of " + what + " at byte " + std::to_string(start) + " is " +
           std::to_string(length) + "; allowed: at most " + std::to_string(std::min(most, left())));
    }
    return {reinterpret_cast<const char*>(take(length, what)), length};
  }

  GgufValue value(uint32_t type, const std::string& what) {
    switch (type) {
      case kU8:
        return int64_t{number<uint8_t>(what)};
      case kI8:
        return int64_t{number<int8_t>(what)};
      case kU16:
        return int64_t{number<uint16_t>(what)};
      case kI16:
        return int64_t{number<int16_t>(what)};
      case kU32:
        return int64_t{number<uint32_t>(what)};
      case kI32:
        return int64_t{number<int32_t>(what)};
      case kI64:
        return number<int64_t>(what);
      case kF32:
        return double{number<float>(what)};
      case kF64:
        return number<double>(what);
      case kString:
        return string(what, left());
      case kArray:
        return array(what);
      case kU64: {
        const auto wide = number<uint64_t>(what);
        if (wide > uint64_t{INT64_MAX})
          fail(what + " is " + std::to_string(wide) + "; allowed: at most 2^63 - 1");
        return static_cast<int64_t>(wide);
      }
      case kBool: {
        const auto flag = number<uint8_t>(what);
        if (flag > 1) fail(what + " is " + std::to_string(flag) + "; allowed: 0 or 1, a bool");
        return flag == 1;
      }
      default:
        fail(what + " has value type " + std::to_string(type) + "; allowed: 0 to 12");
    }
  }

 private:
  GgufValue array(const std::string& what) {
    GgufArray out;
    out.type = number<uint32_t>("the item type of " + what);
    out.count = number<uint64_t>("the length of " + what);
    if (out.type > kF64 || out.type == kArray) {
      fail(what + " is an array of value type " + std::to_string(out.type) +
           "; allowed: 0 to 12 but 9, an array");
    }
    // A string takes its length, 8 bytes, at least.
    const uint64_t least = out.type == kString ? 8 : kValueBytes[out.type];
    if (out.count > left() / least) {
      fail("the length of " + what + " is " + std::to_string(out.count) +
           " items; allowed: at most " + std::to_string(left() / least) +
           ", what the file has left");
    }
    out.data = bytes_ + at_;
    if (out.type != kString) {
      take(out.count * least, what);
    } else {
      for (uint64_t i = 0; i < out.count; ++i) string(what + "[" + std::to_string(i) + "]", left());
    }
    return out;
  }

  const uint8_t* bytes_;
  uint64_t size_, at_ = 0;
  const std::string& file_;
};

uint32_t read_version(Reader& reader) {
  if (std::memcmp(reader.take(4, "the magic"), "GGUF", 4) != 0)
    reader.fail("does not begin with \"GGUF\"");
  const auto version = reader.number<uint32_t>("the version");
  if (version != 2 && version != 3) {
    const bool swapped = version != 0 && (version & 0xffffu) == 0;
    reader.fail("its version is " + std::to_string(version) +
                    (swapped ? ", big-endian by its looks" : "") + "; allowed: 2, 3",
                kUnsupportedModel);
  }
  return version;
}

// A number of entries, each of which takes `least` bytes or more.
uint64_t read_count(Reader& reader, const std::string& what, uint64_t least) {
  const auto count = reader.number<uint64_t>(what);
  if (count > reader.left() / least) {
    reader.fail(what + " is " + std::to_string(count) + "; allowed: at most " +
                std::to_string(reader.left() / least) + " in the bytes that follow");
  }
  return count;
}

void read_metadata(Reader& reader, uint64_t count, Gguf* gguf) {
  for (uint64_t i = 0; i < count; ++i) {
    const std::string key(reader.string("key " + std::to_string(i), kMaxNameBytes));
    if (key.empty()) reader.fail("key " + std::to_string(i) + " is empty; allowed: a name");
    const std::string what = "the value of " + quoted(key);
    const auto type = reader.number<uint32_t>(what);
    if (!gguf->metadata.emplace(key, reader.value(type, what)).second)
      reader.fail("key " + quoted(key) + " is there twice");
  }
}

uint64_t read_alignment(const Reader& reader, const Gguf& gguf) {
  const auto found = gguf.metadata.find("general.alignment");
  if (found == gguf.metadata.end()) return kDefaultAlignment;
  const int64_t* value = std::get_if<int64_t>(&found->second);
  const bool fits = value != nullptr && *value >= 8 && *value <= int64_t{kMaxAlignment} &&
                    (*value & (*value - 1)) == 0;
  if (!fits) {
    reader.fail("general.alignment is " +
                (value == nullptr ? "no integer" : std::to_string(*value)) +
                "; allowed: a power of two from 8 to " + std::to_string(kMaxAlignment));
  }
  return static_cast<uint64_t>(*value);
}

struct Entry {
  Tensor tensor;
  uint64_t offset;
};

DataType read_type(Reader& reader, const std::string& what) {
  const auto number = reader.number<uint32_t>(what + "'s type");
  for (const TypeNumber& each : kTypeNumbers) {
    if (each.number == number) return each.type;
  }
  reader.fail(what + " has ggml type " + std::to_string(number) +
                  "; allowed: 0 F32, 1 F16, 2 Q4_0, 3 Q4_1, 6 Q5_0, 7 Q5_1, 8 Q8_0, 12 Q4_K, "
                  "13 Q5_K, 14 Q6_K, 30 BF16",
              kUnsupportedModel);
}

// The bytes its shape needs.
int64_t size_of(const Reader& reader, const Tensor& tensor, const std::string& what) {
  const int64_t values = data_type_values(tensor.type);
  const int64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
  if (row % values != 0) {
    reader.fail(what + " has rows of " + std::to_string(row) + " values; allowed for " +
                data_type_name(tensor.type) + ": multiples of " + std::to_string(values));
  }
  int64_t bytes = data_type_bytes(tensor.type);
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    const int64_t units = i + 1 == tensor.shape.size() ? tensor.shape[i] / values : tensor.shape[i];
    if (units > kMaxTensorBytes / bytes) {
      reader.fail(what + " has shape " + shape_text(tensor.shape) + "; allowed: at most " +
                  std::to_string(kMaxTensorBytes) + " bytes");
    }
    bytes *= units;
  }
  return bytes;
}

Entry read_entry(Reader& reader, uint64_t index, uint64_t alignment) {
  Entry entry;
  Tensor& tensor = entry.tensor;
  tensor.name = reader.string("the name of tensor " + std::to_string(index), kMaxNameBytes);
  const std::string what = "tensor " + quoted(tensor.name);
  const auto rank = reader.number<uint32_t>(what + "'s rank");
  if (rank > kMaxRank) {
    reader.fail(what + " has " + std::to_string(rank) + " dimensions; allowed: at most " +
                std::to_string(kMaxRank));
  }
  for (uint32_t i = 0; i < rank; ++i) {
    const auto size = reader.number<uint64_t>(what + "'s size");
    if (size == 0 || size > static_cast<uint64_t>(kMaxTensorBytes)) {
      reader.fail(what + " has a dimension of " + std::to_string(size) + "; allowed: 1 to " +
                  std::to_string(kMaxTensorBytes));
    }
    tensor.shape.insert(tensor.shape.begin(), static_cast<int64_t>(size));
  }
  tensor.type = read_type(reader, what);
  tensor.bytes = size_of(reader, tensor, what);
  entry.offset = reader.number<uint64_t>(what + "'s offset");
  if (entry.offset % alignment != 0) {
    reader.fail(what + " begins at byte " + std::to_string(entry.offset) +
                " of the data; allowed: multiples of general.alignment, " +
                std::to_string(alignment));
  }
  return entry;
}

uint64_t round_up(uint64_t value, uint64_t step) { return (value + step - 1) / step * step; }

// In order of offset, each begins where the one before it ends, padded.
void place_data(const Reader& reader, std::vector<Entry>& entries, uint64_t alignment,
                const uint8_t* data, uint64_t data_bytes) {
  std::vector<Entry*> order;
  for (Entry& entry : entries) {
    // Before they are sorted: the neighbours of one that lies nowhere are innocent.
    if (entry.offset > data_bytes) {
      reader.fail("tensor " + quoted(entry.tensor.name) + " begins at byte " +
                  std::to_string(entry.offset) + " of the data; the file has " +
                  std::to_string(data_bytes));
    }
    order.push_back(&entry);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const Entry* a, const Entry* b) { return a->offset < b->offset; });
  uint64_t end = 0;
  for (Entry* entry : order) {
    const std::string what = "tensor " + quoted(entry->tensor.name);
    if (entry->offset != round_up(end, alignment)) {
      reader.fail(what + " begins at byte " + std::to_string(entry->offset) +
                  " of the data; allowed: " + std::to_string(round_up(end, alignment)) +
                  ", where the one before it ends");
    }
    const auto bytes = static_cast<uint64_t>(entry->tensor.bytes);
    if (bytes > data_bytes - entry->offset) {
      reader.fail(what + " needs bytes " + std::to_string(entry->offset) + " to " +
                  std::to_string(entry->offset + bytes) + " of the data; the file has " +
                  std::to_string(data_bytes));
    }
    entry->tensor.data = data + entry->offset;
    end = entry->offset + bytes;
  }
  if (data_bytes > round_up(end, alignment)) {
    reader.fail("the tensors end at byte " + std::to_string(end) + " of the data, the file at " +
                std::to_string(data_bytes) + "; allowed: the same, padded to " +
                std::to_string(alignment));
  }
}

}  // namespace

std::string gguf_value_text(const GgufValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string_view>(&value)) return quoted(*text);
  if (const auto* array = std::get_if<GgufArray>(&value))
    return "an array of " + std::to_string(array->count) + " items";
  char number[32];
  std::snprintf(number, sizeof number, "%g", std::get<double>(value));
  return number;
}

Gguf parse_gguf(const uint8_t* bytes, int64_t size, const std::string& file) {
  refuse_lfs_pointer({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)}, file);
  Reader reader(bytes, size, file);
  Gguf gguf;
  gguf.version = read_version(reader);
  const auto tensor_count = read_count(reader, "the number of tensors", 24);
  const auto value_count = read_count(reader, "the number of metadata", 13);
  read_metadata(reader, value_count, &gguf);
  const uint64_t alignment = read_alignment(reader, gguf);
  std::vector<Entry> entries;
  std::set<std::string, std::less<>> names;
  for (uint64_t i = 0; i < tensor_count; ++i) {
    entries.push_back(read_entry(reader, i, alignment));
    const std::string& name = entries.back().tensor.name;
    if (!names.insert(name).second) reader.fail("tensor " + quoted(name) + " is there twice");
  }
  const auto whole = static_cast<uint64_t>(size);
  const uint64_t start = std::min(round_up(reader.at(), alignment), whole);
  place_data(reader, entries, alignment, bytes + start, whole - start);
  for (Entry& entry : entries) gguf.tensors.push_back(std::move(entry.tensor));
  return gguf;
}

}  // namespace loadmark
