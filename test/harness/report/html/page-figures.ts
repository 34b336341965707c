// The figures of a page, held against the record that they say they are of; and what no page may contain.

import { expect } from 'vitest';

/** A tagged figure of a page, with the text that a reader sees. */
export interface ShownFigure {
  readonly field: string;
  readonly value: string;
  readonly text: string;
}

/** Every tagged figure of a page. */
export function figuresOf(page: string): ShownFigure[] {
  const form = /data-field="([^"]*)" data-value="([^"]*)"[^>]*>([^<]*)<\/data>/g;
  return [...page.matchAll(form)].map(([, field, value, text]) => {
    return { field: field!, value: value!, text: text! };
  });
}

export function lookUp(record: unknown, field: string): unknown {
  return field
    .split('.')
    .reduce<unknown>(
      (value, name) => (value as Record<string, unknown> | null | undefined)?.[name],
      record,
    );
}

/**
 * Holds every figure against its field, what is tagged to the last digit and what is seen to the digits that are shown.
 * Returns how many fields of the record are on the page.
 */
export function checkFigures(page: string, record: unknown): number {
  const figures = figuresOf(page);
  expect(figures).toHaveLength(page.match(/data-field=/g)?.length ?? 0);
  for (const { field, value, text } of figures) {
    const recorded = lookUp(record, field) ?? null;
    expect([field, value]).toEqual([field, String(recorded)]);
    expect([field, recorded, text, isSeenAs(recorded, text)]).toEqual([
      field,
      recorded,
      text,
      true,
    ]);
  }
  return new Set(figures.map(({ field }) => field)).size;
}

const scales: Readonly<Record<string, number>> = {
  '%': 100,
  KiB: 2 ** -10,
  MiB: 2 ** -20,
  GiB: 2 ** -30,
};

/**
 * Whether a text is a value rounded to the digits that it has. Three significant digits at least, or zeros that were left
 * out would pass for others; two decimals behind a sign, as differences of scores are shown, and two digits before a power
 * of ten, as p-values are.
 */
export function isSeenAs(value: unknown, text: string): boolean {
  if (value === null) return text === 'none';
  const [, digits = '', power = '', unit = ''] =
    /^([+-]?[\d\u202f.]+)(e-\d+)?\u00a0?(.*)$/.exec(text) ?? [];
  const shown = Number(digits.replaceAll('\u202f', ''));
  if (digits === '' || typeof value !== 'number') return false;
  if (power !== '') {
    const unitOfPower = Number(`1${power}`);
    return /^\d\.\d+$/.test(digits) && isSeenAs(value / unitOfPower, `+${digits}`);
  }
  const decimals = /\.(\d+)$/.exec(digits)?.[1]?.length ?? 0;
  const significant = shown === 0 ? 0 : 2 - Math.floor(Math.log10(Math.abs(shown)));
  const places = /^[+-]/.test(digits) ? decimals : Math.max(decimals, significant, 0);
  const error = Math.abs(value * (scales[unit] ?? 1) - shown);
  return error <= 0.5 * 10 ** -places * (1 + 1e-9) + 1e-12 * Math.abs(shown);
}

/** One file that runs nothing and asks for nothing, and is small. */
export function checkSelfContained(page: string): void {
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'`);
  expect(page).not.toMatch(/<(?:script|img|link|iframe|object|embed|form|audio|video)\b/i);
  expect(page).not.toMatch(/<[^>]*\s(?:src|href|on[a-z]+)=/i);
  expect(page).not.toMatch(/url\(|@import|NaN|undefined|\[object/);
  expect(page.match(/https?:[^"\s]+/g)).toEqual(page.match(/http:\/\/www\.w3\.org\/2000\/svg/g));
  expect(page.length).toBeLessThan(1_500_000);
}
