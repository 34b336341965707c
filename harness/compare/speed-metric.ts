// Which figures are set against each other, where a record has them, and what the samples of two single runs say of each?

import type { SampleEvidence } from '../evidence.js';
import type { RunRecord } from '../run-record.js';
import {
  batchMeansRatio,
  bootstrapPercentileRatio,
  type IntervalOrReason,
  refuse,
} from '../statistics/index.js';
import { batchWork } from './completed-work.js';
import { comparedPercentiles, sampleTimes } from './sample-times.js';

export interface SpeedMetric {
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  readonly of: (record: RunRecord) => number | null;
  /** The interval of two single runs; absent where no sample tells of the figure. */
  readonly compare?: CompareSamples;
  /** Bytes that follow from model and settings, and do not scatter. */
  readonly isCounted?: true;
}

type CompareSamples = (baseline: Samples, candidate: Samples, alpha: number) => IntervalOrReason;

type Samples = readonly SampleEvidence[];

const latencies = [
  ['ttft', 'ttftMs'],
  ['tpot', 'tpotMs'],
  ['latency', 'latencyMs'],
] as const;

const rates: readonly SpeedMetric[] = [
  {
    name: 'tokens/s',
    unit: 'tokens/s',
    better: 'higher',
    of: ({ performance }) => performance?.tokensPerSecond ?? null,
    compare: compareRates((sample) => sample.outputTokenCount ?? 0),
  },
  {
    name: 'samples/s',
    unit: 'samples/s',
    better: 'higher',
    of: ({ performance }) => performance?.samplesPerSecond ?? null,
    compare: compareRates(() => 1),
  },
];

const times: readonly SpeedMetric[] = latencies.flatMap(([name, field]) =>
  comparedPercentiles.map(([percentile, share]): SpeedMetric => {
    return {
      name: `${name} ${percentile}`,
      unit: 'ms',
      better: 'lower',
      of: ({ performance }) => performance?.[field]?.[percentile] ?? null,
      compare: (baseline, candidate, alpha) => {
        const [from, to] = [baseline, candidate].map((samples) =>
          positive(samples.map(sampleTimes[field])),
        );
        return bootstrapPercentileRatio(from!, to!, share, { alpha });
      },
    };
  }),
);

const others: readonly SpeedMetric[] = [
  {
    name: 'weights',
    unit: 'bytes',
    better: 'lower',
    of: ({ model }) => model.weightBytes,
    isCounted: true,
  },
  {
    name: 'memory planned',
    unit: 'bytes',
    better: 'lower',
    of: ({ sut }) => numberOf(sut?.features?.plannedBytes),
    isCounted: true,
  },
  {
    name: 'MBU',
    unit: 'share',
    better: 'higher',
    of: ({ performance }) => performance?.mbu ?? null,
  },
  {
    name: 'MFU',
    unit: 'share',
    better: 'higher',
    of: ({ performance }) => performance?.mfu ?? null,
  },
  {
    name: 'energy',
    unit: 'J/token',
    better: 'lower',
    of: ({ performance }) => performance?.joulesPerToken ?? null,
  },
  {
    name: 'energy above idle',
    unit: 'J/token',
    better: 'lower',
    of: ({ performance }) => performance?.joulesPerTokenAboveIdle ?? null,
  },
];

export const speedNames: readonly string[] = [...rates, ...times, ...others].map(
  ({ name }) => name,
);

/** A rate that was asked for is no result: Server's answers come as fast as its queries. */
export function metricsOf(scenario: string): readonly SpeedMetric[] {
  return scenario === 'Server' ? [...times, ...others] : [...rates, ...times, ...others];
}

/** Completed work, batch of time by batch. */
function compareRates(workOf: (sample: SampleEvidence) => number): CompareSamples {
  return (baseline, candidate, alpha) => {
    const [from, to] = [baseline, candidate].map((samples) => batchWork(samples, workOf));
    if (typeof from === 'string') return refuse(`baseline: ${from}`);
    if (typeof to === 'string') return refuse(`candidate: ${to}`);
    return batchMeansRatio(from!, to!, alpha);
  };
}

function positive(values: readonly (number | null)[]): number[] {
  return values.filter((value): value is number => value !== null && value > 0);
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** Whether the time begins when a sample is issued, so that waiting for others is part of it. */
export function includesWaiting(metric: string): boolean {
  return /^(ttft|latency) /.test(metric);
}
