// What did the answers of an audit look like? Reads the accuracy log of a performance pass record by record, broken ones
// included, since a broken record is a finding and no reason to stop.

import { InputError, messageOf } from '../errors.js';

/** A logged answer, as far as it can be read. */
export interface AuditedAnswer {
  /** LoadGen's counter over the test; null where the record has none. */
  readonly seqId: number | null;
  /** Row of the dataset. */
  readonly qslIdx: number | null;
  /** null where `data` is no text of whole 32-bit words in hexadecimal. */
  readonly tokens: Int32Array | null;
  /** What was reported as the first token; null where nothing readable was. */
  readonly firstTokens: Int32Array | null;
  readonly tokenCount: number | null;
}

/**
 * Every record in the file's order, samples that were logged twice included.
 * @throws InputError when the whole is no JSON array.
 */
export function readAuditedLog(text: string, name: string): AuditedAnswer[] {
  let records: unknown;
  try {
    records = JSON.parse(text);
  } catch (error) {
    throw new InputError([{ where: name, message: `is not JSON: ${messageOf(error)}` }]);
  }
  if (!Array.isArray(records)) {
    throw new InputError([{ where: name, message: 'is not an array of records' }]);
  }
  return records.map(readRecord);
}

function readRecord(record: unknown): AuditedAnswer {
  const fields: Readonly<Record<string, unknown>> =
    typeof record === 'object' && record !== null ? { ...record } : {};
  return {
    seqId: readCount(fields.seq_id),
    qslIdx: readCount(fields.qsl_idx),
    tokens: readTokens(fields.data),
    firstTokens: readTokens(fields.token_data),
    tokenCount: readCount(fields.token_count),
  };
}

function readCount(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function readTokens(hex: unknown): Int32Array | null {
  if (typeof hex !== 'string' || !/^(?:[0-9a-fA-F]{8})*$/.test(hex)) return null;
  const bytes = Buffer.from(hex, 'hex');
  return Int32Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readInt32LE(4 * at));
}
