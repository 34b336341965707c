// Where the golden files are, and how LoadGen's names for settings map to ours.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultSettings, type TestSettings } from '../../loadgen/index.js';

const root = process.env.GOLDEN_DIR ?? fileURLToPath(new URL('../golden', import.meta.url));

export function goldenPath(...parts: string[]): string {
  return join(root, 'loadgen', ...parts);
}

export function readGolden<T>(...parts: string[]): T {
  return JSON.parse(readFileSync(goldenPath(...parts), 'utf8')) as T;
}

export function readGoldenText(...parts: string[]): string {
  return readFileSync(goldenPath(...parts), 'utf8');
}

export function hasGolden(...parts: string[]): boolean {
  return existsSync(goldenPath(...parts));
}

export function listGolden(...parts: string[]): string[] {
  return readdirSync(goldenPath(...parts)).sort();
}

export function countCases(what: string, count: number): void {
  console.log(`golden loadgen: ${count} ${what} checked`);
}

export function sha256OfList(values: Iterable<number | string>): string {
  return createHash('sha256').update(Array.from(values).join(',')).digest('hex');
}

export function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, '0');
}

export function fromBits(bits: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return view.getFloat64(0);
}

const irregularNames: Readonly<Record<string, keyof TestSettings>> = {
  server_ttft_latency: 'serverTtftLatencyNs',
  server_tpot_latency: 'serverTpotLatencyNs',
};

export function settingName(name: string): keyof TestSettings {
  const camel = name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
  const field = irregularNames[name] ?? camel;
  if (!(field in defaultSettings)) throw new Error(`unknown golden setting ${name}`);
  return field as keyof TestSettings;
}

/** Golden settings -> ours; throws on a name that is neither a setting nor in `others`. */
export function settingsFromGolden(
  golden: Readonly<Record<string, unknown>>,
  others: readonly string[] = [],
): TestSettings {
  const settings: Record<string, unknown> = { ...defaultSettings };
  for (const [name, value] of Object.entries(golden)) {
    if (others.includes(name)) continue;
    const ours = settingName(name);
    const standard: unknown = settings[ours];
    if (typeof standard === 'bigint') settings[ours] = BigInt(value as string);
    else if (typeof standard === 'boolean') settings[ours] = Boolean(value);
    else settings[ours] = value;
  }
  return settings as unknown as TestSettings;
}
