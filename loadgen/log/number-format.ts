// How C and C++ print a double, digit for digit: exact ties go to the even digit, where JavaScript's own methods round them up.

interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** The exact value of a positive finite double. */
function exactly(value: number): Rational {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n);
  const fraction = bits & 0xfffffffffffffn;
  const mantissa = biased === 0 ? fraction : fraction | 0x10000000000000n;
  const exponent = (biased === 0 ? 1 : biased) - 1075;
  return exponent >= 0
    ? { numerator: mantissa << BigInt(exponent), denominator: 1n }
    : { numerator: mantissa, denominator: 1n << BigInt(-exponent) };
}

/** value * 10^power as a whole number, ties to even. */
function scaled(value: number, power: number): bigint {
  const exact = exactly(value);
  const numerator = power > 0 ? exact.numerator * 10n ** BigInt(power) : exact.numerator;
  const denominator = power < 0 ? exact.denominator * 10n ** BigInt(-power) : exact.denominator;
  const quotient = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  const up = twice > denominator || (twice === denominator && (quotient & 1n) === 1n);
  return up ? quotient + 1n : quotient;
}

/** 0/0 on x86 has its sign bit set, and JavaScript cannot tell one NaN from the other. */
const zeroOverZero = '-nan';

function unusual(value: number, nan: string): string | null {
  if (Number.isNaN(value)) return nan;
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  if (value === Number.NEGATIVE_INFINITY) return '-inf';
  return null;
}

function signOf(value: number): string {
  return value < 0 || Object.is(value, -0) ? '-' : '';
}

/**
 * printf's %.Nf.
 * @param nan how to print a NaN; the result of 0/0 when left out.
 */
export function formatFixed(value: number, decimals: number, nan = zeroOverZero): string {
  const special = unusual(value, nan);
  if (special !== null) return special;
  const digits = scaled(Math.abs(value), decimals)
    .toString()
    .padStart(decimals + 1, '0');
  const split = digits.length - decimals;
  const fraction = decimals > 0 ? `.${digits.slice(split)}` : '';
  return `${signOf(value)}${digits.slice(0, split)}${fraction}`;
}

const significant = 6;

/**
 * A C++ stream's default (%g): six significant digits, trailing zeros dropped.
 * @param nan how to print a NaN; the result of 0/0 when left out.
 */
export function formatGeneral(value: number, nan = zeroOverZero): string {
  const special = unusual(value, nan);
  if (special !== null) return special;
  const sign = signOf(value);
  if (value === 0) return `${sign}0`;
  const magnitude = Math.abs(value);
  let exponent = Number(magnitude.toExponential(20).split('e')[1]);
  let digits = scaled(magnitude, significant - 1 - exponent).toString();
  if (digits.length > significant) {
    digits = digits.slice(0, significant);
    exponent += 1;
  }
  const kept = digits.replace(/0+$/, '');
  if (exponent < -4 || exponent >= significant) {
    const mantissa = kept.length > 1 ? `${kept[0]}.${kept.slice(1)}` : kept;
    const power = Math.abs(exponent).toString().padStart(2, '0');
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${kept}`;
  const whole = digits.slice(0, exponent + 1);
  const fraction = kept.slice(exponent + 1);
  return sign + (fraction === '' ? whole : `${whole}.${fraction}`);
}
