// What every function here refuses alike, in one place: levels, lengths, numbers that are none.

/** @throws RangeError when `value` is not in (0, 1). */
export function checkShare(name: string, value: number): void {
  if (!(value > 0 && value < 1)) throw new RangeError(`${name} is ${value}; it must be in (0, 1)`);
}

/** @throws RangeError when `value` is not an integer of at least `least`. */
export function checkCount(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`${name} is ${value}; it must be an integer of at least ${least}`);
  }
}

/** @throws RangeError when a value is not finite. */
export function checkFinite(name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new RangeError(`${name}[${i}] is ${values[i]}; it must be a finite number`);
  }
}

/** @throws RangeError when a value is not a finite number above 0. */
export function checkPositive(name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value > 0 && value < Number.POSITIVE_INFINITY) continue;
    throw new RangeError(`${name}[${i}] is ${value}; it must be a finite number above 0`);
  }
}

/** @throws RangeError when two lists that belong together differ in length. */
export function checkSameLength(
  name: string,
  values: ArrayLike<unknown>,
  otherName: string,
  others: ArrayLike<unknown>,
): void {
  if (values.length === others.length) return;
  throw new RangeError(
    `${name} has ${values.length} values and ${otherName} ${others.length}; they must be of the same items`,
  );
}
