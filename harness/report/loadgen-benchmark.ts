// What a person reads from `npm run bench:loadgen`: a line a figure with the least, the middle and the greatest of the
// repeats, what is required of it, and what the peer measured beside it.

import type { LoadgenBenchmark, LoadgenFigure } from '../bench-loadgen.js';
import { median } from '../median.js';
import { alignColumns } from './columns.js';

/** A figure worth a line: what it is called, and which values are good enough. */
interface Line {
  readonly measurement: string;
  readonly name: string;
  readonly title: string;
  /** Of the middle value; null where nothing is required. */
  readonly required: { readonly atLeast: number } | { readonly atMost: number } | null;
}

const lines: readonly Line[] = [
  line('single-stream', 'queriesPerSecond', 'SingleStream, queries/s', { atLeast: 300_000 }),
  line('server', 'queriesPerSecond', 'Server flat out, queries/s', { atLeast: 350_000 }),
  line('server', 'generationSeconds', 'generation of 600,000 Server queries, s', { atMost: 1.5 }),
  line('server', 'bytesPerQueryHeld', 'memory held for a Server query, bytes', { atMost: 100 }),
  line('offline', 'issueToCompletedSeconds', 'Offline 1,000,000 samples, issue to answered, s', {
    atMost: 0.6,
  }),
  line('offline', 'wholeSeconds', 'Offline 1,000,000 samples, whole test, s', { atMost: 1.5 }),
  line('issue-lag-1000', 'latencyP50Us', 'lag at 1,000 queries/s, p50, us', { atMost: 15 }),
  line('issue-lag-1000', 'latencyP99Us', 'lag at 1,000 queries/s, p99, us', null),
  line('issue-lag-10000', 'latencyP50Us', 'lag at 10,000 queries/s, p50, us', { atMost: 15 }),
  line('issue-lag-10000', 'latencyP99Us', 'lag at 10,000 queries/s, p99, us', null),
  line('issue-lag-200-with-engine', 'lagP50Us', 'lag at 200 queries/s, engine busy, p50, us', null),
  line('issue-lag-200-with-engine', 'lagP99Us', 'lag at 200 queries/s, engine busy, p99, us', {
    atMost: 1000,
  }),
  line('day', 'queries', '24 hours on the virtual clock, queries', null),
  line('day', 'wholeSeconds', '24 hours on the virtual clock, s', null),
  line('day', 'peakResidentBytes', '24 hours on the virtual clock, peak memory, bytes', null),
];

function line(measurement: string, name: string, title: string, required: Line['required']): Line {
  return { measurement, name, title, required };
}

/** Without the last newline. */
export function formatLoadgenBenchmark({ figures, peer, repeats }: LoadgenBenchmark): string {
  const header = [
    '',
    'min',
    'median',
    'max',
    'required',
    ...(peer === null ? [] : ['peer, median']),
  ];
  const rows = lines.flatMap((wanted) => {
    const found = findFigure(figures, wanted);
    if (found === undefined) return [];
    const sorted = found.values.toSorted((a, b) => a - b);
    const middle = median(sorted);
    const row = [
      wanted.title,
      formatFigure(sorted[0]!),
      formatFigure(middle),
      formatFigure(sorted[sorted.length - 1]!),
      describeRequirement(middle, wanted.required),
    ];
    if (peer === null) return [row];
    const other = findFigure(peer.figures, wanted);
    const beside = other === undefined ? '' : formatFigure(median(other.values));
    return [[...row, beside]];
  });
  return `LoadGen, a null system under test, ${repeats} repeats\n\n${alignColumns([header, ...rows])}`;
}

function findFigure(figures: readonly LoadgenFigure[], wanted: Line): LoadgenFigure | undefined {
  return figures.find(
    ({ measurement, name }) => measurement === wanted.measurement && name === wanted.name,
  );
}

function describeRequirement(value: number, required: Line['required']): string {
  if (required === null) return '';
  if ('atLeast' in required) {
    return `>= ${formatFigure(required.atLeast)} ${value >= required.atLeast ? 'met' : 'MISSED'}`;
  }
  return `<= ${formatFigure(required.atMost)} ${value <= required.atMost ? 'met' : 'MISSED'}`;
}

function formatFigure(value: number): string {
  return Math.abs(value) >= 1000
    ? Math.round(value).toString()
    : String(Number(value.toPrecision(3)));
}
