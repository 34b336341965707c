// One object of a JSON file, read field by field: each getter checks type and range and refuses with
// the field's path, its value and what is allowed.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"

namespace loadmark {

class JsonSection {
 public:
  // `path` precedes a field's name in errors, e.g. "config.json: rope_scaling.".
  JsonSection(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  // Null where the field is absent or null.
  const Json* find(const char* name) const;
  [[noreturn]] void refuse(const char* code, const char* name, const std::string& allowed) const;

  int64_t integer(const char* name, int64_t low, int64_t high,
                  const int64_t* absent = nullptr) const;
  // 0 < value <= high
  double positive(const char* name, double high, double absent) const;
  bool boolean(const char* name, bool absent) const;
  std::string string(const char* name, const char* absent) const;
  void only_false(const char* name) const;

 private:
  const Json& json_;
  std::string path_;
};

}  // namespace loadmark
