// A strict reader of small JSON texts (configurations, safetensors headers): bounded depth, no
// duplicate names, valid UTF-8 only. Every fault is an Error(kBadCheckpoint) with its byte offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace loadmark {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;  // in the order of the text

  Json() = default;
  explicit Json(bool value) : value_(value) {}
  explicit Json(int64_t value) : value_(value) {}
  explicit Json(double value) : value_(value) {}
  explicit Json(std::string value) : value_(std::move(value)) {}
  explicit Json(Array value) : value_(std::move(value)) {}
  explicit Json(Object value) : value_(std::move(value)) {}

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  // Null where the value is of another kind.
  const bool* boolean() const { return std::get_if<bool>(&value_); }
  const int64_t* integer() const {
    return std::get_if<int64_t>(&value_);
  }  // no point, no exponent, fits
  const double* real() const { return std::get_if<double>(&value_); }  // every other number
  const std::string* string() const { return std::get_if<std::string>(&value_); }
  const Array* array() const { return std::get_if<Array>(&value_); }
  const Object* object() const { return std::get_if<Object>(&value_); }
  bool number(double* out) const;  // integer or real
  // The member of this name, or null; null too where this is no object.
  const Json* find(std::string_view name) const;
  // As JSON again, cut to `limit` bytes: for quoting in errors.
  std::string text(size_t limit = 80) const;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> value_;
};

inline constexpr int kMaxJsonDepth = 64;
inline constexpr size_t kMaxJsonBytes = size_t{100} << 20;  // safetensors' own bound on its header

// `source` names the text in errors, e.g. "config.json".
Json parse_json(std::string_view text, const std::string& source);

// `text` between double quotes, control characters and broken UTF-8 escaped, cut to `limit` bytes.
std::string quoted(std::string_view text, size_t limit = 80);

}  // namespace loadmark
