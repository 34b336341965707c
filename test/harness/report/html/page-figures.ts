// The figures of a page, held against the record that they say they are of; and what no page may contain.

import { expect } from 'vitest';

/** Every tagged figure of a page. */
export function figuresOf(page: string): { field: string; value: string }[] {
  return [...page.matchAll(/data-field="([^"]*)" data-value="([^"]*)"/g)].map(
    ([, field, value]) => ({ field: field!, value: value! }),
  );
}

export function lookUp(record: unknown, field: string): unknown {
  return field
    .split('.')
    .reduce<unknown>(
      (value, name) => (value as Record<string, unknown> | null | undefined)?.[name],
      record,
    );
}

/** Returns how many fields of the record are on the page. */
export function checkFigures(page: string, record: unknown): number {
  const figures = figuresOf(page);
  for (const { field, value } of figures) {
    expect([field, value]).toEqual([field, String(lookUp(record, field) ?? null)]);
  }
  return new Set(figures.map(({ field }) => field)).size;
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
