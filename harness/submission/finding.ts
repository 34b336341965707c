// Something that a check found: where, what was there, what is required, and why it matters.

export interface Finding {
  /** An error makes a submission wrong; a warning is worth a look. */
  readonly severity: 'error' | 'warning';
  /** Short and stable, such as wrong-seed. */
  readonly rule: string;
  readonly file: string;
  /** From 1; null where the whole file is meant. */
  readonly line: number | null;
  /** As found; null where the thing is missing. */
  readonly value: string | null;
  readonly required: string;
  readonly why: string;
}

/** Where a finding was made. */
export interface Place {
  readonly file: string;
  readonly line?: number | null;
}

/** What was found there, and what is required. */
export interface Judgement {
  readonly value: unknown;
  readonly required: string;
  readonly why: string;
}

export function findError(rule: string, place: Place, judgement: Judgement): Finding {
  return find('error', rule, place, judgement);
}

export function findWarning(rule: string, place: Place, judgement: Judgement): Finding {
  return find('warning', rule, place, judgement);
}

function find(
  severity: Finding['severity'],
  rule: string,
  { file, line = null }: Place,
  { value, required, why }: Judgement,
): Finding {
  return { severity, rule, file, line, value: describe(value), required, why };
}

const longest = 120;

function describe(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const text = typeof value === 'string' ? value : String(value);
  return text.length > longest ? `${text.slice(0, longest - 3)}...` : text;
}
