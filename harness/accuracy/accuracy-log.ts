// Which tokens did each sample answer with? Reads mlperf_log_accuracy.json as the reference scripts do: the first
// record of each sample, hex to bytes to little-endian integers. Turning tokens into text is the caller's business.
import { type Fault, InputError, messageOf } from '../errors.js';

/** How the log's bytes spell a token. Reference systems log int32; the reference scripts assume int64 when not told. */
export type TokenType = 'int32' | 'int64';

export interface AccuracyRecord {
  readonly seqId: number;
  readonly qslIdx: number;
  readonly tokens: Int32Array;
  /** The record's own count; null where it has none. */
  readonly tokenCount: number | null;
}

export interface AccuracyLogOptions {
  /** `auto`: int64 where the upper half of every 8 bytes is zero, else int32. */
  readonly tokenType?: TokenType | 'auto';
  /** Rows of the dataset; an index beyond them is a fault. */
  readonly sampleCount?: number;
  /** What to call the log in messages, its path for instance. */
  readonly name?: string;
}

const MAX_FAULTS = 20;

/** A whole log: the first record of each sample, in the file's order. */
export interface AccuracyLog {
  readonly records: readonly AccuracyRecord[];
  readonly tokenType: TokenType;
  /** Records of samples that were answered before: the reference scripts leave them out. */
  readonly repeated: number;
  /** Of `records`, those whose token_count is not the number of tokens in their data. */
  readonly miscounted: readonly AccuracyRecord[];
}

/**
 * The first record of each `qsl_idx`, in the file's order. A performance run's log has none.
 * @throws InputError naming what is malformed, record by record (the first 20 faults).
 */
export function parseAccuracyLog(text: string, options: AccuracyLogOptions = {}): AccuracyRecord[] {
  return [...readAccuracyLog(text, options).records];
}

/** The same with what else is worth knowing. @throws InputError as parseAccuracyLog() does. */
export function readAccuracyLog(text: string, options: AccuracyLogOptions = {}): AccuracyLog {
  const { name = 'mlperf_log_accuracy.json', sampleCount = Number.POSITIVE_INFINITY } = options;
  const entries = parseArray(text, name);
  const asked = options.tokenType ?? 'int32';
  const tokenType = asked === 'auto' ? guessTokenType(entries) : asked;
  const records = new Map<number, AccuracyRecord>();
  const faults: Fault[] = [];
  const strangers: { readonly at: number; readonly qslIdx: number }[] = [];
  for (let at = 0; at < entries.length && faults.length < MAX_FAULTS; at++) {
    const record = readRecord(entries[at], tokenType);
    if (typeof record === 'string') {
      faults.push({ where: `${name}, record ${at + 1}`, message: record });
    } else if (record.qslIdx >= sampleCount) {
      strangers.push({ at, qslIdx: record.qslIdx });
    } else if (!records.has(record.qslIdx)) {
      records.set(record.qslIdx, record);
    }
  }
  const [first] = strangers;
  if (first !== undefined) {
    // One sentence for all: another dataset makes a stranger of every record.
    const message = `qsl_idx is ${first.qslIdx}; allowed: 0 to ${sampleCount - 1}, the rows of the dataset${countOthers(strangers.length - 1)}`;
    faults.push({ where: `${name}, record ${first.at + 1}`, message });
  }
  if (faults.length > 0) throw new InputError(faults);
  const kept = [...records.values()];
  const miscounted = kept.filter(
    ({ tokenCount, tokens }) => tokenCount !== null && tokenCount !== tokens.length,
  );
  return { records: kept, tokenType, repeated: entries.length - kept.length, miscounted };
}

/** Ends a sentence about the first of several records. */
export function countOthers(count: number): string {
  return count === 0 ? '' : `; so ${count === 1 ? 'is 1 record' : `are ${count} records`} more`;
}

function guessTokenType(entries: readonly unknown[]): TokenType {
  const texts = entries.flatMap((entry) => {
    const data = (entry as { readonly data?: unknown } | null)?.data;
    return typeof data === 'string' && data !== '' ? [data] : [];
  });
  const isWide = (hex: string) => hex.length % 16 === 0 && /^(?:[0-9a-f]{8}0{8})*$/i.test(hex);
  return texts.length > 0 && texts.every(isWide) ? 'int64' : 'int32';
}

function parseArray(text: string, name: string): unknown[] {
  const fail = (message: string): never => {
    throw new InputError([{ where: name, message }]);
  };
  if (text.includes('\n...\n')) {
    fail('the log was truncated for a submission; scoring needs the whole log');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    fail(`not JSON (${messageOf(error)}); an accuracy log is an array of records`);
  }
  return Array.isArray(value)
    ? value
    : fail(`holds ${describe(value)}; an accuracy log is an array of records`);
}

/** A record, or the sentence saying what is wrong with it. */
function readRecord(entry: unknown, tokenType: TokenType): AccuracyRecord | string {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return `is ${describe(entry)}; it must be an object with seq_id, qsl_idx and data`;
  }
  const fields = entry as Readonly<Record<string, unknown>>;
  const { seq_id: seqId, qsl_idx: qslIdx, data, token_count: tokenCount = null } = fields;
  if (!isCount(seqId)) return `seq_id is ${describe(seqId)}; ${COUNT_RULE}`;
  if (!isCount(qslIdx)) return `qsl_idx is ${describe(qslIdx)}; ${COUNT_RULE}`;
  if (tokenCount !== null && !isCount(tokenCount)) {
    return `token_count is ${describe(tokenCount)}; ${COUNT_RULE}`;
  }
  if (typeof data !== 'string')
    return `data is ${describe(data)}; it must be a string of hex digits`;
  const tokens = decodeTokens(data, tokenType);
  return typeof tokens === 'string' ? tokens : { seqId, qslIdx, tokens, tokenCount };
}

const COUNT_RULE = 'it must be an integer of at least 0';

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function decodeTokens(hex: string, tokenType: TokenType): Int32Array | string {
  const digitsPerToken = tokenType === 'int32' ? 8 : 16;
  const badDigit = hex.search(/[^0-9a-fA-F]/);
  if (badDigit >= 0) {
    return `data has ${describe(hex[badDigit])} at ${badDigit}; only hex digits are allowed`;
  }
  if (hex.length % digitsPerToken !== 0) {
    return `data has ${hex.length} hex digits; ${tokenType} tokens take a multiple of ${digitsPerToken}`;
  }
  const bytes = Buffer.from(hex, 'hex');
  const tokens = new Int32Array(hex.length / digitsPerToken);
  for (let at = 0; at < tokens.length; at++) {
    const token =
      tokenType === 'int32' ? bytes.readInt32LE(at * 4) : Number(bytes.readBigInt64LE(at * 8));
    if (token < 0 || token > 0x7fffffff) {
      return `token ${at} of data is ${token} read as ${tokenType}; allowed are 0 to 2147483647`;
    }
    tokens[at] = token;
  }
  return tokens;
}

/** A value for a message, cut where it is long. */
function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
