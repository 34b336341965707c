// Which of a task's many subjects changed? A list to look through, of which a known share may be chance.

import { adjustBenjaminiHochberg, meanOf, testMcNemar } from '../statistics/index.js';
import { groupPairs, type ItemPair, listMetrics, pointsOf } from './eval-pairs.js';
import { changeOf, countRight, type ScoreChange } from './score-difference.js';

export interface SubjectChanges {
  /** "mmlu", "ceval". */
  readonly task: string;
  readonly metric: string;
  /** All of them, in the order in which they were asked. */
  readonly subjects: readonly SubjectChange[];
}

/** Scores in points; `adjustedP` is Benjamini and Hochberg's over the task's subjects. */
export interface SubjectChange extends ScoreChange {
  readonly subject: string;
  readonly items: number;
  readonly baseline: number;
  readonly candidate: number;
  /** McNemar's, two-sided. */
  readonly midP: number;
}

/**
 * Subjects that changed by McNemar's mid-p, adjusted by Benjamini and Hochberg: of those that are listed no more than the
 * share alpha is expected not to have changed. Holm would hold back all but the largest changes of 57 subjects, and nobody
 * acts upon one of them alone.
 * @param pairs the baseline's and the candidate's evidence of the task's items
 * @returns one list a metric; none for a task without subjects
 */
export function findSubjectChanges(
  task: string,
  pairs: readonly ItemPair[],
  alpha: number,
): SubjectChanges[] {
  const bySubject = groupPairs(pairs, (subject) => subject);
  if (bySubject.length < 2) return [];
  return listMetrics(pairs).map((metric) => {
    const tested = bySubject.map(([subject, rows]) => {
      const [from, to] = [pointsOf(rows, 0, metric), pointsOf(rows, 1, metric)];
      const { midP } = testMcNemar(countRight(from, to));
      return { subject, items: rows.length, baseline: meanOf(from), candidate: meanOf(to), midP };
    });
    const adjusted = adjustBenjaminiHochberg(tested.map(({ midP }) => midP));
    const subjects = tested.map((one, i) => ({
      ...one,
      ...changeOf(one.candidate - one.baseline, adjusted[i]!, alpha),
    }));
    return { task, metric, subjects };
  });
}
