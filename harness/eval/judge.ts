// What does the engine's answer to an item mean? Log-probabilities or text -> the choice made, whether it was right, and
// what goes into evidence.

import type { ItemEvidence } from './evidence.js';
import { answerFilters, cutAtStops, extractAnswer, isSameAnswer } from './gsm8k-answer.js';
import type { ChoiceItem, EvalItem, GenerationItem } from './item.js';
import { digestItem } from './item-digest.js';

/** Of one request. */
export interface Weighed {
  readonly logProb: number;
  readonly isGreedy: boolean;
}

export function judgeWeighed(
  item: Exclude<EvalItem, GenerationItem>,
  weighed: readonly Weighed[],
): ItemEvidence {
  const { id, task } = item;
  const base = { id, task, prompt: digestItem(item) };
  if (item.kind === 'choice') return { ...base, ...judgeChoice(item, weighed) };
  const logProbs = [weighed.reduce((sum, { logProb }) => sum + logProb, 0)];
  const weights =
    item.kind === 'rolling'
      ? { words: item.words, bytes: item.bytes }
      : { tokens: item.continuation.length };
  return { ...base, logProbs, weights, metrics: {} };
}

function judgeChoice(item: ChoiceItem, weighed: readonly Weighed[]) {
  const logProbs = weighed.map(({ logProb }) => logProb);
  const chosen = findGreatest(logProbs);
  const isRight = (choice: number) => Number(choice === item.answer);
  const plain = {
    logProbs,
    greedy: weighed.map(({ isGreedy }) => isGreedy),
    answer: item.answer,
    chosen,
  };
  if (item.lengths.length === 0) return { ...plain, metrics: { acc: isRight(chosen) } };
  const chosenNorm = findGreatest(logProbs.map((logProb, at) => logProb / item.lengths[at]!));
  return { ...plain, chosenNorm, metrics: { acc: isRight(chosen), acc_norm: isRight(chosenNorm) } };
}

/** The first of them on a tie, as numpy's argmax. */
function findGreatest(values: readonly number[]): number {
  let greatest = 0;
  for (const [at, value] of values.entries()) if (value > values[greatest]!) greatest = at;
  return greatest;
}

/** @param stops of the item and of the model */
export function judgeText(
  item: GenerationItem,
  generated: string,
  stops: readonly string[],
): ItemEvidence {
  const text = cutAtStops(generated, stops);
  const found = answerFilters.map((filter) => [filter, extractAnswer(text, filter)] as const);
  const right = found.map(
    ([filter, answer]) =>
      [`exact_match,${filter}`, Number(isSameAnswer(answer, item.target))] as const,
  );
  return {
    id: item.id,
    task: item.task,
    prompt: digestItem(item),
    text,
    answers: Object.fromEntries(found),
    metrics: Object.fromEntries(right),
  };
}
