// SplitMix64 (Steele, Lea and Flood 2014), the generator of engine/sampler.h.
#pragma once

#include <cstdint>

namespace loadmark::ops::cuda {

// The index-th output, counted from 0, of a generator started at `seed`.
__device__ inline uint64_t split_mix(uint64_t seed, uint64_t index) {
  uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace loadmark::ops::cuda
