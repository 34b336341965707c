// Scales of made weights, as checkpoints store them.

/** fp16 bits of a positive number below 1, truncated; subnormal where it is small. */
export function toFloat16Bits(value: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(value)));
  const mantissa = Math.trunc((value / 2 ** exponent) * 1024);
  return mantissa < 1024 ? mantissa : ((exponent + 15) << 10) | (mantissa - 1024);
}
