// Which tasks of two evaluations may be set against each other? Those of which the same was asked in the same way: another
// version, other examples or other windows make a score of another thing.

import { describe } from './comparability.js';
import { listEvalFactors, notAsked } from './eval-factors.js';
import { familyOf, type ItemPair } from './eval-pairs.js';
import type { LoadedSide } from './eval-side.js';

export interface RefusedTask {
  /** MMLU's and C-Eval's subjects together. */
  readonly task: string;
  readonly reason: string;
}

export interface EvalComparability {
  /** Tasks that both answered and of which nothing is compared. */
  readonly refused: readonly RefusedTask[];
  /** What a reader should know of what is compared. */
  readonly remarks: readonly string[];
}

/** @param pairs all items that were asked alike */
export function judgeTasks(
  baseline: LoadedSide,
  candidate: LoadedSide,
  pairs: readonly ItemPair[],
): EvalComparability {
  const refused: RefusedTask[] = [];
  const remarks: string[] = [];
  const factors = listEvalFactors([baseline, candidate]);
  const asked = factors.filter(({ kind }) => kind === 'workload');
  for (const factor of asked) {
    const { name: task, values, isSame } = factor;
    const [from, to] = [idsOf(baseline, task), idsOf(candidate, task)];
    if (from.size === 0 || to.size === 0) {
      const only = from.size === 0 ? candidate : baseline;
      remarks.push(`${task} was asked of ${only.side.label} alone`);
      continue;
    }
    const paired = pairs.filter((pair) => familyOf(pair[0].task) === task).length;
    const isTold = values.every((value) => value !== null && value !== notAsked);
    if (!isSame && isTold) {
      refused.push({ task, reason: `${describe(factor)}: not the same was asked` });
    } else if (paired === 0) {
      refused.push({ task, reason: explainUnpaired(task, from, to) });
    } else if (haveOtherAnswers(factors, task, [from.size, to.size, paired])) {
      refused.push({ task, reason: `${task}: the same was asked, and other answers are right` });
    } else if (!isTold) {
      remarks.push(
        `${describe(factor)}: items were asked alike; whether by the same version cannot be told`,
      );
    }
  }
  return { refused, remarks };
}

function idsOf({ items }: LoadedSide, family: string): Set<string> {
  return new Set(
    [...items.values()].flatMap(({ id, task }) => (familyOf(task) === family ? [id] : [])),
  );
}

function explainUnpaired(task: string, from: ReadonlySet<string>, to: ReadonlySet<string>): string {
  const common = [...from].filter((id) => to.has(id)).length;
  return common === 0
    ? `${task}: the two have no item in common`
    : `${task}: none of the ${common} items that both have was asked alike (examples, texts or their limits differ)`;
}

/** Digests of all items differ though every one was asked alike: what was right of a text stands nowhere else. */
function haveOtherAnswers(
  factors: ReturnType<typeof listEvalFactors>,
  task: string,
  [from, to, paired]: readonly [number, number, number],
): boolean {
  const items = factors.find(({ name }) => name === `${task}, items`);
  const areDigests = items?.values.every((value) => String(value).includes('(')) === true;
  return from === paired && to === paired && areDigests && !items!.isSame;
}
