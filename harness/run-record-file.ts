// A run.json as it lies on a disk: JSON of the right schema that has the fields which the reader needs.

import { readFileSync } from 'node:fs';
import { messageOf } from './errors.js';
import { type RunRecord, runSchema } from './run-record.js';

/** Paths of fields by the type that each must have. */
export type RecordFields = Readonly<
  Record<'boolean' | 'number' | 'object' | 'string', readonly string[]>
> & {
  readonly array?: readonly string[];
  /** Lists that records of earlier versions lack. */
  readonly arrayOrAbsent?: readonly string[];
};

/** The record, or what is wrong with it: somebody may have edited it. */
export function parseRunRecord(file: string, needed: RecordFields): RunRecord | string {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return `is not JSON: ${messageOf(error)}`;
  }
  const schema = valueAt(value, 'schema');
  if (schema !== runSchema) {
    return `schema is ${JSON.stringify(schema) ?? 'missing'}; allowed: ${runSchema}`;
  }
  const broken = Object.entries(needed).flatMap(([type, paths]) =>
    paths.filter((path) => {
      const found = valueAt(value, path);
      if (type === 'array') return !Array.isArray(found);
      if (type === 'arrayOrAbsent') return found != null && !Array.isArray(found);
      return found === null || typeof found !== type;
    }),
  );
  if (broken.length > 0) return `has no usable ${broken.join(', ')}; allowed: what bench run wrote`;
  const passes = ['accuracy', 'performance', 'audit'].map((name) => [
    name,
    valueAt(value, name) ?? null,
  ]);
  const record = { ...(value as object), ...Object.fromEntries(passes) } as RunRecord;
  return record.audit === null || Array.isArray(record.audit.eosIds)
    ? record
    : 'has no usable audit.eosIds; allowed: what bench run wrote';
}

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inside, name) => {
    if (typeof inside !== 'object' || inside === null) return undefined;
    return (inside as Readonly<Record<string, unknown>>)[name];
  }, value);
}
