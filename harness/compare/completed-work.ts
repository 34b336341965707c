// How much did one run complete, batch of time by batch? What the interval of a single run's rate is made from.

import type { SampleEvidence } from '../evidence.js';
import type { CompletionSeries } from '../statistics/index.js';

/** Few and long, so that neighbours have little in common; few batches cost a wider quantile of Student's t. */
const batches = 10;
/** What an answer may take, in batches: longer ones make neighbours of the same work. */
const longestAnswer = 1.5;

/**
 * Completed work from the first issue to the last answer.
 * @param workOf tokens of a sample, or 1
 * @returns a reason where no batch can stand for the run: nothing completed, or answers that take much longer than a batch
 */
export function batchWork(
  samples: readonly SampleEvidence[],
  workOf: (sample: SampleEvidence) => number,
): CompletionSeries | string {
  const done = samples.filter(({ completedNs }) => completedNs !== null);
  const end = done.reduce((latest, { completedNs }) => Math.max(latest, completedNs!), 0);
  const start = done.reduce(
    (first, { scheduledNs }) => Math.min(first, scheduledNs ?? first),
    Number.POSITIVE_INFINITY,
  );
  if (!(end > start)) return 'no sample was completed';
  const width = (end - start) / batches;
  const spans = done.map(
    ({ firstTokenNs, completedNs }) => completedNs! - (firstTokenNs ?? completedNs!),
  );
  const span = spans.reduce((sum, ns) => sum + ns, 0) / spans.length / width;
  if (span > longestAnswer) {
    return `the run is too short: an answer comes over ${span.toFixed(1)} of its ${batches} batches, and must over at most ${longestAnswer}`;
  }
  if (done.length < 2 * batches) {
    return `the run is too short: ${done.length} samples for ${batches} batches, and ${2 * batches} are needed`;
  }
  const perBatch = new Float64Array(batches);
  for (const sample of done) spread(perBatch, sample, start, width, workOf(sample));
  return { perBatch, batchSeconds: width / 1e9 };
}

/** An answer's tokens come evenly from its first token to its last; where nobody saw the first, at once. */
function spread(
  perBatch: Float64Array,
  { firstTokenNs, completedNs }: SampleEvidence,
  start: number,
  width: number,
  work: number,
): void {
  const last = (completedNs! - start) / width;
  const first = Math.max(0, Math.min(((firstTokenNs ?? completedNs!) - start) / width, last));
  const indexOf = (at: number) => Math.min(batches - 1, Math.floor(at));
  if (!(last > first)) {
    perBatch[indexOf(last)]! += work;
    return;
  }
  for (let i = indexOf(first); i <= indexOf(last); i++) {
    const part = Math.min(i + 1, last) - Math.max(i, first);
    perBatch[i]! += (work * Math.max(0, part)) / (last - first);
  }
}
