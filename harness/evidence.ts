// What happened to each sample of a pass? One JSON object a line, so that two runs can be compared sample by sample.
// Times are nanoseconds since the start of the test; what never happened is null.

import { writeFileSync } from 'node:fs';
import type { PassResult } from './pass.js';
import type { DatasetLibrary } from './sample-library.js';
import { decodeText, type ScoredPass } from './scoring.js';

/** A line of samples-accuracy.jsonl or samples-performance.jsonl. */
export interface SampleEvidence {
  /** LoadGen's counter over the test. */
  readonly sampleId: number;
  readonly queryId: number;
  /** Row of the dataset. */
  readonly sampleIndex: number;
  /** The dataset's own id of the row. */
  readonly id: string;
  readonly scheduledNs: number | null;
  readonly issuedNs: number | null;
  /** As the system under test saw it. */
  readonly firstTokenNs: number | null;
  readonly completedNs: number | null;
  readonly promptTokenCount: number | null;
  readonly outputTokenCount: number | null;
  readonly output: string | null;
  readonly scores: Readonly<Record<string, unknown>> | null;
  readonly failure: string | null;
}

/** Lists a pass's samples in the order of their ids. */
export function* listEvidence(
  { outcome, answers }: PassResult,
  library: DatasetLibrary,
  scored: ScoredPass | null,
): Generator<SampleEvidence> {
  const { samples, failed, startedAtNs } = outcome;
  const failures = new Map(failed.map(({ sampleId, reason }) => [sampleId, reason]));
  for (let sampleId = 0; sampleId < samples.count; sampleId++) {
    const sampleIndex = samples.sampleIndex[sampleId]!;
    const answer = answers.get(sampleId);
    yield {
      sampleId,
      queryId: samples.queryId[sampleId]!,
      sampleIndex,
      id: library.sample(sampleIndex).id,
      scheduledNs: numberOrNull(samples.scheduledNs[sampleId]),
      issuedNs: numberOrNull(samples.issuedNs[sampleId]),
      firstTokenNs: numberOrNull((answer?.firstTokenNs ?? Number.NaN) - startedAtNs),
      completedNs: numberOrNull(samples.completedNs[sampleId]),
      promptTokenCount: library.promptTokenCount(sampleIndex),
      outputTokenCount: answer?.tokens.length ?? null,
      output:
        answer === undefined || library.dataset.kind !== 'generation'
          ? null
          : decodeText(answer.tokens, library),
      scores: withoutId(scored?.bySample.get(sampleIndex)),
      failure: failures.get(sampleId) ?? null,
    };
  }
}

/** Writes a pass's evidence and returns how many lines that were. */
export function writeEvidence(file: string, rows: Iterable<SampleEvidence>): number {
  const lines = Array.from(rows, (row) => `${JSON.stringify(row)}\n`);
  writeFileSync(file, lines.join(''));
  return lines.length;
}

function numberOrNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

function withoutId(score: object | undefined): Readonly<Record<string, unknown>> | null {
  if (score === undefined) return null;
  return Object.fromEntries(Object.entries(score).filter(([name]) => name !== 'id'));
}
