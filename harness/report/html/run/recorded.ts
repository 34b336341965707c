// Values of the record by their paths, so that what a page shows is looked up and never typed twice.

import type { RunRecord } from '../../../run-record.js';
import type { RecordedValue } from '../tagged-value.js';

/**
 * @param field names joined by dots, below the record's top.
 * @throws Error when the path leads to something else than a number or null.
 */
export function recorded(record: RunRecord, field: string): RecordedValue {
  let value: unknown = record;
  for (const name of field.split('.')) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  }
  if (value === undefined || value === null) return { field, value: null };
  if (typeof value !== 'number') throw new Error(`${field} is ${typeof value}, not a number`);
  return { field, value };
}
