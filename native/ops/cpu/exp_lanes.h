// exp for Lanes (lanes_avx2.h or lanes_avx512.h, included before): within 1 ulp over the whole
// range, subnormal results, 0 below -104, infinity above 88.73, NaN for NaN.
#pragma once

namespace loadmark::ops {
namespace {

// exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2; exp(r) by its Taylor series to r^7
// (next term < 6e-9). 2^n goes in by halves so that results below 2^-126 round once instead of
// wrapping.
inline Lanes exp(Lanes x) {
  x = min(Lanes::all(89.0f), max(Lanes::all(-104.0f), x));  // bounds first: NaN stays
  const Lanes n = round(x * Lanes::all(1.44269504f));
  // ln 2 in two parts; the first has trailing zeros enough that n * part is exact
  Lanes r = nfma(n, Lanes::all(0.693359375f), x);
  r = nfma(n, Lanes::all(-2.12194440e-4f), r);
  Lanes p = Lanes::all(1.0f / 5040);
  p = fma(p, r, Lanes::all(1.0f / 720));
  p = fma(p, r, Lanes::all(1.0f / 120));
  p = fma(p, r, Lanes::all(1.0f / 24));
  p = fma(p, r, Lanes::all(1.0f / 6));
  p = fma(p, r, Lanes::all(0.5f));
  p = fma(p, r, Lanes::all(1.0f));
  p = fma(p, r, Lanes::all(1.0f));
  const Lanes half = round(n * Lanes::all(0.5f));
  return p * power_of_two(half) * power_of_two(n - half);
}

}  // namespace
}  // namespace loadmark::ops
