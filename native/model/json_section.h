// One object of a JSON file, read field by field: a field is what it must be, or is refused by its
// path, its value and what is allowed.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"

namespace loadmark {

class JsonSection {
 public:
  // `path` names the object in errors: "config.json: rope_scaling.".
  JsonSection(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  // Whether the field is there, be it null.
  bool has(const char* name) const { return seek(name) != nullptr; }
  // Fields that nobody asked for yet, in the order of the text.
  std::vector<std::string> unread() const;
  // Null where the field is absent or null.
  const Json* find(const char* name) const;
  // Throws Error(code) about the field.
  [[noreturn]] void refuse(const char* code, const char* name, const std::string& allowed) const;

  int64_t integer(const char* name, int64_t low, int64_t high,
                  const int64_t* absent = nullptr) const;
  // 0 < value <= high; the field must be there
  double positive(const char* name, double high) const;
  bool boolean(const char* name, bool absent) const;
  std::string string(const char* name, const char* absent) const;

  // Refuses, with Error(kUnsupportedModel), a field that says anything else; absent and null pass.
  void only_false(const char* name) const;
  void only_string(const char* name, const char* allowed) const;
  void only_number(const char* name, double allowed) const;
  // Refuses a field that says anything but null or false.
  void only_absent(const char* name) const;

 private:
  const Json* seek(const char* name) const;
  const Json& json_;
  std::string path_;
  mutable std::set<std::string, std::less<>> read_;  // names asked for
};

}  // namespace loadmark
