// Which instruction sets this CPU and this build have, and who may use them.
#pragma once

#include "ops/ops.h"

namespace loadmark::ops {

// True when `isa` is compiled in and the CPU (and its operating system) has it.
bool has_isa(Isa isa);
// AVX-512 VNNI: dpbusd, four u8 x s8 products an int32 lane. Meaningful when has_isa(kAvx512).
bool has_avx512_vnni();

}  // namespace loadmark::ops
