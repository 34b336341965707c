// Sample order, due times and counts against LoadGen's own generator, all scenarios.

import { expect, test } from 'vitest';
import { AccuracySampler } from '../../loadgen/accuracy-sampler.js';
import { resolveSettings } from '../../loadgen/effective-settings.js';
import { defaultSettings, officialSeeds, type TestSettings } from '../../loadgen/index.js';
import { loadableSets, type SeriesMode } from '../../loadgen/loadable-sets.js';
import { generateSeries } from '../../loadgen/schedule.js';
import {
  bitsOf,
  countCases,
  listGolden,
  readGolden,
  settingsFromGolden,
  sha256OfList,
} from './golden.js';

interface SeriesGolden {
  mode: 'AccuracyOnly' | 'PerformanceOnly';
  first_query_id: number;
  first_sample_id: number;
  loaded: number[];
  loaded_count: number;
  loaded_sha256: string;
  sample_distribution_end: number;
  query_count: number;
  query_size?: number;
  query_sizes?: number[];
  sample_count: number;
  indices: number[];
  indices_sha256: string;
  scheduled_ns: number[];
  scheduled_ns_sha256: string;
  last_scheduled_ns: number;
  accuracy_log_val_bits?: string[];
  accuracy_log_val_bits_sha256?: string;
}

interface SequenceGolden {
  case: string;
  qsl: { total: number; performance: number };
  legacy_sets: boolean;
  settings: Record<string, unknown>;
  effective: Record<string, unknown>;
  series: SeriesGolden[];
  accuracy_log_offset_bits?: string;
}

function seriesModes(mode: string): SeriesMode[] {
  if (mode === 'SubmissionRun') return ['accuracy', 'performance'];
  return [mode === 'AccuracyOnly' ? 'accuracy' : 'performance'];
}

function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
}

function checkSequence(golden: SequenceGolden): void {
  const settings: TestSettings = {
    ...settingsFromGolden(golden.settings),
    sampleSetOrder: golden.legacy_sets ? 'legacy' : 'current',
  };
  const { effective } = resolveSettings(settings, {
    totalSampleCount: golden.qsl.total,
    performanceSampleCount: golden.qsl.performance,
  });
  for (const [name, value] of Object.entries(golden.effective)) {
    expect((effective as unknown as Record<string, unknown>)[camel(name)], name).toBe(value);
  }
  const sampler = new AccuracySampler(effective);
  if (golden.accuracy_log_offset_bits !== undefined) {
    expect(bitsOf(sampler.offset)).toBe(golden.accuracy_log_offset_bits);
  }
  let nextSeries = 0;
  let queryId = 0;
  let sampleId = 0;
  for (const mode of seriesModes(settings.mode)) {
    for (const set of loadableSets(effective, mode, golden.qsl.total)) {
      const row = golden.series[nextSeries++]!;
      const plan = generateSeries(effective, mode, set);
      expect(mode === 'accuracy' ? 'AccuracyOnly' : 'PerformanceOnly').toBe(row.mode);
      expect(queryId).toBe(row.first_query_id);
      expect(sampleId).toBe(row.first_sample_id);
      expect(set.indices.length).toBe(row.loaded_count);
      expect(Array.from(set.indices.slice(0, row.loaded.length))).toEqual(row.loaded);
      expect(sha256OfList(set.indices)).toBe(row.loaded_sha256);
      expect(set.end).toBe(row.sample_distribution_end);
      expect(plan.queryCount).toBe(row.query_count);
      expect(plan.sampleIndices.length).toBe(row.sample_count);
      for (const size of row.query_sizes ?? [row.query_size]) {
        expect(plan.samplesPerQuery).toBe(size);
      }
      expect(Array.from(plan.sampleIndices.slice(0, row.indices.length))).toEqual(row.indices);
      expect(sha256OfList(plan.sampleIndices)).toBe(row.indices_sha256);
      const due = plan.scheduledNs;
      expect(Array.from(due.slice(0, row.scheduled_ns.length))).toEqual(row.scheduled_ns);
      expect(sha256OfList(due)).toBe(row.scheduled_ns_sha256);
      expect(due[due.length - 1] ?? 0).toBe(row.last_scheduled_ns);
      if (row.accuracy_log_val_bits !== undefined) {
        const bits = Array.from({ length: row.sample_count }, () => bitsOf(sampler.next()));
        expect(bits.slice(0, row.accuracy_log_val_bits.length)).toEqual(row.accuracy_log_val_bits);
        expect(sha256OfList(bits)).toBe(row.accuracy_log_val_bits_sha256);
      }
      queryId += plan.queryCount;
      sampleId += plan.sampleIndices.length;
    }
  }
  expect(nextSeries).toBe(golden.series.length);
}

test('sequences', () => {
  const files = listGolden('sequences').filter((f) => f !== 'index.json');
  for (const file of files) {
    try {
      checkSequence(readGolden<SequenceGolden>('sequences', file));
    } catch (fault) {
      throw new Error(`sequences/${file}: ${(fault as Error).message}`);
    }
  }
  countCases('sequences', files.length);
}, 120_000);

test('counts', () => {
  const rows = readGolden<Record<string, unknown>[]>('counts.json');
  for (const row of rows) {
    const n = row.n as number;
    const asked = Object.entries(row).filter(
      ([k]) => !/^(n|effective_.*|generated_.*|last_scheduled_ns)$/.test(k),
    );
    // The rows were made with this round's seeds; only Server counts depend on them.
    const settings = { ...settingsFromGolden(Object.fromEntries(asked)), ...officialSeeds('v6.1') };
    const counts = { totalSampleCount: n, performanceSampleCount: n };
    const { effective } = resolveSettings(settings, counts);
    const set = loadableSets(effective, 'performance', n)[0]!;
    const plan = generateSeries(effective, 'performance', set);
    const got = {
      effective_min_query_count: effective.minQueryCount,
      effective_samples_per_query: effective.samplesPerQuery,
      effective_min_sample_count: effective.minSampleCount,
      effective_target_duration_ms: effective.targetDurationMs,
      generated_query_count: plan.queryCount,
      generated_samples: plan.sampleIndices.length,
      last_scheduled_ns: plan.scheduledNs[plan.queryCount - 1] ?? 0,
    };
    expect({ ...row, ...got }).toEqual(row);
  }
  countCases('counts', rows.length);
}, 120_000);

/** The first query of an accuracy series, and the last set loaded, of LoadGen 6.0.17 with these settings. */
const oddCases = [
  {
    name: 'performance_issue_same acts in accuracy mode',
    total: 3,
    performance: 3,
    settings: {
      scenario: 'Offline',
      performanceIssueSame: true,
      performanceIssueSameIndex: 2,
      qslRngSeed: 12270351345344193166n,
      sampleIndexRngSeed: 9514213852228451082n,
    },
    firstQuery: [0, 0, 0],
    lastSet: [2, 1, 0],
  },
  {
    name: 'performance_issue_unique acts in accuracy mode',
    total: 5000,
    performance: 5000,
    settings: {
      scenario: 'MultiStream',
      multiStreamSamplesPerQuery: 1,
      sampleConcatenatePermutation: true,
      performanceIssueUnique: true,
      qslRngSeed: 17173433950779980285n,
      sampleIndexRngSeed: 12536654805884834535n,
    },
    firstQuery: [970],
  },
  {
    name: 'a set shorter than its padding goes round more than once',
    total: 100,
    performance: 33,
    settings: {
      scenario: 'MultiStream',
      multiStreamSamplesPerQuery: 3,
      qslRngSeed: 851831683894096058n,
      sampleIndexRngSeed: 15746964558149544223n,
    },
    lastSet: [10, 10, 10],
  },
] as const;

test.each(oddCases)('$name', (row) => {
  const settings: TestSettings = { ...defaultSettings, mode: 'AccuracyOnly', ...row.settings };
  const counts = { totalSampleCount: row.total, performanceSampleCount: row.performance };
  const { effective } = resolveSettings(settings, counts);
  const sets = loadableSets(effective, 'accuracy', row.total);
  if ('lastSet' in row) expect(Array.from(sets[sets.length - 1]!.indices)).toEqual(row.lastSet);
  if (!('firstQuery' in row)) return;
  const plan = generateSeries(effective, 'accuracy', sets[0]!);
  expect(Array.from(plan.sampleIndices.slice(0, plan.samplesPerQuery))).toEqual(row.firstQuery);
});
