// How many multiple-choice questions did the model answer right? The answer given is the choice of greatest
// log-probability; computing those, and whether to divide by length, is the caller's business.
import type { ChoiceMetricName, StandardErrors } from './metrics.js';

export interface ChoiceItem {
  readonly id: string;
  readonly subject: string;
  /** Index of the right choice. */
  readonly answer: number;
  /** (choices) log-probability of each choice; never NaN. */
  readonly logProbs: Float64Array;
}

/** One question's outcome. */
export interface ChoiceSampleScore {
  readonly id: string;
  readonly subject: string;
  readonly answer: number;
  /** The choice of greatest log-probability; the first of them on a tie. */
  readonly chosen: number;
  readonly correct: boolean;
}

export interface SubjectScore {
  readonly subject: string;
  readonly correct: number;
  readonly total: number;
  /** In percent. */
  readonly accuracy: number;
  /** Standard error of `accuracy`, in percent; null for a single question. */
  readonly stderr: number | null;
}

export interface ChoiceScore {
  readonly kind: 'choice';
  /** `mmluStderr` is absent for a single question. */
  readonly metrics: Readonly<Partial<Record<ChoiceMetricName, number>> & { mmlu: number }>;
  /** Of `mmlu`, the same as `mmluStderr`. */
  readonly standardErrors: StandardErrors;
  readonly correct: number;
  readonly total: number;
  /** In order of first appearance. */
  readonly subjects: readonly SubjectScore[];
  /** In the order of the items. */
  readonly samples: readonly ChoiceSampleScore[];
}

/**
 * Scores multiple-choice answers. The headline is the mean over questions (not over subjects), as
 * lm-evaluation-harness weighs MMLU.
 * @throws RangeError on no items, an answer outside the choices, no choices, or a NaN log-probability.
 */
export function scoreChoices(items: readonly ChoiceItem[]): ChoiceScore {
  if (items.length === 0) {
    throw new RangeError('there are 0 answers to score; at least 1 is needed');
  }
  const samples = items.map(judgeChoice);
  const bySubject = new Map<string, ChoiceSampleScore[]>();
  for (const sample of samples) {
    const group = bySubject.get(sample.subject);
    if (group === undefined) bySubject.set(sample.subject, [sample]);
    else group.push(sample);
  }
  const all = summarize(samples);
  return {
    kind: 'choice',
    metrics: { mmlu: all.accuracy, ...(all.stderr === null ? {} : { mmluStderr: all.stderr }) },
    standardErrors: all.stderr === null ? {} : { mmlu: all.stderr },
    correct: all.correct,
    total: all.total,
    subjects: [...bySubject].map(([subject, group]) => ({ subject, ...summarize(group) })),
    samples,
  };
}

function judgeChoice({ id, subject, answer, logProbs }: ChoiceItem): ChoiceSampleScore {
  const count = logProbs.length;
  if (!(Number.isInteger(answer) && answer >= 0 && answer < count)) {
    throw new RangeError(`question ${id}: answer ${answer} is not one of its ${count} choices`);
  }
  let chosen = 0;
  for (let choice = 0; choice < count; choice++) {
    const logProb = logProbs[choice]!;
    if (Number.isNaN(logProb)) {
      throw new RangeError(`question ${id}: the log-probability of choice ${choice} is NaN`);
    }
    if (logProb > logProbs[chosen]!) chosen = choice;
  }
  return { id, subject, answer, chosen, correct: chosen === answer };
}

/** Standard error of a proportion with the sample variance (n - 1), as lm-evaluation-harness reports it. */
function summarize(samples: readonly ChoiceSampleScore[]): Omit<SubjectScore, 'subject'> {
  const total = samples.length;
  const correct = samples.filter((sample) => sample.correct).length;
  const proportion = correct / total;
  const stderr = total < 2 ? null : 100 * Math.sqrt((proportion * (1 - proportion)) / (total - 1));
  return { correct, total, accuracy: (100 * correct) / total, stderr };
}
