// Makes bad inputs from good ones for the fuzz programs: seeded, so that a failure is named by two
// numbers.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "base/error.h"
#include "check/options.h"

namespace loadmark::check {

class Mutator {
 public:
  // `words` are fragments of the format worth inserting.
  Mutator(uint64_t seed, std::vector<std::string> words) : state_(seed), words_(std::move(words)) {}

  uint64_t next() {  // SplitMix64
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  size_t below(size_t bound) { return bound == 0 ? 0 : next() % bound; }

  // One to eight edits of `text`; `other` is another good input to splice from.
  void mutate(std::string* text, const std::string& other) {
    for (size_t edits = 1 + below(8); edits > 0; --edits) edit(text, other);
  }

 private:
  void edit(std::string* text, const std::string& other) {
    const size_t at = below(text->size() + 1);
    const size_t length = below(std::min<size_t>(text->size() - at, 64) + 1);
    switch (below(9)) {
      case 0:
        if (at < text->size()) (*text)[at] = static_cast<char>((*text)[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < text->size()) (*text)[at] = static_cast<char>(next());
        break;
      case 2:
        text->erase(at, length);
        break;
      case 3:
        text->insert(at, text->substr(at, length));
        break;
      case 4:
        text->insert(at, words_[below(words_.size())]);
        break;
      case 5:
        text->resize(at);
        break;
      case 6: {
        const size_t from = below(other.size() + 1);
        text->replace(at, length, other, from, below(64));
        break;
      }
      default:
        edit_number(text, at);
    }
  }

  // Replaces the next run of digits after `at` by a number of another size.
  void edit_number(std::string* text, size_t at) {
    static const char* const kNumbers[] = {"0",
                                           "1",
                                           "-1",
                                           "7",
                                           "8",
                                           "63",
                                           "65",
                                           "1e3",
                                           "0.5",
                                           "-0",
                                           "4294967296",
                                           "2147483648",
                                           "9223372036854775807",
                                           "9223372036854775808",
                                           "1e308",
                                           "1e999",
                                           "18446744073709551615",
                                           "4503599627370496",
                                           "01",
                                           "1000000"};
    const size_t begin = text->find_first_of("0123456789", at);
    if (begin == std::string::npos) return;
    size_t end = text->find_first_not_of("0123456789", begin);
    if (end == std::string::npos) end = text->size();
    text->replace(begin, end - begin, kNumbers[below(std::size(kNumbers))]);
  }

  uint64_t state_;
  std::vector<std::string> words_;
};

struct FuzzArguments {
  uint64_t iterations = 200000;
  uint64_t seed = 1;
};

// --iterations N --seed S
inline FuzzArguments parse_arguments(int argc, char** argv) {
  FuzzArguments arguments;
  try {
    parse_options(argc, argv,
                  {number("--iterations", arguments.iterations), number("--seed", arguments.seed)});
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::exit(2);
  }
  return arguments;
}

// Feeds `iterations` mutations of the seeds to `read`, which may throw Error and nothing else.
// Every iteration has a generator of its own: `--iterations 1 --seed S` repeats iteration S.
// Returns the process's exit status.
template <class Prepare, class Read>
int fuzz(const char* name, const FuzzArguments& arguments, const std::vector<std::string>& seeds,
         const std::vector<std::string>& words, Prepare prepare, Read read) {
  for (const std::string& seed : seeds) read(seed);  // a seed that fails is a bug of the program
  uint64_t refused = 0;
  for (uint64_t i = 0; i < arguments.iterations; ++i) {
    const uint64_t seed = arguments.seed + i;
    Mutator mutator(seed, words);
    std::string text = seeds[mutator.below(seeds.size())];
    mutator.mutate(&text, seeds[mutator.below(seeds.size())]);
    prepare(mutator, &text);
    try {
      read(text);
    } catch (const Error& error) {
      refused += std::strlen(error.what()) > 0 ? 1 : 0;
    } catch (const std::exception& error) {
      std::printf("%s: seed %llu: not an Error: %s\n", name, static_cast<unsigned long long>(seed),
                  error.what());
      return 1;
    }
  }
  std::printf("%s: %llu inputs, %llu refused, %llu read\n", name,
              static_cast<unsigned long long>(arguments.iterations),
              static_cast<unsigned long long>(refused),
              static_cast<unsigned long long>(arguments.iterations - refused));
  return 0;
}

}  // namespace loadmark::check
