// Recursive descent over the grammar of RFC 8259, nothing beyond it.
#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/error.h"

namespace loadmark {
namespace {

// Length of the valid UTF-8 sequence at `at` (RFC 3629: no surrogates, no overlong forms), 0 where
// there is none.
size_t utf8_length(std::string_view text, size_t at) {
  auto byte = [&](size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<uint8_t>(text[at + i]) : 0;
  };
  auto tail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

void append_utf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (code >> 6)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (code >> 12)));
    out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | (code >> 18)));
    out->push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& source) : text_(text), source_(source) {}

  Json document() {
    if (text_.size() > kMaxJsonBytes) {
      fail(0, "holds " + std::to_string(text_.size()) + " bytes; allowed: at most " +
                  std::to_string(kMaxJsonBytes));
    }
    Json value = parse_value(0);
    skip_space();
    if (at_ != text_.size()) fail(at_, "goes on after its value");
    return value;
  }

 private:
  [[noreturn]] void fail(size_t at, const std::string& what) const {
    throw Error(kBadCheckpoint,
                source_ + " is not valid JSON at byte " + std::to_string(at) + ": it " + what);
  }

  int peek() const { return at_ < text_.size() ? static_cast<uint8_t>(text_[at_]) : -1; }

  void skip_space() {
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c != ' ' && c != '\t' && c != '\n' && c != '\r') break;
      ++at_;
    }
  }

  Json parse_value(int depth) {
    if (depth > kMaxJsonDepth) {
      fail(at_, "nests deeper than " + std::to_string(kMaxJsonDepth) + " levels");
    }
    skip_space();
    switch (peek()) {
      case '{':
        return parse_object(depth);
      case '[':
        return parse_array(depth);
      case '"':
        return Json(parse_string());
      case 't':
        parse_word("true");
        return Json(true);
      case 'f':
        parse_word("false");
        return Json(false);
      case 'n':
        parse_word("null");
        return Json();
      default:
        return parse_number();
    }
  }

  void parse_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) fail(at_, "has no value here");
    at_ += word.size();
  }

  Json parse_array(int depth) {
    ++at_;
    Json::Array items;
    skip_space();
    if (peek() == ']') {
      ++at_;
      return Json(std::move(items));
    }
    for (;;) {
      items.push_back(parse_value(depth + 1));
      skip_space();
      int c = peek();
      if (c != ',' && c != ']') fail(at_, "lacks a ',' or ']' here");
      ++at_;
      if (c == ']') return Json(std::move(items));
    }
  }

  Json parse_object(int depth) {
    ++at_;
    Json::Object members;
    std::vector<size_t> places;  // of the members' names
    skip_space();
    if (peek() == '}') {
      ++at_;
      return Json(std::move(members));
    }
    for (;;) {
      skip_space();
      if (peek() != '"') fail(at_, "lacks a member's name here");
      places.push_back(at_);
      std::string name = parse_string();
      skip_space();
      if (peek() != ':') fail(at_, "lacks a ':' here");
      ++at_;
      Json value = parse_value(depth + 1);
      members.emplace_back(std::move(name), std::move(value));
      skip_space();
      int c = peek();
      if (c != ',' && c != '}') fail(at_, "lacks a ',' or '}' here");
      ++at_;
      if (c == '}') break;
    }
    refuse_duplicates(members, places);
    return Json(std::move(members));
  }

  // At the second of the two.
  void refuse_duplicates(const Json::Object& members, const std::vector<size_t>& places) const {
    std::vector<std::pair<std::string_view, size_t>> names;
    names.reserve(members.size());
    for (size_t i = 0; i < members.size(); ++i) names.emplace_back(members[i].first, places[i]);
    std::sort(names.begin(), names.end());
    auto twin = std::adjacent_find(names.begin(), names.end(),
                                   [](const auto& a, const auto& b) { return a.first == b.first; });
    if (twin == names.end()) return;
    fail(std::next(twin)->second, "names " + quoted(twin->first) + " twice in one object");
  }

  uint32_t parse_hex4() {
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      int c = peek();
      uint32_t digit;
      if (c >= '0' && c <= '9') {
        digit = static_cast<uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<uint32_t>(c - 'a' + 10);
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<uint32_t>(c - 'A' + 10);
      } else {
        fail(at_, "lacks a hexadecimal digit here");
      }
      code = code * 16 + digit;
    }
    return code;
  }

  void parse_escape(std::string* out) {
    size_t start = at_++;
    int c = peek();
    ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out->push_back(static_cast<char>(c));
        return;
      case 'b':
        out->push_back('\b');
        return;
      case 'f':
        out->push_back('\f');
        return;
      case 'n':
        out->push_back('\n');
        return;
      case 'r':
        out->push_back('\r');
        return;
      case 't':
        out->push_back('\t');
        return;
      case 'u':
        break;
      default:
        fail(start, "has an unknown escape");
    }
    uint32_t code = parse_hex4();
    if (code >= 0xDC00 && code <= 0xDFFF) fail(start, "has half a surrogate pair");
    if (code >= 0xD800 && code <= 0xDBFF) {
      if (text_.substr(at_, 2) != "\\u") fail(start, "has half a surrogate pair");
      at_ += 2;
      uint32_t low = parse_hex4();
      if (low < 0xDC00 || low > 0xDFFF) fail(start, "has half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(code, out);
  }

  std::string parse_string() {
    size_t start = at_++;
    std::string out;
    for (;;) {
      int c = peek();
      if (c < 0) fail(start, "has a string without an end");
      if (c == '"') {
        ++at_;
        return out;
      }
      if (c == '\\') {
        parse_escape(&out);
        continue;
      }
      if (c < 0x20) fail(at_, "has a control character in a string");
      size_t length = utf8_length(text_, at_);
      if (length == 0) fail(at_, "is not UTF-8");
      out.append(text_.substr(at_, length));
      at_ += length;
    }
  }

  void skip_digits() {
    if (peek() < '0' || peek() > '9')
      fail(at_, peek() < 0 ? "ends too early" : "lacks a digit or a value here");
    while (peek() >= '0' && peek() <= '9') ++at_;
  }

  Json parse_number() {
    size_t start = at_;
    bool integral = true;
    if (peek() == '-') ++at_;
    size_t digits = at_;
    skip_digits();
    if (at_ - digits > 1 && text_[digits] == '0') fail(digits, "has a number with a leading zero");
    if (peek() == '.') {
      integral = false;
      ++at_;
      skip_digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      integral = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      skip_digits();
    }
    const char* first = text_.data() + start;
    const char* last = text_.data() + at_;
    if (integral) {
      int64_t value = 0;
      if (std::from_chars(first, last, value).ec == std::errc()) return Json(value);
    }
    double value = 0;
    if (std::from_chars(first, last, value).ec != std::errc() || !std::isfinite(value)) {
      fail(start, "has a number that a double cannot hold");
    }
    return Json(value);
  }

  std::string_view text_;
  const std::string& source_;
  size_t at_ = 0;
};

// A byte that cannot stand in a string is written as its value, \x10, in a message; in JSON, which
// has no such escape, as \u0010, and what is no UTF-8 as the replacement character.
std::string quote(std::string_view text, size_t limit, bool as_json) {
  std::string out = "\"";
  char escape[8];
  size_t at = 0;
  while (at < text.size() && out.size() < limit) {
    size_t length = utf8_length(text, at);
    unsigned byte = static_cast<uint8_t>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      if (as_json && length == 0) byte = 0xFFFD;
      std::snprintf(escape, sizeof escape, as_json ? "\\u%04x" : "\\x%02x", byte);
      out += escape;
      at += 1;
    } else {
      if (byte == '"' || byte == '\\') out.push_back('\\');
      out.append(text.substr(at, length));
      at += length;
    }
  }
  out += at < text.size() ? "...\"" : "\"";
  return out;
}

template <class Items, class Append>
void append_list(const Items& items, char open, char close, size_t limit, std::string* out,
                 Append append) {
  out->push_back(open);
  for (size_t i = 0; i < items.size() && out->size() < limit; ++i) {
    if (i > 0) *out += ", ";
    append(items[i]);
  }
  out->push_back(close);
}

void append_text(const Json& value, size_t limit, std::string* out) {
  char number[32];
  if (value.is_null()) {
    *out += "null";
  } else if (const bool* boolean = value.boolean()) {
    *out += *boolean ? "true" : "false";
  } else if (const int64_t* integer = value.integer()) {
    *out += std::to_string(*integer);
  } else if (const double* real = value.real()) {
    std::snprintf(number, sizeof number, "%.9g", *real);
    *out += number;
    // 256.0 is no integer, and is not to be read as one.
    if (std::string_view(number).find_first_not_of("-0123456789") == std::string_view::npos)
      *out += ".0";
  } else if (const std::string* string = value.string()) {
    *out += quote(*string, limit, true);
  } else if (const Json::Array* array = value.array()) {
    append_list(*array, '[', ']', limit, out,
                [&](const Json& item) { append_text(item, limit, out); });
  } else if (const Json::Object* object = value.object()) {
    append_list(*object, '{', '}', limit, out, [&](const auto& member) {
      *out += quote(member.first, limit, true) + ": ";
      append_text(member.second, limit, out);
    });
  }
}

}  // namespace

bool Json::number(double* out) const {
  if (const int64_t* value = integer()) {
    *out = static_cast<double>(*value);
    return true;
  }
  if (const double* value = real()) {
    *out = *value;
    return true;
  }
  return false;
}

const Json* Json::find(std::string_view name) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  for (const auto& member : *members) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

std::string Json::text(size_t limit) const {
  std::string out;
  append_text(*this, limit, &out);
  if (out.size() > limit + 3) {
    // Cut between code points: a byte 10xxxxxx continues the one before it.
    size_t end = limit;
    while (end > 0 && (static_cast<uint8_t>(out[end]) & 0xC0) == 0x80) --end;
    out.resize(end);
    out += "...";
  }
  return out;
}

std::string quoted(std::string_view text, size_t limit) { return quote(text, limit, false); }

Json parse_json(std::string_view text, const std::string& source) {
  return Parser(text, source).document();
}

}  // namespace loadmark
