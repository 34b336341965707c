// The one place where C++ exceptions become JavaScript errors with a `code`.
#pragma once

#include <napi.h>

#include <new>
#include <string>
#include <utility>

#include "base/error.h"

namespace loadmark {

inline Napi::Error make_js_error(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

// What happened, in words that can cross threads.
struct CaughtError {
  const char* code;
  std::string message;
};

// Call inside a catch block.
inline CaughtError describe_caught() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {kOutOfMemory, "an allocation failed"};
  } catch (const std::exception& error) {
    return {kInternal, error.what()};
  } catch (...) {
    return {kInternal, "an unknown exception"};
  }
}

// Calls fn; whatever it throws that is not JavaScript's own becomes a JavaScript error.
template <class Fn>
auto guarded(Napi::Env env, Fn&& fn) -> decltype(fn()) {
  try {
    return std::forward<Fn>(fn)();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    const CaughtError caught = describe_caught();
    throw make_js_error(env, caught.code, caught.message);
  }
}

}  // namespace loadmark
