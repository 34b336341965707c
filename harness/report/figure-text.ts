// With how many digits is a figure shown? One rule for a terminal, Markdown and pages, so that they show the same of the same
// record; how digits are set apart from each other and from their unit is each one's own.

/** Four significant digits; whole numbers and those from 1000 on without decimals. */
export function roundFigure(value: number): string {
  if (value === 0) return '0';
  return Number.isInteger(value) || Math.abs(value) >= 1000
    ? Math.round(value).toString()
    : Number(value.toPrecision(4)).toString();
}

/** In a table; a dash for what was not measured. */
export function formatFigure(value: number | null): string {
  return value === null ? '-' : roundFigure(value);
}

/** A share, 0..1, in per cent: three significant digits, more where they would make it the whole that it is not. */
export function roundPercent(share: number): string {
  const percent = 100 * share;
  const digits = [3, 4, 5, 6].find(
    (count) => share >= 1 || Number(percent.toPrecision(count)) < 100,
  );
  return Number(percent.toPrecision(digits ?? 6)).toString();
}

/** "97.3 %" */
export function formatPercent(share: number): string {
  return `${roundPercent(share)} %`;
}
