// Requested -> effective settings against LoadGen's, for every official model and scenario.

import { expect, test } from 'vitest';
import { resolveSettings } from '../../loadgen/effective-settings.js';
import { defaultSettings, type Scenario } from '../../loadgen/index.js';
import { countCases, readGolden, settingsFromGolden } from './golden.js';

interface Row {
  model: string;
  scenario: Scenario;
  settings: Record<string, unknown>;
  effective: Record<string, unknown> & { qsl_total: number; qsl_perf: number };
}

test('effective settings', () => {
  const rows = readGolden<Row[]>('config/mlperf_conf_defaults.json');
  for (const row of rows) {
    const asked = settingsFromGolden(row.settings, ['mode', 'scenario']);
    const { qsl_total, qsl_perf, ...expected } = row.effective;
    const { effective, complaints } = resolveSettings(
      { ...asked, scenario: row.scenario },
      { totalSampleCount: qsl_total, performanceSampleCount: qsl_perf },
    );
    for (const [name, value] of Object.entries(expected)) {
      const ours = name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
      const got: unknown = effective[ours as keyof typeof effective];
      expect(got, `${row.model} ${row.scenario} ${name}`).toBe(value);
    }
    expect(complaints).toEqual([]);
  }
  countCases('effective settings', rows.length);
});

test('what LoadGen complains about', () => {
  const library = { totalSampleCount: 10, performanceSampleCount: 10 };
  const settings = { ...defaultSettings, scenario: 'Offline' as const, offlineExpectedQps: -2.5 };
  const { effective, complaints } = resolveSettings(settings, library);
  expect(effective.targetQps).toBe(1);
  expect(complaints).toEqual([
    'Invalid value for offline_expected_qps requested. requested: -2.5 using: 1',
  ]);
});
