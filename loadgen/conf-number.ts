// What number is a value of a configuration file? LoadGen reads values with C's strtoull (base 0) and strtod; this is
// their reading of one whole token, wrap-around and surprises included.

const largestUint64 = 2n ** 64n - 1n;

/** As strtoull with base 0 sees it: 0x is hexadecimal, a leading 0 octal. */
const integerStart = /^[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/;
const decimal = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const hexFloat =
  /^([+-]?)0[xX](?:([0-9a-fA-F]+)\.?([0-9a-fA-F]*)|\.([0-9a-fA-F]+))(?:[pP]([+-]?[0-9]+))?$/;
const infinity = /^([+-]?)inf(?:inity)?$/i;
const nan = /^[+-]?nan(?:\([A-Za-z0-9_]*\))?$/i;

/** Whether strtoul or strtod would read the token to its end. */
export function isConfNumber(token: string): boolean {
  if (integerStart.exec(token)?.[0] === token) return true;
  return [decimal, hexFloat, infinity, nan].some((form) => form.test(token));
}

/** strtoull of the token: what stands before the first strange character, modulo 2^64; 0 when that is nothing. */
export function confUint64(token: string): bigint {
  const start = integerStart.exec(token)?.[0];
  if (start === undefined) return 0n;
  const digits = start.replace(/^[+-]/, '');
  const isOctal = /^0[0-7]/.test(digits);
  const magnitude = BigInt(isOctal ? `0o${digits.slice(1)}` : digits);
  if (magnitude > largestUint64) return largestUint64;
  return start.startsWith('-') ? BigInt.asUintN(64, -magnitude) : magnitude;
}

/** strtod of a token that `isConfNumber` accepts. */
export function confDouble(token: string): number {
  if (decimal.test(token)) return Number(token);
  const hex = hexFloat.exec(token);
  if (hex !== null) {
    const [, sign, whole = '', fraction = '', bare = '', exponent = '0'] = hex;
    const point = fraction + bare;
    const mantissa = Number(BigInt(`0x${whole}${point}`));
    const value = mantissa * 2 ** (Number(exponent) - 4 * point.length);
    return sign === '-' ? -value : value;
  }
  const infinite = infinity.exec(token);
  if (infinite === null) return Number.NaN;
  return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
