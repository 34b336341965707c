// What a person reads after `bench eval`: a line a score with its error, averages first, and the rules of each perplexity.
// Every number stands in results.json too.

import type { EvalRecord } from '../commands/eval.js';
import type { MetricScore, TaskScore } from '../eval/scores.js';
import { alignColumns } from './columns.js';

/** The whole text, last newline included. */
export function formatEvalTable(record: EvalRecord, folder: string): string {
  const { tasks, groups, model } = record;
  const header = ['task', 'version', 'shots', 'items', 'metric', 'value', '', 'stderr', 'filter'];
  const inGroups = groups.flatMap(({ group, version, items, members, metrics }) => {
    const shots = tasks.find(({ task }) => task.startsWith(group))?.shots ?? 0;
    const name = `${group} (${members})`;
    return listRows({ task: name, version, shots, items, metrics });
  });
  const rows = tasks.flatMap(listRows);
  const kept = record.itemsKept > 0 ? `, ${record.itemsKept} of them before` : '';
  return [
    `${model.name}: ${model.architecture}, ${model.weightFormat}; ${record.settings.device}, ${record.settings.kvCache} KV cache, ${record.settings.activations} activations`,
    '',
    alignColumns([header, ...inGroups, ...rows]),
    '',
    ...tasks.flatMap(listFacts),
    `${record.items} items${kept}, ${record.tokensRead} tokens read in ${record.seconds.toFixed(1)} s`,
    `Files  ${folder}`,
    '',
  ].join('\n');
}

function listRows({ task, version, shots, items, metrics }: TaskScore): string[][] {
  return metrics.map(({ metric, value, stderr, stderrBy, filter }) => [
    task,
    version,
    String(shots),
    String(items),
    metric,
    value.toFixed(4),
    '+-',
    stderr === null ? 'N/A' : `${stderr.toFixed(4)}${markOf(stderrBy)}`,
    filter === 'none' ? '' : filter,
  ]);
}

/** Errors that lm-evaluation-harness does not give. */
function markOf(stderrBy: MetricScore['stderrBy']): string {
  return stderrBy === 'delta' ? ' (delta)' : '';
}

function listFacts({ task, facts }: TaskScore): string[] {
  if (facts === undefined) return [];
  const told = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  return [`${task}: ${told.join('; ')}`, ''];
}
