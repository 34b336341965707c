// Absent and null are the same to every reader but has().
#include "model/json_section.h"

#include <cstdio>

#include "base/error.h"

namespace loadmark {
namespace {

std::string text_of(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", number);
  return text;
}

}  // namespace

const Json* JsonSection::seek(const char* name) const {
  read_.insert(name);
  return json_.find(name);
}

std::vector<std::string> JsonSection::unread() const {
  std::vector<std::string> names;
  if (const Json::Object* members = json_.object()) {
    for (const auto& [name, value] : *members) {
      if (read_.count(name) == 0) names.push_back(name);
    }
  }
  return names;
}

const Json* JsonSection::find(const char* name) const {
  const Json* value = seek(name);
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

double JsonSection::positive(const char* name, double high) const {
  const Json* value = find(name);
  double number = 0;
  if (value == nullptr || !value->number(&number) || !(number > 0 && number <= high))
    refuse(kBadCheckpoint, name, "a number above 0, at most " + text_of(high));
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

void JsonSection::only_string(const char* name, const char* allowed) const {
  if (string(name, allowed) != allowed)
    refuse(kUnsupportedModel, name, "\"" + std::string(allowed) + "\"");
}

void JsonSection::only_number(const char* name, double allowed) const {
  const Json* value = find(name);
  double number = allowed;
  if (value != nullptr && (!value->number(&number) || number != allowed))
    refuse(kUnsupportedModel, name, text_of(allowed));
}

void JsonSection::only_absent(const char* name) const {
  const Json* value = find(name);
  if (value != nullptr && (value->boolean() == nullptr || *value->boolean()))
    refuse(kUnsupportedModel, name, "null, or nothing");
}

}  // namespace loadmark
