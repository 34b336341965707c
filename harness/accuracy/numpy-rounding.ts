// What would numpy print? Its mean (pairwise summation) and its round (scale, half to even, scale back), so that our
// metrics have the digits of the reference scripts.

/** numpy.mean of a contiguous float64 array. */
export function mean(values: Float64Array): number {
  return sumPairwise(values) / values.length;
}

/** Below 8 values in order; to 128 in eight interleaved sums; above, two halves, the first a multiple of 8 long. */
function sumPairwise(values: Float64Array): number {
  const count = values.length;
  if (count > 128) {
    const half = (count >> 1) - ((count >> 1) % 8);
    return sumPairwise(values.subarray(0, half)) + sumPairwise(values.subarray(half));
  }
  if (count < 8) return values.reduce((sum, value) => sum + value, 0);
  const lanes = values.slice(0, 8);
  const blocked = count - (count % 8);
  for (let at = 8; at < blocked; at++) lanes[at % 8]! += values[at]!;
  const [a, b, c, d, e, f, g, h] = lanes as unknown as Lanes;
  let sum = a + b + (c + d) + (e + f + (g + h));
  for (let at = blocked; at < count; at++) sum += values[at]!;
  return sum;
}

type Lanes = readonly [number, number, number, number, number, number, number, number];

/** numpy.round(value, decimals): value x 10^decimals to the nearest integer, ties to even, over 10^decimals. */
export function roundToDecimals(value: number, decimals: number): number {
  const scale = 10 ** decimals;
  return roundHalfToEven(value * scale) / scale;
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** Python's round(value, 1) of a float: the nearest decimal to its exact value, ties (.25, .75) to even. */
export function roundToTenth(value: number): number {
  const isTie = Number.isInteger(value * 4) && !Number.isInteger(value * 2);
  return isTie ? roundHalfToEven(value * 10) / 10 : Number(value.toFixed(1));
}
