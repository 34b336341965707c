// Numbers as a reader wants them: by the digits of all reports, thousands apart, units behind.

import { roundFigure, roundPercent } from '../figure-text.js';

/** A no-break space, so that a number is not torn from its unit. */
const blank = '\u00a0';

/** As `roundFigure` has it, thousands apart; "none" for what is no number. */
export function formatNumber(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'none';
  return separate(roundFigure(value));
}

export function formatQuantity(value: number | null, unit: string): string {
  if (value === null || !Number.isFinite(value)) return 'none';
  return unit === '' ? formatNumber(value) : `${formatNumber(value)}${blank}${unit}`;
}

/** A share, 0..1, in per cent. */
export function formatShare(share: number | null): string {
  if (share === null || !Number.isFinite(share)) return 'none';
  return `${roundPercent(share)}${blank}%`;
}

/** Bytes in the binary unit that leaves 1 to 1023 of it. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(4))}${blank}${units[power]!}`;
}

const prefixes = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
  [1, ''],
] as const;

/** On an axis: "20k", "1.5M". */
export function formatShort(value: number): string {
  const [power, prefix] = prefixes.find(([least]) => Math.abs(value) >= least) ?? [1, ''];
  if (value === 0) return '0';
  if (power <= 1000 && Math.abs(value) < 10_000) return Number(value.toPrecision(4)).toString();
  return `${Number((value / power).toPrecision(3))}${prefix}`;
}

/** 12345 -> "12 345" with narrow spaces that do not break. */
function separate(digits: string): string {
  return /^-?\d+$/.test(digits) ? digits.replace(/\B(?=(\d{3})+$)/g, '\u202f') : digits;
}
