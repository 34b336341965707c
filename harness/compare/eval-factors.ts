// What could make two evaluations differ? The facts that results.json tells of a score, by what each is a fact of; those that
// a file does not tell are null.

import { createHash } from 'node:crypto';
import { familyOf } from './eval-pairs.js';
import type { LoadedSide } from './eval-side.js';
import type { FactorValue } from './factor-definitions.js';
import { compareFacts, type FactOf, type Factor } from './factors.js';

/** Of a task that an evaluation was not asked, though it was others. */
export const notAsked = 'not asked';

/** Names, kinds and where results.json has them. */
const recorded: readonly (readonly [string, Factor['kind'], string])[] = [
  ['model', 'configuration', 'model.name'],
  ['architecture', 'configuration', 'model.architecture'],
  ['parameters', 'configuration', 'model.parameters'],
  ['weights', 'configuration', 'model.weightFormat'],
  ['weights at load', 'configuration', 'settings.weights'],
  ['device', 'configuration', 'settings.device'],
  ['KV cache', 'configuration', 'settings.kvCache'],
  ['activations', 'configuration', 'settings.activations'],
  ['tensor parallel', 'configuration', 'settings.tensorParallel'],
  ['max length, tokens', 'configuration', 'settings.maxLength'],
  ['processor', 'machine', 'system.cpu'],
  ['loadmark', 'code', 'version'],
  ['commit', 'code', 'commit'],
];

const definitions: readonly FactOf<LoadedSide>[] = [
  ...recorded.map(([name, kind, path]): FactOf<LoadedSide> => {
    return { name, kind, of: ({ record }) => plainValue(valueAt(record, path)) };
  }),
  {
    name: 'checkpoint',
    kind: 'configuration',
    of: ({ record }) => textAt(record, 'model.digest')?.slice(0, 12) ?? null,
  },
  {
    name: 'kind of GPU',
    kind: 'machine',
    of: ({ record }) => {
      const device = textAt(record, 'settings.device');
      return device === null || device.includes('cuda') ? listGpus(record) : 'none';
    },
  },
  {
    name: 'limit of items',
    kind: 'amount',
    of: ({ record }) => {
      const limit = valueAt(record, 'settings.limit');
      return limit === null ? 'none' : plainValue(limit);
    },
  },
];

/** Over all sides, those that are the same too: what each task asked, then how it was answered. */
export function listEvalFactors(sides: readonly LoadedSide[]): Factor[] {
  const tasks = sides.flatMap(({ items }) => [...items.values()].map(({ task }) => task));
  const families = [...new Set(tasks.map(familyOf))];
  const ofTasks = families.flatMap((family): FactOf<LoadedSide>[] => [
    { name: family, kind: 'workload', of: (side) => describeAsked(side, family) },
    { name: `${family}, items`, kind: 'amount', of: (side) => describeItems(side, family) },
  ]);
  return compareFacts(
    [...ofTasks, ...definitions],
    sides.map((side) => [side]),
  );
}

/** Version and shots, and of windows the rules that they were cut by; null where the file does not tell. */
function describeAsked({ record, items }: LoadedSide, family: string): string | null {
  const leaves = leavesOf(record, 'settings.tasks', 'name', family);
  if (leaves === null) return null;
  if (leaves.length === 0) return isAnswered(items, family) ? null : notAsked;
  const asked = leaves.map((leaf) => {
    const [version, shots] = [valueAt(leaf, 'version'), valueAt(leaf, 'shots')];
    return `version ${version ?? 'unknown'}, ${shots ?? 'unknown'} shots`;
  });
  const cut = (leavesOf(record, 'tasks', 'task', family) ?? []).flatMap((leaf) => {
    const rules = ['text', 'counted', 'n_ctx', 'stride'].flatMap((name) => {
      const value = plainValue(valueAt(leaf, `facts.${name}`));
      return value === null ? [] : [`${name} ${value}`];
    });
    return rules.length === 0 ? [] : [`, ${rules.join(', ')}`];
  });
  return `${[...new Set(asked)].join(' or ')}${[...new Set(cut)].join('')}`;
}

/** How many, and which: a digest over what was asked and what is right. */
function describeItems({ record, items }: LoadedSide, family: string): FactorValue {
  const leaves = leavesOf(record, 'settings.tasks', 'name', family) ?? [];
  const count = [...items.values()].filter(({ task }) => familyOf(task) === family).length;
  const digests = leaves.map((leaf) => `${valueAt(leaf, 'name')} ${valueAt(leaf, 'digest')}`);
  if (count === 0 || digests.length === 0) return count;
  const digest = createHash('sha256').update(digests.sort().join('\n')).digest('hex');
  return `${count} (${digest.slice(0, 12)})`;
}

function isAnswered(items: LoadedSide['items'], family: string): boolean {
  return [...items.values()].some(({ task }) => familyOf(task) === family);
}

/** The elements of a list whose name is of the family; null where there is no list. */
function leavesOf(
  record: unknown,
  path: string,
  nameField: string,
  family: string,
): unknown[] | null {
  const list = valueAt(record, path);
  if (!Array.isArray(list)) return null;
  return list.filter((leaf) => familyOf(String(valueAt(leaf, nameField))) === family);
}

function listGpus(record: unknown): string | null {
  const gpus = valueAt(record, 'system.gpus');
  const names = Array.isArray(gpus) ? gpus.map((gpu) => textAt(gpu, 'name') ?? 'unknown') : [];
  return names.length === 0 ? null : [...new Set(names)].join(', ');
}

/** undefined where there is no such field. */
function valueAt(record: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, step) => (Object(value) as Readonly<Record<string, unknown>>)[step],
      record,
    );
}

function textAt(record: unknown, path: string): string | null {
  const value = valueAt(record, path);
  return typeof value === 'string' ? value : null;
}

function plainValue(value: unknown): FactorValue {
  const isPlain = ['string', 'number', 'boolean'].includes(typeof value);
  return isPlain ? (value as FactorValue) : null;
}
