// Subjects that changed, in words and rows, for a terminal, a pull request and a page alike.

import type { SubjectChange, SubjectChanges } from '../compare/subject-changes.js';

/** Those that are shown to have changed, the greatest loss first. */
export function listChanged({ subjects }: SubjectChanges): SubjectChange[] {
  return subjects
    .filter(({ verdict }) => verdict !== 'none shown')
    .sort((a, b) => a.candidate - a.baseline - (b.candidate - b.baseline));
}

/** How many changed, and how many of these may be chance. */
export function describeSubjects(changes: SubjectChanges, alpha: number): string {
  const changed = listChanged(changes);
  const worse = changed.filter(({ verdict }) => verdict === 'worse').length;
  const { task, metric, subjects } = changes;
  const of = `Of ${subjects.length} subjects of ${task} (${metric})`;
  if (changed.length === 0) return `${of} none is shown to have changed (Benjamini-Hochberg)`;
  return `${of} ${worse} got worse and ${changed.length - worse} better; at most ${Number((100 * alpha).toPrecision(3))} % of these are expected to be chance (Benjamini-Hochberg)`;
}
