// What does a mlperf_log_detail.txt say? Reads any writer's, one entry a line, 64-bit integers exact and LoadGen's bare
// nan and inf as numbers. What the entries ought to say is rules/'s business.

/** A value as the log holds it; integers beyond 2^53 are bigint. */
export type DetailValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly DetailValue[]
  | { readonly [name: string]: DetailValue };

export interface DetailEntry {
  readonly key: string;
  readonly value: DetailValue;
  readonly isError: boolean;
  readonly isWarning: boolean;
  /** From 1. */
  readonly line: number;
  /** Holds nan or inf as C++ prints them, which neither JSON nor Python reads. */
  readonly hasBareNumber: boolean;
}

/** A line that is no entry and ought to be one. */
export interface DetailFault {
  readonly line: number;
  readonly message: string;
}

/** What lines may begin with: LoadGen's marker, and that of MLCommons' endpoints client. */
const markers = [':::MLLOG', ':::ENDPTS'] as const;

export class DetailLog {
  readonly #first = new Map<string, DetailEntry>();

  constructor(
    readonly entries: readonly DetailEntry[],
    readonly faults: readonly DetailFault[],
  ) {
    for (const entry of entries) {
      if (!this.#first.has(entry.key)) this.#first.set(entry.key, entry);
    }
  }

  /** The first entry of the key, as MLCommons' checker takes it; null where there is none. */
  find(key: string): DetailEntry | null {
    return this.#first.get(key) ?? null;
  }

  all(key: string): DetailEntry[] {
    return this.entries.filter((entry) => entry.key === key);
  }

  /** The value as a number; null where there is none. */
  number(key: string): number | null {
    const value = this.find(key)?.value;
    if (typeof value === 'bigint') return Number(value);
    return typeof value === 'number' ? value : null;
  }

  text(key: string): string | null {
    const value = this.find(key)?.value;
    return typeof value === 'string' ? value : null;
  }

  /** Of the last such entry, since a log may hold several series: LoadGen writes MM-DD-YYYY HH:MM:SS.mmm in UTC. */
  powerTimeMs(key: 'power_begin' | 'power_end'): number | null {
    const value = this.all(key).at(-1)?.value;
    const form = /^(\d\d)-(\d\d)-(\d{4}) (\d\d:\d\d:\d\d\.\d{3})$/;
    const parts = form.exec(typeof value === 'string' ? value : '');
    if (parts === null) return null;
    const [, month, day, year, time] = parts;
    return Date.parse(`${year}-${month}-${day}T${time}Z`);
  }
}

/**
 * Reads a whole log. As in MLCommons' parser the first line decides the marker, and lines without it are passed over;
 * a line with the other marker is a fault, since that parser would lose it in silence.
 */
export function parseDetailLog(text: string): DetailLog {
  const entries: DetailEntry[] = [];
  const faults: DetailFault[] = [];
  const own = markers.find((marker) => text.startsWith(marker)) ?? null;
  if (own === null)
    faults.push({ line: 1, message: 'the first line does not begin with :::MLLOG' });
  for (const [index, row] of text.split('\n').entries()) {
    const line = index + 1;
    const marker = markers.find((known) => row.startsWith(known));
    if (marker === undefined) continue;
    if (own !== null && marker !== own) {
      faults.push({ line, message: `the line begins with ${marker}, the first with ${own}` });
    }
    const entry = readEntry(row.slice(marker.length).trim(), line);
    if (typeof entry === 'string') faults.push({ line, message: entry });
    else entries.push(entry);
  }
  return new DetailLog(entries, faults);
}

/** An entry, or what is wrong with it. */
function readEntry(json: string, line: number): DetailEntry | string {
  let parsed: DetailValue;
  try {
    parsed = parseExactly(json);
  } catch {
    return 'what follows the marker is not JSON';
  }
  if (!isObject(parsed)) return 'the entry is not a JSON object';
  const { key, value, metadata } = parsed;
  if (typeof key !== 'string') return 'the entry has no key';
  if (value === undefined) return `the entry ${key} has no value`;
  if (metadata === undefined || !isObject(metadata) || typeof metadata.is_error !== 'boolean') {
    return `the entry ${key} has no metadata.is_error`;
  }
  const { is_error: isError, is_warning: isWarning } = metadata;
  const hasBareNumber = [...json.matchAll(tokens)].some(([token]) => /^-?[ni]/.test(token));
  return { key, value, isError, isWarning: isWarning === true, line, hasBareNumber };
}

function isObject(value: DetailValue): value is { readonly [name: string]: DetailValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const tag = '\u0000';
const tokens = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])|-?(?:nan|inf|NaN|Infinity)\b/g;

/** JSON with exact integers and C++'s names for what is no number. */
function parseExactly(json: string): DetailValue {
  const marked = json.replace(tokens, (token) =>
    token.startsWith('"') ? token : JSON.stringify(`${tag}${token}`),
  );
  return JSON.parse(marked, (_name, value: unknown) => {
    if (typeof value !== 'string' || !value.startsWith(tag)) return value;
    const token = value.slice(1);
    if (/^-?\d/.test(token)) return BigInt(token);
    if (/nan$/i.test(token)) return Number.NaN;
    return token.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }) as DetailValue;
}
