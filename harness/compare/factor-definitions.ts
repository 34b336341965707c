// What could make two runs differ? Every fact of a run that a speed or a score depends on, by what it is a fact of, and
// the options that would give it to another run. What differs is asked in factors.ts.

import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { countWorkers } from '../sut-record.js';
import { machineFactors } from './machine-factors.js';
import type { ComparedRun } from './side.js';

/**
 * workload: what was asked, and when; where it differs, figures are of different things. amount: how much of it was asked,
 * which a faster side raises by itself; rates do not depend on it. machine: what it ran on. course: what the machine did
 * meanwhile, which may follow from the configuration or from the weather. configuration: how it was answered, which is what
 * a comparison is usually about. code: which loadmark measured.
 */
export type FactorKind = 'workload' | 'amount' | 'machine' | 'course' | 'configuration' | 'code';

export type FactorValue = string | number | boolean | null;

export interface FactorDefinition {
  readonly name: string;
  readonly kind: FactorKind;
  readonly of: (run: ComparedRun) => FactorValue;
  /** Whether two values are alike though not equal; equal ones alone unless given. */
  readonly isAlike?: (a: FactorValue, b: FactorValue) => boolean;
  /** The options of `bench` that give a run what this one has; absent where it takes more than an option. */
  readonly options?: (run: ComparedRun) => readonly string[];
  /** null is no value but a record or a file that does not say. */
  readonly mayBeUntold?: true;
}

type Effective = NonNullable<ComparedRun['record']['settings']>['effective'];

/** A setting as LoadGen took it, whose key of `--set` reaches it. */
function effective(
  name: string,
  kind: FactorKind,
  field: keyof Effective,
  key?: string,
): FactorDefinition {
  const of = ({ record }: ComparedRun) => factorValue(record.settings?.effective[field]);
  const definition = { name, kind, of, mayBeUntold: true } as const;
  return key === undefined ? definition : settable(key, definition);
}

/** Of a factor whose value is that of a key of `--set`. */
function settable(key: string, definition: FactorDefinition): FactorDefinition {
  const options = (run: ComparedRun) => ['--set', `${key}=${definition.of(run) ?? 'null'}`];
  return { ...definition, options };
}

/** The value of the factor 'CUDA graphs' of a run whose decode steps were launched kernel by kernel, by its configuration. */
export const graphsOff = 'off';

function readGraphs({ record }: ComparedRun): string | null {
  return record.sut?.kernels.decode_graphs?.split(',')[0] ?? null;
}

export const factorDefinitions: readonly FactorDefinition[] = [
  {
    name: 'scenario',
    kind: 'workload',
    of: ({ record }) => record.scenario,
    options: ({ record }) => ['--scenario', record.scenario],
  },
  {
    name: 'clock',
    kind: 'workload',
    of: ({ record }) => record.clock,
    options: ({ record }) => ['--clock', record.clock],
  },
  {
    name: 'dataset',
    kind: 'workload',
    of: ({ record: { dataset } }) =>
      `${dataset.name} ${dataset.split} ${dataset.digest.slice(0, 12)}`,
    options: ({ record: { dataset, config } }) => [
      '--dataset',
      dataset.path ?? config.dataset ?? dataset.name,
    ],
  },
  {
    name: 'samples',
    kind: 'workload',
    of: ({ record }) => record.dataset.samples,
    options: ({ record }) => ['--samples', String(record.dataset.samples)],
  },
  {
    name: 'model shape',
    kind: 'workload',
    of: ({ record: { model } }) =>
      model.architecture === null ? null : `${model.architecture}, ${model.parameters} parameters`,
  },
  {
    name: 'prompt style',
    kind: 'workload',
    of: ({ record }) => record.config.model?.prompt?.style ?? null,
    options: ({ record }) => ['--prompt', String(record.config.model?.prompt?.style)],
  },
  {
    name: 'prompt tokens',
    kind: 'workload',
    of: ({ performance, accuracy }) => digestPrompts(performance ?? accuracy),
    mayBeUntold: true,
  },
  settable('generation.max_new_tokens', {
    name: 'max new tokens',
    kind: 'workload',
    of: ({ record: { config } }) =>
      config.generation.maxNewTokens ?? config.model?.generation?.maxNewTokens ?? null,
  }),
  settable('generation.min_new_tokens', {
    name: 'min new tokens',
    kind: 'workload',
    of: ({ record: { config } }) =>
      config.generation.minNewTokens ?? config.model?.generation?.minNewTokens ?? null,
  }),
  settable('generation.temperature', {
    name: 'temperature',
    kind: 'workload',
    of: ({ record }) => record.config.generation.temperature,
  }),
  effective('seed of the sample order', 'workload', 'sampleIndexRngSeed', 'seeds.sample_index'),
  effective('seed of the loaded set', 'workload', 'qslRngSeed', 'seeds.qsl'),
  effective('samples loaded at once', 'workload', 'performanceSampleCount'),
  {
    name: 'samples issued',
    kind: 'amount',
    of: ({ record }) => record.performance?.issuedSamples ?? null,
    mayBeUntold: true,
  },
  effective('min duration, ms', 'amount', 'minDurationMs'),
  effective('min queries', 'amount', 'minQueryCount'),
  settable('seeds.schedule', {
    name: 'seed of the schedule',
    kind: 'workload',
    of: ({ record }) =>
      record.scenario === 'Server' ? factorValue(record.settings?.effective.scheduleRngSeed) : null,
  }),
  {
    name: 'queries/s asked for',
    kind: 'workload',
    of: ({ record }) =>
      record.scenario === 'Server' ? (record.settings?.effective.targetQps ?? null) : null,
    options: ({ record }) => ['--target-qps', String(record.settings?.effective.targetQps)],
  },
  settable('multi_stream.samples_per_query', {
    name: 'samples a query',
    kind: 'workload',
    of: ({ record }) =>
      record.scenario === 'MultiStream'
        ? (record.settings?.effective.samplesPerQuery ?? null)
        : null,
  }),
  settable('single_stream.concurrency', {
    name: 'queries in flight',
    kind: 'workload',
    // Records of versions without a closed loop do not say.
    of: ({ record }) =>
      record.scenario === 'SingleStream' ? (record.config.singleStream?.concurrency ?? 1) : null,
  }),
  ...machineFactors,
  { name: 'engine', kind: 'configuration', of: ({ record }) => record.sut?.kind ?? null },
  {
    name: 'device',
    kind: 'configuration',
    of: ({ record }) => record.sut?.devices.join(', ') ?? null,
  },
  { name: 'weights', kind: 'configuration', of: ({ record }) => record.model.weightFormat },
  {
    name: 'checkpoint',
    kind: 'configuration',
    of: ({ record }) => record.model.digest?.slice(0, 12) ?? record.model.name,
  },
  { name: 'max batch', kind: 'configuration', of: ({ record }) => record.sut?.maxBatch ?? null },
  {
    name: 'KV cache',
    kind: 'configuration',
    of: ({ record }) => record.sut?.kvCache?.dtype ?? null,
  },
  {
    name: 'workers',
    kind: 'configuration',
    of: ({ record: { sut } }) => (sut?.kind === 'native' ? countWorkers(sut) : null),
  },
  { name: 'threads', kind: 'configuration', of: ({ record }) => record.sut?.threads ?? null },
  {
    name: 'tensor parallel',
    kind: 'configuration',
    of: ({ record }) => record.sut?.tensorParallel ?? null,
  },
  ...[
    ...['activations', 'maxStepTokens', 'pageTokens', 'instructionSet'],
    // Of a scripted system: all that its times come from.
    ...['firstTokenBaseMs', 'firstTokenSpreadMs', 'outputTokenBaseMs'],
    ...['outputTokenSpreadMs', 'slots', 'sync', 'answers', 'degrade', 'faults'],
  ].map(
    (name): FactorDefinition => ({
      name: wordsOf(name),
      kind: 'configuration',
      of: ({ record }) => factorValue(record.sut?.features?.[name]),
    }),
  ),
  {
    name: 'script',
    kind: 'configuration',
    of: ({ record: { sut } }) => {
      const { script, scriptSha256 } = sut?.features ?? {};
      if (typeof script !== 'string') return null;
      return `${basename(script)} ${String(scriptSha256).slice(0, 12)}`;
    },
  },
  {
    // "17 of 1 to 256 rows, 8 MiB": the bytes follow from the driver. Where they are off, by `graphsOff`.
    name: 'CUDA graphs',
    kind: 'configuration',
    of: readGraphs,
    options: (run) => ['--cuda-graphs', String(readGraphs(run) !== graphsOff)],
  },
  {
    name: 'kernels',
    kind: 'configuration',
    of: ({ record: { sut } }) => {
      if (sut === null) return null;
      const { decode_graphs: _, ...kernels } = sut.kernels;
      return Object.values(kernels).join('; ');
    },
  },
  { name: 'loadmark', kind: 'code', of: ({ record }) => record.version },
  { name: 'commit', kind: 'code', of: ({ record }) => record.commit },
];

/** Of how many tokens each row's prompt was; null where no samples were kept. */
function digestPrompts(samples: ComparedRun['performance']): string | null {
  if (samples === null) return null;
  const counts = new Map(samples.map(({ id, promptTokenCount }) => [id, promptTokenCount]));
  const lines = [...counts].map(([id, count]) => `${id} ${count}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 12);
}

function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** 64-bit seeds are strings in run.json; what is no single value is told apart by its JSON. */
function factorValue(value: unknown): FactorValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
