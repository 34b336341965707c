// What an option's value may be, and what it is called where it is refused.

import type { Fault } from './errors.js';
import { quote } from './setting-fields.js';

/** The value of option `name` as commander parsed it, the first of `choices` where it is left out; else a fault. */
export function readChoice<const T extends string>(
  parsed: Readonly<Record<string, unknown>>,
  name: string,
  choices: readonly [T, ...T[]],
  faults: Fault[],
): T {
  const value = parsed[name];
  if (value === undefined) return choices[0];
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  const message = `is ${quote(String(value))}; allowed: ${choices.join(', ')}`;
  faults.push({ where: optionOf(name), message });
  return choices[0];
}

/** maxBatch and max_batch -> --max-batch */
export function optionOf(name: string): string {
  return `--${name.replace(/_/g, '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A whole number from 1 to `most`, `otherwise` where it is left out; else a fault. */
export function readCount(
  parsed: Readonly<Record<string, unknown>>,
  name: string,
  otherwise: number,
  most: number,
  faults: Fault[],
): number {
  const value = parsed[name];
  if (value === undefined) return otherwise;
  const count = Number(value);
  if (/^\d+$/.test(String(value)) && count >= 1 && count <= most) return count;
  const message = `is ${quote(String(value))}; allowed: a whole number from 1 to ${most}`;
  faults.push({ where: optionOf(name), message });
  return otherwise;
}
