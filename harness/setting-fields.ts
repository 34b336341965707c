// What values a setting may take: small checkers that a configuration is described with (run-config.ts). Each turns a
// setting as written into a checked value, or notes a fault that quotes it. Reading files is config.ts's business.

import type { Fault } from './errors.js';
import { suggestName } from './name-suggestion.js';

/** A value as somebody wrote it, and where: what YAML, an option or --set come to before anything is checked. */
export type Setting =
  | { readonly kind: 'value'; readonly value: Scalar; readonly where: string }
  | { readonly kind: 'list'; readonly items: readonly Setting[]; readonly where: string }
  | { readonly kind: 'section'; readonly entries: Map<string, Entry>; readonly where: string };

export type Scalar = string | number | bigint | boolean | null;

export interface Entry {
  readonly setting: Setting;
  /** Where the key stands. */
  readonly where: string;
}

/** Checks one setting; on a fault it notes it and returns the value to go on with. */
export interface Field<T> {
  check(setting: Setting | undefined, key: string, faults: Fault[]): T;
}

/** The checked type of a field. */
export type Checked<F> = F extends Field<infer T> ? T : never;

/** Any of these texts; `later` holds the ones that are known and not made yet. */
export function choice<const T extends string>(
  choices: readonly T[],
  fallback: NoInfer<T>,
  later: readonly string[] = [],
): Field<T> {
  return scalar(fallback, (value) => {
    // YAML reads an unquoted null as nothing; where a choice has that name, the name is meant.
    const known = choices.find((candidate) => candidate === String(value));
    if (known !== undefined) return known;
    const list = choices.join(', ');
    if (typeof value === 'string' && later.includes(value)) {
      return refuse(`${quote(value)} is not in this version, which has ${list}`);
    }
    const hint = typeof value === 'string' ? suggestName(value, choices) : '';
    return refuse(`is ${quote(value)}; allowed: ${list}${hint}`);
  });
}

/** Any text but the empty one, or null. */
export function optionalText(): Field<string | null> {
  return scalar<string | null>(null, (value) =>
    value === null || (typeof value === 'string' && value !== '')
      ? value
      : refuse(`is ${quote(value)}; allowed: a text that is not empty, or null`),
  );
}

/** Whole numbers (`what` they are) as a text with commas between them, or null. */
export function optionalCounts(what: string): Field<string | null> {
  return scalar<string | null>(null, (value) => {
    if (value === null) return null;
    const counts = String(value).split(/\s*,\s*/);
    return counts.every((count) => /^\d{1,9}$/.test(count))
      ? counts.join(',')
      : refuse(`is ${quote(value)}; allowed: ${what} separated by commas, or null`);
  });
}

/** Any text but the empty one. */
export function text(fallback: string): Field<string> {
  return scalar(fallback, (value) =>
    typeof value === 'string' && value !== ''
      ? value
      : refuse(`is ${quote(value)}; allowed: a text that is not empty`),
  );
}

/** A text that can be the name of a folder. */
export function pathSegment(fallback: string): Field<string> {
  return scalar(fallback, (value) =>
    typeof value === 'string' && /^[\w][\w. +-]{0,99}$/.test(value)
      ? value
      : refuse(
          `is ${quote(value)}; allowed: up to 100 letters, digits, blanks and . _ + -, a letter or digit first`,
        ),
  );
}

/** true or false. */
export function flag(fallback: boolean): Field<boolean> {
  return scalar(fallback, (value) =>
    typeof value === 'boolean' ? value : refuse(`is ${quote(value)}; allowed: true, false`),
  );
}

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
  /** The least value itself is not allowed. */
  readonly aboveMin?: boolean;
}

/** A number in a range. */
export function number(range: NumberRange, fallback: number): Field<number> {
  return scalar(fallback, (value) => readNumber(value, range, ''));
}

/** A number in a range, or null. */
export function optionalNumber(range: NumberRange): Field<number | null> {
  return scalar<number | null>(null, (value) =>
    value === null ? null : readNumber(value, range, ', or null'),
  );
}

/** A 64-bit unsigned seed. */
export function seed(fallback: bigint): Field<bigint> {
  return scalar(fallback, (value) => readSeed(value, ''));
}

/** A 64-bit unsigned seed, or null. */
export function optionalSeed(): Field<bigint | null> {
  return scalar<bigint | null>(null, (value) =>
    value === null ? null : readSeed(value, ', or null'),
  );
}

/** Named settings; in files their names are written in snake_case. */
export function section<F extends Readonly<Record<string, Field<unknown>>>>(
  fields: F,
): Field<{ readonly [K in keyof F]: Checked<F[K]> }> {
  const byWrittenName = new Map(Object.keys(fields).map((name) => [writtenName(name), name]));
  return {
    check(setting, key, faults) {
      const entries = entriesOf(setting, key, faults);
      for (const [name, entry] of entries) {
        if (byWrittenName.has(name)) continue;
        const known = [...byWrittenName.keys()];
        const message = `unknown setting ${quote(name)}${suggestName(name, known)}`;
        const inside = key === '' ? '' : ` in ${key}`;
        faults.push({
          where: entry.where,
          message: `${message}; allowed${inside}: ${known.join(', ')}`,
        });
      }
      const checked: Record<string, unknown> = {};
      for (const [written, name] of byWrittenName) {
        const path = key === '' ? written : `${key}.${written}`;
        checked[name] = fields[name]!.check(entries.get(written)?.setting, path, faults);
      }
      return Object.freeze(checked) as { readonly [K in keyof F]: Checked<F[K]> };
    },
  };
}

/** Settings of one kind under names the user chooses; `names`, where given, are the only ones allowed. */
export function table<T>(
  field: Field<T>,
  names?: readonly string[],
): Field<Readonly<Record<string, T>>> {
  return {
    check(setting, key, faults) {
      const checked: Record<string, T> = Object.create(null);
      for (const [name, entry] of entriesOf(setting, key, faults)) {
        if (names !== undefined && !names.includes(name)) {
          faults.push({
            where: entry.where,
            message: `unknown name ${quote(name)} in ${key}${suggestName(name, names)}; allowed: ${names.join(', ')}`,
          });
        } else {
          checked[name] = field.check(entry.setting, `${key}.${name}`, faults);
        }
      }
      return Object.freeze(checked);
    },
  };
}

/** minQueryCount -> min_query_count */
export function writtenName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A value as an error message shows it. */
export function quote(value: Scalar): string {
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
}

interface Refusal {
  readonly refusal: string;
}

function refuse(reason: string): Refusal {
  return { refusal: reason };
}

function isRefusal(result: unknown): result is Refusal {
  return typeof result === 'object' && result !== null && 'refusal' in result;
}

function scalar<T extends Scalar>(fallback: T, read: (value: Scalar) => T | Refusal): Field<T> {
  return {
    check(setting, key, faults) {
      if (setting === undefined) return fallback;
      const result =
        setting.kind === 'value'
          ? read(setting.value)
          : refuse(`is a ${setting.kind}; allowed: a single value`);
      if (!isRefusal(result)) return result;
      faults.push({ where: setting.where, message: `${key} ${result.refusal}` });
      return fallback;
    },
  };
}

function readSeed(value: Scalar, orElse: string): bigint | Refusal {
  const largest = 2n ** 64n - 1n;
  return typeof value === 'bigint' && value >= 0n && value <= largest
    ? value
    : refuse(`is ${quote(value)}; allowed: a whole number from 0 to ${largest}${orElse}`);
}

function readNumber(value: Scalar, range: NumberRange, orElse: string): number | Refusal {
  const { min, max, whole = false, aboveMin = false } = range;
  const wanted = whole ? 'a whole number' : 'a number';
  const low = aboveMin ? `above ${min}` : `from ${min}`;
  const number = typeof value === 'bigint' ? Number(value) : value;
  const fits =
    typeof number === 'number' &&
    number >= min &&
    number <= max &&
    !(aboveMin && number === min) &&
    (!whole || Number.isInteger(number));
  return fits ? number : refuse(`is ${quote(value)}; allowed: ${wanted} ${low} to ${max}${orElse}`);
}

function entriesOf(
  setting: Setting | undefined,
  key: string,
  faults: Fault[],
): ReadonlyMap<string, Entry> {
  if (setting === undefined || (setting.kind === 'value' && setting.value === null)) {
    return new Map();
  }
  if (setting.kind === 'section') return setting.entries;
  const shown = setting.kind === 'value' ? quote(setting.value) : 'a list';
  const subject = key === '' ? 'the file' : key;
  faults.push({
    where: setting.where,
    message: `${subject} is ${shown}; allowed: names with values, one a line`,
  });
  return new Map();
}
