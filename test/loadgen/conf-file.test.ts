// Configuration files against what the official LoadGen made of the same texts, and our mlperf.conf against its built-in one.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { resolveSettings } from '../../loadgen/effective-settings.js';
import {
  ConfFile,
  ConfLoader,
  type ConfSource,
  defaultSettings,
  loadConf,
  officialSeeds,
  type Scenario,
  type TestSettings,
} from '../../loadgen/index.js';
import { countCases, listGolden, readGolden, readGoldenText, settingName } from './golden.js';

const builtInPath = fileURLToPath(new URL('../../configs/mlperf.conf', import.meta.url));
const builtIn: ConfSource = { name: 'mlperf.conf', text: readFileSync(builtInPath, 'utf8') };
const stillClock = { nowNs: () => 5 };
const modes = ['SubmissionRun', 'AccuracyOnly', 'PerformanceOnly', 'FindPeakPerformance'] as const;

type GoldenFields = Readonly<Record<string, number | string | boolean>>;

/** LoadGen's fields as ours; a 64-bit number that a double cannot hold is compared as one. */
function fieldsOf(golden: GoldenFields): Partial<TestSettings> {
  const fields = Object.entries(golden).map(([name, value]) => {
    const field = settingName(name);
    const standard = defaultSettings[field];
    if (name === 'mode') return [field, modes[value as number]];
    if (typeof standard === 'bigint') return [field, BigInt(value as string)];
    return [field, typeof standard === 'number' ? Number(value) : value];
  });
  return Object.fromEntries(fields);
}

/** What differs from the base, field by field. */
function changesOf(settings: TestSettings, base: TestSettings): Partial<TestSettings> {
  const changed = Object.entries(settings).filter(
    ([field, value]) => !Object.is(value, base[field as keyof TestSettings]),
  );
  return Object.fromEntries(changed);
}

function settingsOf(scenario: Scenario): TestSettings {
  return { ...defaultSettings, scenario };
}

interface DefaultsGolden {
  model: string;
  scenario: Scenario;
  rc: number[];
  settings: GoldenFields;
  effective: Record<string, number | boolean>;
}

const defaultsRows = readGolden<DefaultsGolden[]>('config', 'mlperf_conf_defaults.json');

function withBuiltIn(model: string, scenario: Scenario): TestSettings {
  return new ConfLoader(builtIn, stillClock).loadBuiltIn(settingsOf(scenario), model).settings;
}

describe('configs/mlperf.conf', () => {
  test('gives every model and scenario the official settings, field by field', () => {
    for (const row of defaultsRows) {
      const ours = withBuiltIn(row.model, row.scenario);
      const expected = { ...settingsOf(row.scenario), ...fieldsOf(row.settings) };
      expect(ours, `${row.model} ${row.scenario}`).toEqual(expected);
      expect(row.rc).toEqual([0]);
    }
    countCases('rows of mlperf_conf_defaults.json', defaultsRows.length);
    expect(defaultsRows.length).toBeGreaterThan(0);
  });

  test('and with them the official effective settings', () => {
    for (const { model, scenario, effective } of defaultsRows) {
      const { qsl_total, qsl_perf, ...expected } = effective;
      const library = {
        totalSampleCount: qsl_total as number,
        performanceSampleCount: qsl_perf as number,
      };
      const ours: Record<string, unknown> = {
        ...resolveSettings(withBuiltIn(model, scenario), library).effective,
      };
      for (const [name, value] of Object.entries(expected)) {
        const field = name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
        expect(ours[field], `${model} ${scenario} ${name}`).toBe(value);
      }
    }
  });

  test('has the seeds that the round is known by, and names those of earlier rounds', () => {
    const { qslRngSeed, sampleIndexRngSeed, scheduleRngSeed } = withBuiltIn('*', 'Offline');
    expect({ qslRngSeed, sampleIndexRngSeed, scheduleRngSeed }).toEqual(officialSeeds('v6.1'));
    for (const round of ['v6.0', 'v5.1', 'v5.0'] as const) {
      const line = Object.values(officialSeeds(round)).join(' ');
      expect(builtIn.text).toContain(`#   ${round}: ${line}\n`);
    }
  });
});

interface ParseGolden {
  name: string;
  /** Absent where a note says that another case's file was read twice. */
  text?: string;
  note?: string;
  model: string;
  scenario: Scenario;
  conf_type?: number;
  rc: number[];
  changed: GoldenFields;
  relative_to: string;
}

const parseRows = readGolden<ParseGolden[]>('config', 'parse_cases.json');

/** The text of a case that has none of its own: the files named in the order in which they were read. */
function sourcesOf(row: ParseGolden): ConfSource[] {
  if (row.text !== undefined) return row.rc.map(() => ({ name: row.name, text: row.text! }));
  const files = knownTwice[row.name];
  if (files === undefined) throw new Error(`${row.name}: no text, and not known how it was made`);
  return files.map((name) => ({
    name,
    text: parseRows.find((other) => other.name === name)?.text ?? null,
  }));
}

const knownTwice: Readonly<Record<string, readonly string[]>> = {
  two_user_confs_same_process: ['user_typical', 'precedence_wild_only'],
};

function runCase(row: ParseGolden): { changed: Partial<TestSettings>; codes: number[] } {
  const start = settingsOf(row.scenario);
  if (row.conf_type === 2) {
    const [source] = sourcesOf(row);
    const load = loadConf(start, source!, 'audit', row.model);
    return { changed: changesOf(load.settings, start), codes: [load.code] };
  }
  if (row.conf_type !== undefined && row.conf_type !== 1) throw new Error(`type ${row.conf_type}`);
  const loader = new ConfLoader(builtIn, stillClock);
  let settings = start;
  const codes: number[] = [];
  for (const source of sourcesOf(row)) {
    const load = loader.loadUser(settings, source, row.model);
    settings = load.settings;
    codes.push(load.code);
  }
  const base = withBuiltIn(row.model, row.scenario);
  return { changed: changesOf(settings, base), codes };
}

describe('golden parse cases', () => {
  test('change the same fields and return the same codes', () => {
    for (const row of parseRows) {
      const label = `${row.name} ${row.model} ${row.scenario}`;
      const isAudit = row.conf_type === 2;
      expect(row.relative_to, label).toBe(
        isAudit ? 'struct_defaults' : 'built-in conf for that pair',
      );
      const { changed, codes } = runCase(row);
      expect(codes, label).toEqual(row.rc);
      expect(changed, label).toEqual(fieldsOf(row.changed));
    }
    countCases('rows of parse_cases.json', parseRows.length);
    expect(parseRows.length).toBeGreaterThan(0);
  });

  test('the files kept beside them are those texts', () => {
    const files = listGolden('config', 'files');
    let count = 0;
    for (const file of files) {
      const rows = parseRows.filter((row) => `${row.name}.conf` === file && row.text !== undefined);
      // Files of runs are read in runs.test.ts; all must be in the grammar or known to be an error.
      const text = readGoldenText('config', 'files', file);
      for (const row of rows) {
        expect(text, file).toBe(row.text);
        const { code } = loadConf(
          settingsOf(row.scenario),
          { name: file, text },
          'user',
          row.model,
        );
        expect(code, file).toBe(row.rc[0]);
      }
      if (rows.length === 0) expect(new ConfFile(text).faults, file).toEqual([]);
      count += 1;
    }
    countCases('configuration files', count);
    expect(count).toBeGreaterThan(0);
  });
});
