// CPU detection, once a process, and the names that results carry.
#include "ops/cpu/isa.h"

#include <cstring>
#include <string>

#include "base/error.h"

namespace loadmark::ops {

bool has_isa(Isa isa) {
#if defined(LOADMARK_X86)
  static const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                           __builtin_cpu_supports("f16c");
  static const bool avx512 =
      avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (isa == Isa::kAvx2) return avx2;
  if (isa == Isa::kAvx512) return avx512;
#endif
  return isa == Isa::kPlain;
}

bool has_avx512_vnni() {
#if defined(LOADMARK_X86)
  static const bool vnni = has_isa(Isa::kAvx512) && __builtin_cpu_supports("avx512vnni");
  return vnni;
#else
  return false;
#endif
}

Isa detect_isa() {
  if (has_isa(Isa::kAvx512)) return Isa::kAvx512;
  if (has_isa(Isa::kAvx2)) return Isa::kAvx2;
  return Isa::kPlain;
}

Isa parse_isa(const char* name) {
  if (std::strcmp(name, "auto") == 0) return detect_isa();
  for (const Isa isa : {Isa::kPlain, Isa::kAvx2, Isa::kAvx512}) {
    const char* known = isa == Isa::kPlain ? "plain" : isa == Isa::kAvx2 ? "avx2" : "avx512";
    if (std::strcmp(name, known) != 0) continue;
    if (has_isa(isa)) return isa;
    throw Error(kUnsupportedCpu, std::string("instruction set \"") + name +
                                     "\" is not available here; best is " + isa_name(detect_isa()));
  }
  throw Error(kUnsupportedCpu, std::string("instruction set \"") + name +
                                   "\" is unknown; allowed are auto, plain, avx2, avx512");
}

const char* isa_name(Isa isa) {
  if (isa == Isa::kAvx512) return has_avx512_vnni() ? "avx512-vnni" : "avx512";
  return isa == Isa::kAvx2 ? "avx2" : "plain";
}

}  // namespace loadmark::ops
