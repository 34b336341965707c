// Counts checks and says what failed: operator, shape, instruction set, worst element.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace loadmark::check {

class Reporter {
 public:
  int64_t checks() const { return checks_; }
  int64_t failures() const { return failures_; }

  void expect(bool good, const std::string& what) {
    ++checks_;
    if (good) return;
    if (++failures_ <= kPrinted) std::printf("FAIL %s\n", what.c_str());
  }

  // |got - want| <= tolerance(i) for every element; a NaN fails unless one is wanted.
  template <class Got>
  void near(const std::string& what, const std::vector<Got>& got, const std::vector<double>& want,
            const std::function<double(size_t)>& tolerance) {
    size_t worst = 0;
    double worst_ratio = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      const double difference = std::fabs(static_cast<double>(got[i]) - want[i]);
      const bool both_nan = std::isnan(static_cast<double>(got[i])) && std::isnan(want[i]);
      double ratio = both_nan ? 0 : difference / tolerance(i);
      if (!both_nan && std::isnan(ratio)) ratio = INFINITY;
      if (ratio > worst_ratio) {
        worst_ratio = ratio;
        worst = i;
      }
    }
    if (worst_ratio <= 1) return expect(true, what);
    char text[160];
    std::snprintf(text, sizeof text, ": element %zu is %.9g, should be %.9g +- %.3g", worst,
                  static_cast<double>(got[worst]), want[worst], tolerance(worst));
    expect(false, what + text);
  }

  template <class T>
  void same_bits(const std::string& what, const T* got, const T* want, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      if (std::memcmp(got + i, want + i, sizeof(T)) == 0) continue;
      char text[128];
      std::snprintf(text, sizeof text, ": element %zu is %.9g, should be bit-equal to %.9g", i,
                    static_cast<double>(got[i]), static_cast<double>(want[i]));
      return expect(false, what + text);
    }
    expect(true, what);
  }

  // fn throws Error with this code.
  template <class Fn>
  void refuses(const std::string& what, const char* code, Fn fn) {
    try {
      fn();
    } catch (const Error& error) {
      return expect(std::string(error.code()) == code, what + ": refused with " + error.code());
    }
    expect(false, what + ": was not refused");
  }

 private:
  static constexpr int64_t kPrinted = 40;
  int64_t checks_ = 0, failures_ = 0;
};

}  // namespace loadmark::check
