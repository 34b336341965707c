import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatMetrics } from '../../../harness/metrics/exposition.js';
import { LiveFigures } from '../../../harness/metrics/live-figures.js';
import {
  deviceFamilies,
  histograms,
  layout,
  workerFamilies,
  workerFigures,
} from '../../../harness/metrics/metric-families.js';
import { findPackageRoot } from '../../../harness/package-root.js';
import { NullSut } from '../../../harness/sut/null.js';
import { readExposition } from './exposition-checker.js';

const sut = new NullSut({ delayMs: 0, outputTokens: 2 });

/** A page with every device channel on it, and whatever `act` did. */
function pageOf(act: (figures: LiveFigures) => void, info: Record<string, string> = {}): string {
  const figures = new LiveFigures(2);
  try {
    act(figures);
    const channels = [...Object.keys(deviceFamilies), 'throttleReasons'];
    const deviceValues = Float64Array.from(channels, (_, at) => at + 1);
    deviceValues[channels.length - 1] = 0x24;
    const devices = [{ name: 'gpu0', kind: 'gpu', channels }];
    const { values, workerValues } = figures;
    const workers = ['cuda:0', 'cuda:1+cuda:2'];
    return formatMetrics({ info, values, workers, workerValues, devices, deviceValues });
  } finally {
    figures.stop();
  }
}

describe('the page of live figures', () => {
  it('counts, and puts each time into the first bucket that holds it', () => {
    const page = readExposition(
      pageOf((figures) => {
        figures.begin('performance', sut);
        figures.testStarted(1000);
        sut.answers.set(7, { tokens: new Int32Array(5), firstTokenNs: 1000 + 1e6 + 2e6 });
        figures.issued(1, 1000);
        figures.issued(1, 1001);
        figures.issued(2, 2e9);
        figures.completed(7, 1e6, 11e6, 5);
        figures.failed();
      }),
    );
    const value = (name: string, labels: Record<string, string> = { pass: 'performance' }) =>
      page
        .get(name.replace(/_(bucket|sum|count)$/, ''))
        ?.samples.find(
          (sample) =>
            sample.name === name && JSON.stringify(sample.labels) === JSON.stringify(labels),
        )?.value;
    expect(value('loadmark_samples_issued_total')).toBe(4);
    expect(value('loadmark_samples_completed_total')).toBe(1);
    expect(value('loadmark_samples_failed_total')).toBe(1);
    expect(value('loadmark_outstanding_samples')).toBe(2);
    expect(value('loadmark_generated_tokens_total')).toBe(5);
    // 10 ms of latency lie on a bound, which is inside its bucket.
    const latency = 'loadmark_sample_latency_seconds';
    expect(value(`${latency}_bucket`, { pass: 'performance', le: '0.005' })).toBe(0);
    expect(value(`${latency}_bucket`, { pass: 'performance', le: '0.01' })).toBe(1);
    expect(value(`${latency}_sum`)).toBe(0.01);
    expect(value('loadmark_time_to_first_token_seconds_sum')).toBeCloseTo(0.002, 12);
    expect(value('loadmark_time_per_output_token_seconds_sum')).toBeCloseTo(0.002, 12);
    const lag = 'loadmark_issue_lag_seconds';
    expect(value(`${lag}_bucket`, { pass: 'performance', le: '0.000001' })).toBe(1);
    expect(value(`${lag}_bucket`, { pass: 'performance', le: '0.0000025' })).toBe(2);
    expect(value(`${lag}_bucket`, { pass: 'performance', le: '1' })).toBe(2);
    expect(value(`${lag}_count`)).toBe(3);
    expect(value('loadmark_pass_active')).toBe(1);
    expect(value('loadmark_pass_active', { pass: 'accuracy' })).toBe(0);
  });

  it('keeps passes apart, and shows none before its time', () => {
    const before = readExposition(pageOf(() => {}));
    expect(before.has('loadmark_samples_issued_total')).toBe(false);
    const page = readExposition(
      pageOf((figures) => {
        figures.begin('accuracy', sut);
        figures.issued(3, 0);
        figures.end();
        figures.begin('performance', sut);
        figures.issued(5, 0);
      }),
    );
    const issued = page.get('loadmark_samples_issued_total')?.samples;
    expect(issued).toMatchObject([
      { labels: { pass: 'accuracy' }, value: 3 },
      { labels: { pass: 'performance' }, value: 5 },
    ]);
  });

  it('escapes what a name may hold', () => {
    const name = 'a "quoted" \\ name\nof two lines';
    const page = readExposition(pageOf(() => {}, { name }));
    expect(page.get('loadmark_run_info')?.samples[0]?.labels).toEqual({ name });
  });

  it('shows devices in base units, throttle reasons by name, and nothing that is absent', () => {
    const page = readExposition(pageOf(() => {}));
    const channels = Object.keys(deviceFamilies);
    const clock = page.get('loadmark_device_sm_clock_hertz')?.samples[0];
    expect(clock).toMatchObject({ labels: { device: 'gpu0', kind: 'gpu' } });
    expect(clock?.value).toBe((channels.indexOf('smClockMhz') + 1) * 1e6);
    const reasons = page.get('loadmark_device_throttle_reason')?.samples ?? [];
    expect(reasons).toHaveLength(9);
    expect(reasons.filter(({ value }) => value === 1).map(({ labels }) => labels.reason)).toEqual([
      'software power cap',
      'software thermal slowdown',
    ]);
    expect(page.has('loadmark_batch_occupancy')).toBe(false);
  });

  it('shows each worker by its number and devices, and none before it is known', () => {
    expect(readExposition(pageOf(() => {})).has('loadmark_worker_up')).toBe(false);
    const page = readExposition(
      pageOf((figures) => {
        figures.workerValues.set(figures.workerValues.map((_, at) => at));
        figures.workerValues[workerFigures.length + workerFigures.indexOf('up')] = 0;
      }),
    );
    const devices = ['cuda:0', 'cuda:1+cuda:2'];
    expect(page.get('loadmark_worker_up')?.samples).toMatchObject([
      { labels: { worker: '0', devices: devices[0] }, value: 0 },
      { labels: { worker: '1', devices: devices[1] }, value: 0 },
    ]);
    const last = workerFigures.length - 1;
    expect(page.get(workerFamilies[workerFigures[last]!].name)?.samples).toMatchObject([
      { value: last },
      { value: 2 * last + 1 },
    ]);
  });

  it('lays no two values on one another', () => {
    const places = [layout.activePass, layout.gauge('occupancy'), layout.gauge('kvUsed')];
    for (const pass of [0, 1]) {
      for (const name of ['issued', 'completed', 'failed', 'tokens'] as const) {
        places.push(layout.counter(pass, name));
      }
      for (const name of ['latency', 'ttft', 'tpot', 'issueLag'] as const) {
        const start = layout.histogram(pass, name);
        const { bounds } = histograms[name];
        places.push(...Array.from({ length: bounds.length + 2 }, (_, at) => start + at));
      }
    }
    expect(places.toSorted((a, b) => a - b)).toEqual([...Array(layout.values).keys()]);
  });
});

describe('the checker of these tests', () => {
  const head = '# HELP a_total A.\n# TYPE a_total counter\n';
  it.each([
    ['no newline at the end', `${head}a_total 1`],
    ['a sample of nothing', 'a_total 1\n'],
    ['a series twice', `${head}a_total 1\na_total 2\n`],
    ['a falling bucket', histogramOf('1', '0', '1')],
    ['a histogram without +Inf', histogramOf('1', '2', '2').replace(/.*Inf.*\n/, '')],
    ['a count unlike its buckets', histogramOf('1', '2', '3')],
    ['a label that is not escaped', `${head}a_total{b="c"d"} 1\n`],
    ['no number', `${head}a_total one\n`],
    ['a negative counter', `${head}a_total -1\n`],
  ])('refuses %s', (_name, text) => {
    expect(() => readExposition(text)).toThrow();
  });

  function histogramOf(first: string, infinite: string, count: string): string {
    return (
      '# HELP a A.\n# TYPE a histogram\n' +
      `a_bucket{le="1"} ${first}\na_bucket{le="+Inf"} ${infinite}\na_sum 1\na_count ${count}\n`
    );
  }
});

describe('configs/grafana-dashboard.json', () => {
  const text = readFileSync(
    join(findPackageRoot().folder, 'configs', 'grafana-dashboard.json'),
    'utf8',
  );
  const dashboard = JSON.parse(text);
  const targets: { expr: string; legendFormat: string; datasource: { uid: string } }[] =
    dashboard.panels.flatMap((panel: { targets: object[] }) => panel.targets);

  it('asks for names and labels that the page has, each family at least once', () => {
    const page = readExposition(
      pageOf((figures) => {
        figures.begin('performance', sut);
        figures.issued(1, 0);
        figures.completed(1, 0, 1, 2);
        figures.values[layout.gauge('occupancy')] = 1;
        figures.values[layout.gauge('kvUsed')] = 0.5;
        figures.workerValues.fill(1);
      }),
    );
    const exported = new Map(
      [...page.values()].flatMap(({ samples }) =>
        samples.map(({ name, labels }) => [name, Object.keys(labels)] as const),
      ),
    );
    // Prometheus adds it to whatever it scrapes.
    const added = ['instance'];
    const asked = new Set<string>();
    for (const { expr, legendFormat } of targets) {
      const names = expr.match(/loadmark_\w+/g) ?? [];
      expect(names, expr).not.toHaveLength(0);
      const labels = names.flatMap((name) => exported.get(name) ?? []);
      for (const name of names) {
        expect([...exported.keys()]).toContain(name);
        asked.add(name.replace(/_bucket$/, ''));
      }
      const used = [
        ...[...expr.matchAll(/(\w+)=~?"/g)].map((match) => match[1]),
        ...[...expr.matchAll(/(?:by|ignoring) \(([^)]*)\)/g)].flatMap((m) => m[1]!.split(/, */)),
        ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]),
      ];
      for (const label of used) expect([...labels, ...added], expr).toContain(label);
    }
    const rare = ['loadmark_pass_active', 'loadmark_device_ecc_uncorrected_errors_total'];
    const shown = [...asked, ...rare, 'loadmark_device_thermal_throttle_events_total'];
    expect([...page.keys()].filter((name) => !shown.includes(name))).toEqual([]);
  });

  it('is a dashboard that imports: its data source is a variable, its panels are told apart', () => {
    expect(dashboard).toMatchObject({ id: null, title: 'loadmark', schemaVersion: 38 });
    const [source] = dashboard.templating.list;
    expect(source).toMatchObject({ type: 'datasource', query: 'prometheus', name: 'datasource' });
    for (const { datasource } of targets) expect(datasource.uid).toBe(`\${${source.name}}`);
    const ids = dashboard.panels.map(({ id }: { id: number }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    // Laid out without overlap in 24 columns.
    const cells = new Set<string>();
    for (const { gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`)).toBe(false);
          cells.add(`${x},${y}`);
        }
      }
    }
  });
});
