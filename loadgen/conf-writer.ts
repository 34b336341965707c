// What would a file in MLPerf's grammar have to say for a test to have these settings? The other way round than
// conf-settings.ts, for whoever has to hand in a user.conf.

import { type ConfKey, confKeys } from './conf-settings.js';
import type { TestSettings } from './settings.js';

/** A line of such a file. */
export interface ConfValue {
  /** *.Scenario.key */
  readonly name: string;
  readonly field: keyof TestSettings;
  /** null: LoadGen reads whole numbers of the unit here, and the setting is none. */
  readonly word: string | null;
}

/** Every key that a user.conf may set in the scenario of the settings, with its value. */
export function listConfValues(settings: TestSettings): ConfValue[] {
  const { scenario } = settings;
  return confKeys
    .filter(({ under, isRounds }) => !isRounds && (under === 'run' || under === scenario))
    .filter(({ field }) => isRead(field, settings))
    .map((key) => {
      return { name: `*.${scenario}.${key.key}`, field: key.field, word: wordOf(settings, key) };
    });
}

/** Limits of tokens are read only where tokens are timed or inferred. */
function isRead(field: keyof TestSettings, settings: TestSettings): boolean {
  if (field === 'tokenLatencyScalingFactor') return settings.inferTokenLatencies;
  const isLimit = field === 'serverTtftLatencyNs' || field === 'serverTpotLatencyNs';
  return !isLimit || settings.useTokenLatencies;
}

function wordOf(settings: TestSettings, { field, kind, unit }: ConfKey): string | null {
  const value = settings[field];
  if (kind === 'boolean') return value === true ? '1' : '0';
  if (kind === 'seed') return String(value);
  // A percentile of 0.9990000000000001 was 99.9.
  const inUnits = Number((Number(value) / unit).toPrecision(15));
  return kind === 'integer' && !Number.isSafeInteger(inUnits) ? null : String(inUnits);
}
