// The command line of the check programs: named options, and one sentence for whatever is wrong.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace loadmark::check {

struct Option {
  std::string name;
  int values;                                    // that follow the name
  std::function<void(const std::string&)> read;  // each of them; of a flag, its name
};

inline Option flag(std::string name, bool& target) {
  return {std::move(name), 0, [&target](const std::string&) { target = true; }};
}
inline Option text(std::string name, std::string& target) {
  return {std::move(name), 1, [&target](const std::string& value) { target = value; }};
}
template <class Number>
Number parse_number(const std::string& name, const std::string& value) {
  Number number = 0;
  const char* end = value.data() + value.size();
  const auto [stop, fault] = std::from_chars(value.data(), end, number);
  if (fault != std::errc() || stop != end)
    throw Error(kBadArgument, name + " is '" + value + "'; it must be a whole number");
  return number;
}
template <class Number>
Option number(const std::string& name, Number& target) {
  return {name, 1, [name, &target](const std::string& value) {
            target = parse_number<Number>(name, value);
          }};
}
inline Option numbers(const std::string& name, int count, std::vector<int64_t>& target) {
  return {name, count, [name, &target](const std::string& value) {
            target.push_back(parse_number<int64_t>(name, value));
          }};
}

// Throws Error(kBadArgument).
inline void parse_options(int argc, char** argv, const std::vector<Option>& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto found = std::find_if(options.begin(), options.end(),
                                    [&](const Option& option) { return option.name == name; });
    if (found == options.end()) {
      std::string allowed;
      for (const Option& option : options) allowed += " " + option.name;
      throw Error(kBadArgument, "unknown option " + name + "; allowed are" + allowed);
    }
    if (found->values == 0) found->read(name);
    for (int value = 0; value < found->values; ++value) {
      if (++i >= argc) throw Error(kBadArgument, name + " needs a value");
      found->read(argv[i]);
    }
  }
}

// What both operator checks take.
struct CheckOptions {
  bool quick = false, time = false;
  uint64_t seed = std::random_device{}();
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::string json;

  std::vector<Option> all() {
    return {flag("--quick", quick), number("--seed", seed), flag("--time", time),
            text("--json", json), number("--threads", threads)};
  }
};

}  // namespace loadmark::check
