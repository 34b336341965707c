// What the tests of `bench inspect` share: a call of it, and cases of the golden formats with another config.json.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll } from 'vitest';
import type { InspectRecord } from '../../harness/commands/inspect.js';
import { callBench } from './bench-call.js';

export const formats = resolve(import.meta.dirname, '../golden/formats');
/** Each test file's own, gone after its tests. */
export const folder = mkdtempSync(join(tmpdir(), 'loadmark-inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));

export async function inspect(model: string, ...flags: string[]) {
  const { code, stdout } = await callBench('inspect', model, '--json', ...flags);
  return { code, record: JSON.parse(stdout) as InspectRecord };
}

/** A copy of a case whose config.json is changed. */
export function edited(name: string, edit: (config: Record<string, unknown>) => void): string {
  const own = mkdtempSync(join(folder, 'edit-'));
  cpSync(join(formats, name), own, { recursive: true });
  const config = JSON.parse(readFileSync(join(own, 'config.json'), 'utf8'));
  edit(config);
  writeFileSync(join(own, 'config.json'), JSON.stringify(config));
  return own;
}
