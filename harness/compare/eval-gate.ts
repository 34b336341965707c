// Have the scores of an evaluation become worse than they may? A decision each score of the tasks that were named.

import type { RefusedTask } from './eval-comparability.js';
import type { PerplexityRatio, TaskDifference } from './eval-scores.js';
import { decideTogether, type GateResult, judgeScore, refuseRule } from './gate.js';
import type { GateRule } from './gate-rule.js';

/** Why something is not compared. */
export interface NotCompared {
  /** Why nothing is; null where something is. */
  readonly absentBecause: string | null;
  readonly refused: readonly RefusedTask[];
}

/** @param alpha one-sided, as `decideTogether` has it */
export function runEvalGate(
  rules: readonly GateRule[],
  accuracies: readonly TaskDifference[],
  perplexities: readonly PerplexityRatio[],
  { absentBecause, refused }: NotCompared,
  alpha: number,
): GateResult[] {
  const alone = rules.flatMap(({ name }) => {
    const answered = accuracies
      .filter(({ task }) => name === task || name === 'accuracy')
      .map((one) => judgeScore(`${one.task}, ${one.metric}`, 'items', one, alpha));
    const read = perplexities
      .filter(({ task }) => name === task || name === 'perplexity')
      .map((one) => judgeScore(one.task, 'windows', one, alpha));
    const found = [...answered, ...read];
    if (found.length > 0) return found;
    const reason =
      absentBecause ??
      refused.find(({ task }) => task === name)?.reason ??
      `no item of both sides has a score of ${name}`;
    return [refuseRule(name, reason)];
  });
  return decideTogether(alone, alpha);
}
