// Have the scores of an evaluation become worse than they may? A decision each score of the tasks that were named.

import type { PerplexityRatio, TaskDifference } from './eval-comparison.js';
import { decideTogether, type GateResult, judgeScore, refuseRule } from './gate.js';
import type { GateRule } from './gate-rule.js';

/**
 * @param absentBecause why nothing is compared; null where something is
 * @param alpha one-sided, as `decideTogether` has it
 */
export function runEvalGate(
  rules: readonly GateRule[],
  accuracies: readonly TaskDifference[],
  perplexities: readonly PerplexityRatio[],
  absentBecause: string | null,
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
    return [refuseRule(name, absentBecause ?? `no item of both sides has a score of ${name}`)];
  });
  return decideTogether(alone, alpha);
}
