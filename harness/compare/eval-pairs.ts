// Items that both evaluations answered and were asked alike, the baseline's first.

import { isDeepStrictEqual } from 'node:util';
import type { ItemEvidence } from '../eval/evidence.js';
import type { LoadedSide } from './eval-side.js';

export type ItemPair = readonly [ItemEvidence, ItemEvidence];

/** In the baseline's order. Of choices the right one, of texts what they are weighed by, is part of what was asked. */
export function pairItems(baseline: LoadedSide, candidate: LoadedSide): ItemPair[] {
  return [...baseline.items.values()].flatMap((item): ItemPair[] => {
    const other = candidate.items.get(item.id);
    return other !== undefined && isDeepStrictEqual(askedOf(item), askedOf(other))
      ? [[item, other]]
      : [];
  });
}

function askedOf({ task, prompt, answer, weights }: ItemEvidence) {
  return { task, prompt, answer, weights };
}

/** MMLU's and C-Eval's subjects together. */
export function familyOf(task: string): string {
  return /^(mmlu|ceval)/.exec(task)?.[0] ?? task;
}

/** In the order in which names first appear. */
export function groupPairs(
  pairs: readonly ItemPair[],
  nameOf: (task: string) => string,
): [string, ItemPair[]][] {
  const groups = new Map<string, ItemPair[]>();
  for (const pair of pairs) {
    const name = nameOf(pair[0].task);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [pair]);
    else group.push(pair);
  }
  return [...groups];
}

/** Scores that all items have on both sides. */
export function listMetrics(pairs: readonly ItemPair[]): string[] {
  return Object.keys(pairs[0]![0].metrics).filter((name) =>
    pairs.every((pair) => pair.every(({ metrics }) => name in metrics)),
  );
}

/** 100 for a right answer, 0 for a wrong one. */
export function pointsOf(pairs: readonly ItemPair[], side: 0 | 1, metric: string): number[] {
  return pairs.map((pair) => 100 * pair[side].metrics[metric]!);
}
