// Numbers are quoted as the file has them.
#include "model/json_section.h"

#include <cstdio>

#include "base/error.h"

namespace loadmark {

const Json* JsonSection::find(const char* name) const {
  const Json* value = json_.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void JsonSection::refuse(const char* code, const char* name, const std::string& allowed) const {
  const Json* value = json_.find(name);
  throw Error(code, path_ + name + " is " + (value == nullptr ? "missing" : value->text()) +
                        "; allowed: " + allowed);
}

int64_t JsonSection::integer(const char* name, int64_t low, int64_t high,
                             const int64_t* absent) const {
  const Json* value = find(name);
  if (value == nullptr && absent != nullptr) return *absent;
  const int64_t* number = value == nullptr ? nullptr : value->integer();
  if (number == nullptr || *number < low || *number > high) {
    refuse(kBadCheckpoint, name,
           "an integer from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return *number;
}

double JsonSection::positive(const char* name, double high, double absent) const {
  const Json* value = find(name);
  if (value == nullptr) return absent;
  double number = 0;
  if (!value->number(&number) || !(number > 0 && number <= high)) {
    char bound[32];
    std::snprintf(bound, sizeof bound, "%g", high);
    refuse(kBadCheckpoint, name, std::string("a number above 0, at most ") + bound);
  }
  return number;
}

bool JsonSection::boolean(const char* name, bool absent) const {
  const Json* value = find(name);
  if (value == nullptr) return absent;
  const bool* flag = value->boolean();
  if (flag == nullptr) refuse(kBadCheckpoint, name, "true or false");
  return *flag;
}

std::string JsonSection::string(const char* name, const char* absent) const {
  const Json* value = find(name);
  if (value == nullptr) return absent;
  const std::string* text = value->string();
  if (text == nullptr) refuse(kBadCheckpoint, name, "a string");
  return *text;
}

void JsonSection::only_false(const char* name) const {
  if (boolean(name, false)) refuse(kUnsupportedModel, name, "false");
}

}  // namespace loadmark
