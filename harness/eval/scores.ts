// What does an evaluation come to? Evidence of items -> scores of tasks and averages of groups, each with its error.

import type { ItemEvidence } from './evidence.js';
import {
  type Estimate,
  estimateLoss,
  estimateMean,
  pool,
  type Share,
  toPerplexity,
} from './statistics.js';
import type { LeafTask, TaskGroup } from './tasks/task.js';

export interface MetricScore extends Estimate {
  /** "acc", "exact_match", "word_perplexity". */
  readonly metric: string;
  /** As lm-evaluation-harness names it: "none", "strict-match". */
  readonly filter: string;
  /** "sample" and "pooled" are lm-evaluation-harness's own; it gives no error where ours is "delta". */
  readonly stderrBy: 'sample' | 'pooled' | 'delta' | null;
  readonly higherIsBetter: boolean;
}

export interface TaskScore {
  readonly task: string;
  readonly version: string;
  readonly shots: number;
  readonly items: number;
  readonly metrics: readonly MetricScore[];
  readonly facts?: Readonly<Record<string, string | number>>;
}

export interface GroupScore {
  readonly group: string;
  readonly version: string;
  readonly members: number;
  readonly items: number;
  readonly metrics: readonly MetricScore[];
}

export function scoreTask(task: LeafTask, evidence: ReadonlyMap<string, ItemEvidence>): TaskScore {
  const rows = task.items.map(({ id }) => evidence.get(id)!);
  const { name, version, shots, facts } = task;
  const metrics = rows[0]?.weights === undefined ? scoreMeans(rows) : scoreLosses(rows);
  return {
    task: name,
    version,
    shots,
    items: rows.length,
    metrics,
    ...(facts === undefined ? {} : { facts }),
  };
}

function scoreMeans(rows: readonly ItemEvidence[]): MetricScore[] {
  return Object.keys(rows[0]?.metrics ?? {}).map((key) => {
    const [metric = key, filter = 'none'] = key.split(',');
    const estimate = estimateMean(rows.map(({ metrics }) => metrics[key]!));
    const stderrBy = estimate.stderr === null ? null : ('sample' as const);
    return { metric, filter, ...estimate, stderrBy, higherIsBetter: true };
  });
}

function scoreLosses(rows: readonly ItemEvidence[]): MetricScore[] {
  const sharesBy = (unit: 'words' | 'bytes' | 'tokens'): Share[] =>
    rows.map((row) => ({ logProb: row.logProbs![0]!, weight: row.weights![unit]! }));
  const score = (metric: string, estimate: Estimate): MetricScore => ({
    metric,
    filter: 'none',
    ...estimate,
    stderrBy: estimate.stderr === null ? null : 'delta',
    higherIsBetter: false,
  });
  if (rows[0]!.weights!.tokens !== undefined) {
    return [score('perplexity', toPerplexity(estimateLoss(sharesBy('tokens'))))];
  }
  const byByte = estimateLoss(sharesBy('bytes'));
  return [
    score('word_perplexity', toPerplexity(estimateLoss(sharesBy('words')))),
    score('byte_perplexity', toPerplexity(byByte)),
    score('bits_per_byte', {
      value: byByte.value / Math.LN2,
      stderr: byByte.stderr === null ? null : byByte.stderr / Math.LN2,
    }),
  ];
}

export function scoreGroup(group: TaskGroup, tasks: readonly TaskScore[]): GroupScore {
  const members = tasks.filter(({ task }) => group.members.includes(task));
  const metrics = (members[0]?.metrics ?? []).map(({ metric, filter, higherIsBetter }) => {
    const parts = members.map(({ items, metrics: own }) => ({
      ...own.find((score) => score.metric === metric && score.filter === filter)!,
      size: items,
    }));
    const estimate = pool(parts);
    const stderrBy = estimate.stderr === null ? null : ('pooled' as const);
    return { metric, filter, ...estimate, stderrBy, higherIsBetter };
  });
  return {
    group: group.name,
    version: group.version,
    members: members.length,
    items: members.reduce((sum, { items }) => sum + items, 0),
    metrics,
  };
}
