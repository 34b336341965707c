// What could make two runs differ? Every fact of a run that a speed or a score depends on, by what it is a fact of.

import { createHash } from 'node:crypto';
import type { ComparedRun } from './side.js';

/**
 * workload: what was asked, and when; where it differs, figures are of different things. machine: what it ran on.
 * configuration: how it was answered, which is what a comparison is usually about. code: which loadmark measured.
 */
export type FactorKind = 'workload' | 'machine' | 'configuration' | 'code';

export type FactorValue = string | number | boolean | null;

interface FactorDefinition {
  readonly name: string;
  readonly kind: FactorKind;
  readonly of: (run: ComparedRun) => FactorValue;
  /** The options of `bench` that give a run this value; absent where it takes more than an option. */
  readonly options?: (value: FactorValue) => readonly string[];
}

export interface Factor {
  readonly name: string;
  readonly kind: FactorKind;
  /** One a side. */
  readonly values: readonly FactorValue[];
  readonly isSame: boolean;
}

const set =
  (key: string) =>
  (value: FactorValue): readonly string[] => ['--set', `${key}=${value ?? 'null'}`];

const definitions: readonly FactorDefinition[] = [
  {
    name: 'scenario',
    kind: 'workload',
    of: ({ record }) => record.scenario,
    options: (value) => ['--scenario', String(value)],
  },
  {
    name: 'clock',
    kind: 'workload',
    of: ({ record }) => record.clock,
    options: (value) => ['--clock', String(value)],
  },
  {
    name: 'dataset',
    kind: 'workload',
    of: ({ record: { dataset } }) =>
      `${dataset.name} ${dataset.split} ${dataset.digest.slice(0, 12)}`,
    options: (value) => ['--dataset', String(value).split(' ')[0]!],
  },
  {
    name: 'samples',
    kind: 'workload',
    of: ({ record }) => record.dataset.samples,
    options: (value) => ['--samples', String(value)],
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
    options: (value) => ['--prompt', String(value)],
  },
  {
    name: 'prompt tokens',
    kind: 'workload',
    of: ({ performance, accuracy }) => digestPrompts(performance ?? accuracy),
  },
  {
    name: 'max new tokens',
    kind: 'workload',
    of: ({ record: { config } }) =>
      config.generation.maxNewTokens ?? config.model?.generation?.maxNewTokens ?? null,
    options: set('generation.max_new_tokens'),
  },
  {
    name: 'min new tokens',
    kind: 'workload',
    of: ({ record: { config } }) =>
      config.generation.minNewTokens ?? config.model?.generation?.minNewTokens ?? null,
    options: set('generation.min_new_tokens'),
  },
  {
    name: 'temperature',
    kind: 'workload',
    of: ({ record }) => record.config.generation.temperature,
    options: set('generation.temperature'),
  },
  {
    name: 'seed of the sample order',
    kind: 'workload',
    of: ({ record }) => textOf(record.settings?.effective.sampleIndexRngSeed),
    options: set('seeds.sample_index'),
  },
  {
    name: 'seed of the loaded set',
    kind: 'workload',
    of: ({ record }) => textOf(record.settings?.effective.qslRngSeed),
    options: set('seeds.qsl'),
  },
  {
    name: 'seed of the schedule',
    kind: 'workload',
    of: ({ record }) =>
      record.scenario === 'Server' ? textOf(record.settings?.effective.scheduleRngSeed) : null,
    options: set('seeds.schedule'),
  },
  {
    name: 'queries/s asked for',
    kind: 'workload',
    of: ({ record }) =>
      record.scenario === 'Server' ? (record.settings?.effective.targetQps ?? null) : null,
    options: (value) => ['--target-qps', String(value)],
  },
  {
    name: 'samples a query',
    kind: 'workload',
    of: ({ record }) =>
      record.scenario === 'MultiStream'
        ? (record.settings?.effective.samplesPerQuery ?? null)
        : null,
    options: set('multi_stream.samples_per_query'),
  },
  {
    name: 'queries in flight',
    kind: 'workload',
    // Records of versions without a closed loop do not say.
    of: ({ record }) =>
      record.scenario === 'SingleStream' ? (record.config.singleStream?.concurrency ?? 1) : null,
    options: set('single_stream.concurrency'),
  },
  { name: 'processor', kind: 'machine', of: ({ record }) => record.system.cpu },
  { name: 'cores', kind: 'machine', of: ({ record }) => record.system.cores },
  {
    name: 'GPUs used',
    kind: 'machine',
    of: ({ record }) =>
      record.sut?.devices.filter((device) => device.startsWith('cuda')).length ?? null,
  },
  {
    name: 'kind of GPU',
    kind: 'machine',
    of: ({ record }) =>
      record.sut?.devices.some((device) => device.startsWith('cuda'))
        ? [...new Set(record.system.gpus.map(({ name }) => name))].join(', ')
        : 'none',
  },
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
    of: ({ record: { sut } }) => sut?.workers?.length ?? (sut?.kind === 'native' ? 1 : null),
  },
  { name: 'threads', kind: 'configuration', of: ({ record }) => record.sut?.threads ?? null },
  {
    name: 'tensor parallel',
    kind: 'configuration',
    of: ({ record }) => record.sut?.tensorParallel ?? null,
  },
  ...['activations', 'maxStepTokens', 'pageTokens', 'instructionSet'].map(
    (name): FactorDefinition => ({
      name: wordsOf(name),
      kind: 'configuration',
      of: ({ record }) => (record.sut?.features?.[name] as FactorValue | undefined) ?? null,
    }),
  ),
  {
    name: 'kernels',
    kind: 'configuration',
    of: ({ record }) => (record.sut === null ? null : Object.values(record.sut.kernels).join('; ')),
  },
  { name: 'loadmark', kind: 'code', of: ({ record }) => record.version },
  { name: 'commit', kind: 'code', of: ({ record }) => record.commit },
];

/** Of each side's first run: repeats have been held against it before. */
export function listFactors(runs: readonly ComparedRun[]): Factor[] {
  return definitions.map(({ name, kind, of }) => {
    const values = runs.map(of);
    return { name, kind, values, isSame: values.every((value) => value === values[0]) };
  });
}

/** The call that would repeat `run` with `other`'s values of the factors named; null where options do not reach one. */
export function commandLike(
  run: ComparedRun,
  other: ComparedRun,
  names: readonly string[],
): readonly string[] | null {
  const wanted = definitions.filter(({ name }) => names.includes(name));
  // Prompts follow from the dataset, the samples and the style.
  const reached = wanted.filter(({ name }) => name !== 'prompt tokens' || names.length === 1);
  if (reached.some(({ options }) => options === undefined)) return null;
  const changes = reached.flatMap(({ of, options }) => options!(of(other)));
  const { command } = run.record;
  const output = command.indexOf('--output');
  const kept = command.filter((_, i) => output < 0 || (i !== output && i !== output + 1));
  return [...kept, ...changes];
}

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

function textOf(value: unknown): string | null {
  return value === undefined ? null : String(value);
}
