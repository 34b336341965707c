// The page that Prometheus reads, in its text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/), written from the shared values.

import {
  counters,
  deviceFamilies,
  type Family,
  gauges,
  type HistogramFamily,
  histograms,
  type LiveDeviceLayout,
  layout,
  outstanding,
  passActive,
  passes,
  runInfo,
  throttleFamily,
  throttleReasons,
  workerFamilies,
  workerFigures,
} from './metric-families.js';

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;

/** What is served: aligned doubles, which 64-bit machines store and load whole. */
export interface LiveState {
  readonly info: Labels;
  readonly values: Float64Array;
  /** The devices of each worker. */
  readonly workers: readonly string[];
  /** Of all workers in order, each as `workerFigures` has them; NaN is absent. */
  readonly workerValues: Float64Array;
  readonly devices: readonly LiveDeviceLayout[];
  /** Of all devices in order; NaN is absent. */
  readonly deviceValues: Float64Array;
}

/** The whole page, last newline included. */
export function formatMetrics(state: LiveState): string {
  const { info, values, devices, deviceValues } = state;
  const active = values[layout.activePass]!;
  // A pass that has not begun has no series yet.
  const begun = passes
    .map((pass, at) => ({ at, labels: { pass } }))
    .filter(({ at }) => values[layout.counter(at, 'issued')]! > 0 || at === active);
  const lines = [...formatFamily(runInfo, [[info, 1]])];
  lines.push(
    ...formatFamily(
      passActive,
      passes.map((pass, at) => [{ pass }, at === active ? 1 : 0]),
    ),
  );
  for (const [name, family] of entriesOf(counters)) {
    const rows = begun.map(
      ({ at, labels }) => [labels, values[layout.counter(at, name)]!] as const,
    );
    lines.push(...formatFamily(family, rows));
  }
  const read = (at: number, name: keyof typeof counters) => values[layout.counter(at, name)]!;
  lines.push(
    ...formatFamily(
      outstanding,
      begun.map(({ at, labels }) => [
        labels,
        Math.max(0, read(at, 'issued') - read(at, 'completed') - read(at, 'failed')),
      ]),
    ),
  );
  for (const [name, family] of entriesOf(histograms)) {
    const rows = begun.flatMap(({ at, labels }) =>
      formatHistogram(family, labels, values, layout.histogram(at, name)),
    );
    if (rows.length > 0) lines.push(...formatHead(family), ...rows);
  }
  for (const [name, family] of entriesOf(gauges)) {
    lines.push(...formatFamily(family, [[{}, values[layout.gauge(name)]!]]));
  }
  lines.push(...formatWorkers(state));
  lines.push(...formatDevices(devices, deviceValues));
  return `${lines.join('\n')}\n`;
}

function formatWorkers({ workers, workerValues }: LiveState): string[] {
  return workerFigures.flatMap((figure, at) =>
    formatFamily(
      workerFamilies[figure],
      workers.map((devices, worker) => [
        { worker: String(worker), devices },
        workerValues[worker * workerFigures.length + at]!,
      ]),
    ),
  );
}

function formatDevices(
  devices: readonly LiveDeviceLayout[],
  deviceValues: Float64Array,
): readonly string[] {
  const rows = new Map<string, (readonly [Labels, number])[]>();
  const throttling: (readonly [Labels, number])[] = [];
  let at = 0;
  for (const { name, kind, channels } of devices) {
    for (const channel of channels) {
      const value = deviceValues[at++] ?? Number.NaN;
      const labels = { device: name, kind };
      if (channel === 'throttleReasons' && !Number.isNaN(value)) {
        for (const { bit, name: reason } of throttleReasons) {
          throttling.push([{ ...labels, reason }, Math.floor(value / bit) % 2]);
        }
      }
      const family = deviceFamilies[channel];
      if (family === undefined) continue;
      rows.set(channel, [...(rows.get(channel) ?? []), [labels, value * family.scale]]);
    }
  }
  const known = [...rows].flatMap(([channel, series]) =>
    formatFamily(deviceFamilies[channel]!, series),
  );
  return [...known, ...formatFamily(throttleFamily, throttling)];
}

/** Nothing where no row has a value: a family's head alone says nothing. */
function formatFamily(family: Family, rows: readonly (readonly [Labels, number])[]): string[] {
  const known = rows.filter(([, value]) => !Number.isNaN(value));
  if (known.length === 0) return [];
  return [
    ...formatHead(family),
    ...known.map(([labels, value]) => `${family.name}${formatLabels(labels)} ${value}`),
  ];
}

function formatHead({ name, help, type }: Family): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

/** Buckets count all that is below their bound; each value lies in the first that holds it. */
function formatHistogram(
  { name, bounds }: HistogramFamily,
  labels: Labels,
  values: Float64Array,
  start: number,
): string[] {
  let count = 0;
  const buckets = [...bounds.map(String), '+Inf'].map((le, row) => {
    count += values[start + row]!;
    return `${name}_bucket${formatLabels({ ...labels, le })} ${count}`;
  });
  const sum = values[start + bounds.length + 1]!;
  const rest = formatLabels(labels);
  return [...buckets, `${name}_sum${rest} ${sum}`, `${name}_count${rest} ${count}`];
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function entriesOf<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][];
}
