// The two 16-bit activation types under one set of names: conversions, packed pairs, the mma of
// each and the way eight 4-bit values become four pairs.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace loadmark::ops::cuda {

__device__ inline uint32_t bits_of(__half2 value) { return *reinterpret_cast<uint32_t*>(&value); }
__device__ inline uint32_t bits_of(__nv_bfloat162 value) {
  return *reinterpret_cast<uint32_t*>(&value);
}
__device__ inline __half2 half2_of(uint32_t bits) { return *reinterpret_cast<__half2*>(&bits); }
__device__ inline __nv_bfloat162 bfloat2_of(uint32_t bits) {
  return *reinterpret_cast<__nv_bfloat162*>(&bits);
}
// (value & mask) | bits in one instruction.
template <uint32_t kMask, uint32_t kBits>
__device__ inline uint32_t mask_or(uint32_t value) {
  uint32_t out;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(out) : "r"(value), "n"(kMask), "n"(kBits));
  return out;
}

template <class T>
struct Number;

template <>
struct Number<__half> {
  using Pair = __half2;
  static __device__ inline float to_float(__half x) { return __half2float(x); }
  static __device__ inline __half from_float(float x) { return __float2half_rn(x); }
  static __device__ inline float2 to_float2(uint32_t x) { return __half22float2(half2_of(x)); }
  static __device__ inline uint32_t pack(float low, float high) {
    return bits_of(__floats2half2_rn(low, high));
  }
  static __device__ inline uint32_t from_half2(uint32_t x) { return x; }

  // The zero points of a lane's two rows, in the form `integers` takes off.
  static __device__ inline uint32_t zero_low(uint32_t z) { return (z | z << 16) | 0x64006400u; }
  static __device__ inline uint32_t zero_high(uint32_t z) {
    const __half negative = __int2half_rn(-64 - static_cast<int>(z));
    return bits_of(__halves2half2(negative, negative));
  }
  // A word of a packed block -> the A fragment of one 16 x 16 tile: q - zero, exact. The pairs of
  // row g are nibbles (0, 4) and (2, 6), those of row g + 8 (1, 5) and (3, 7). 0x6400 is 1024,
  // whose last bit is 1, so a nibble put in its place reads 1024 + q, or 1024 + 16 q one nibble up.
  static __device__ inline void integers(uint32_t word, uint32_t zero_low, uint32_t zero_high,
                                         uint32_t (&a)[4]) {
    constexpr uint32_t kSixteenth = 0x2c002c00u;
    const uint32_t next = word >> 8;
    a[0] = bits_of(__hsub2(half2_of(mask_or<0x000f000fu, 0x64006400u>(word)), half2_of(zero_low)));
    a[1] = bits_of(__hfma2(half2_of(mask_or<0x00f000f0u, 0x64006400u>(word)), half2_of(kSixteenth),
                           half2_of(zero_high)));
    a[2] = bits_of(__hsub2(half2_of(mask_or<0x000f000fu, 0x64006400u>(next)), half2_of(zero_low)));
    a[3] = bits_of(__hfma2(half2_of(mask_or<0x00f000f0u, 0x64006400u>(next)), half2_of(kSixteenth),
                           half2_of(zero_high)));
  }
  // Scales of a lane's two rows, from fp16.
  struct Scale {
    uint32_t low;
    __device__ explicit Scale(uint16_t half) : low(half | uint32_t{half} << 16) {}
  };
  static __device__ inline uint32_t scaled(uint32_t pair, Scale scale) {
    return bits_of(__hmul2(half2_of(pair), half2_of(scale.low)));
  }
  // For zero points of 8: a nibble in place reads q 2^-24 as a subnormal, q 2^-20 one nibble up, so
  // one fused multiply-add with (scale 2^20 or 2^16, -scale / 2) gives (q - 8) scale / 16, rounded
  // once. The scale is below 1/16.
  static constexpr bool kHasFused = true;
  static constexpr float kFusedUnscale = 16;
  struct FusedScale {
    uint32_t low, high;  // (factor, offset) of row g and of row g + 8
    __device__ FusedScale() {}
    __device__ FusedScale(uint16_t g, uint16_t g8) {
      low = bits_of(__hmul2(half2_of(g | uint32_t{g} << 16), __floats2half2_rn(0x1p15f, -0.5f)));
      low = bits_of(__hmul2(half2_of(low), __floats2half2_rn(0x1p5f, 1.0f)));
      high = bits_of(__hmul2(half2_of(g8 | uint32_t{g8} << 16), __floats2half2_rn(0x1p15f, -0.5f)));
      high = bits_of(__hmul2(half2_of(high), __floats2half2_rn(2.0f, 1.0f)));
    }
  };
  static __device__ inline void fused(uint32_t word, FusedScale scale, uint32_t (&a)[4]) {
    const uint32_t next = word >> 8;
    const __half2 low = __low2half2(half2_of(scale.low)), high = __low2half2(half2_of(scale.high));
    const __half2 low_offset = __high2half2(half2_of(scale.low)),
                  high_offset = __high2half2(half2_of(scale.high));
    a[0] = bits_of(__hfma2(half2_of(word & 0x000f000fu), low, low_offset));
    a[1] = bits_of(__hfma2(half2_of(word & 0x00f000f0u), high, high_offset));
    a[2] = bits_of(__hfma2(half2_of(next & 0x000f000fu), low, low_offset));
    a[3] = bits_of(__hfma2(half2_of(next & 0x00f000f0u), high, high_offset));
  }
  static __device__ inline void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                    uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
};

template <>
struct Number<__nv_bfloat16> {
  using Pair = __nv_bfloat162;
  static __device__ inline float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
  static __device__ inline __nv_bfloat16 from_float(float x) { return __float2bfloat16_rn(x); }
  static __device__ inline float2 to_float2(uint32_t x) {
    return __bfloat1622float2(bfloat2_of(x));
  }
  static __device__ inline uint32_t pack(float low, float high) {
    return bits_of(__floats2bfloat162_rn(low, high));
  }
  static __device__ inline uint32_t from_half2(uint32_t x) {
    const float2 values = __half22float2(half2_of(x));
    return pack(values.x, values.y);
  }

  static __device__ inline uint32_t zero_low(uint32_t z) { return (z | z << 16) | 0x43004300u; }
  static __device__ inline uint32_t zero_high(uint32_t z) { return zero_low(z); }
  // As for fp16; 0x4300 is 128, whose last bit is 1 and whose mantissa has room for one nibble.
  static __device__ inline void integers(uint32_t word, uint32_t zero_low, uint32_t zero_high,
                                         uint32_t (&a)[4]) {
    const auto less = [](uint32_t x, uint32_t y) {
      return bits_of(__hsub2(bfloat2_of(x), bfloat2_of(y)));
    };
    a[0] = less(mask_or<0x000f000fu, 0x43004300u>(word), zero_low);
    a[1] = less(mask_or<0x000f000fu, 0x43004300u>(word >> 4), zero_high);
    a[2] = less(mask_or<0x000f000fu, 0x43004300u>(word >> 8), zero_low);
    a[3] = less(mask_or<0x000f000fu, 0x43004300u>(word >> 12), zero_high);
  }
  // bf16 has 8 bits of the scale's 11: the rest goes beside it, so that only the product is
  // rounded.
  struct Scale {
    uint32_t low, rest;
    __device__ explicit Scale(uint16_t half) {
      const float exact = __half2float(__ushort_as_half(half));
      const __nv_bfloat16 high = __float2bfloat16_rn(exact);
      const __nv_bfloat16 left = __float2bfloat16_rn(exact - __bfloat162float(high));
      low = bits_of(__halves2bfloat162(high, high));
      rest = bits_of(__halves2bfloat162(left, left));
    }
  };
  static __device__ inline uint32_t scaled(uint32_t pair, Scale scale) {
    const __nv_bfloat162 q = bfloat2_of(pair);
    return bits_of(__hfma2(q, bfloat2_of(scale.low), __hmul2(q, bfloat2_of(scale.rest))));
  }
  static constexpr bool kHasFused = false;  // bf16 has no bits to spare for it
  static constexpr float kFusedUnscale = 1;
  struct FusedScale {
    __device__ FusedScale() {}
    __device__ FusedScale(uint16_t, uint16_t) {}
  };
  static __device__ inline void fused(uint32_t, FusedScale, uint32_t (&)[4]) {}
  static __device__ inline void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                    uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
        "{%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
};

__device__ inline float silu(float x) { return x / (1.0f + __expf(-x)); }

}  // namespace loadmark::ops::cuda
