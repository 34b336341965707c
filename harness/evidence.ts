// What happened to each sample of a pass? One JSON object a line, so that two runs can be compared sample by sample.
// Times are nanoseconds since the start of the test; what never happened is null.

import { closeSync, openSync, writeFileSync } from 'node:fs';
import type { PassResult } from './pass.js';
import type { DatasetLibrary } from './sample-library.js';
import { decodeText, type ScoredPass } from './scoring.js';

/** A line of samples-accuracy.jsonl or samples-performance.jsonl. */
export interface SampleEvidence {
  /** LoadGen's counter over the test. */
  readonly sampleId: number;
  readonly queryId: number;
  /** Position of its series in the test: find-peak runs one a rate. */
  readonly series: number;
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
  const texts = new TextCache(library);
  const { kind, synthetic } = library.dataset;
  const hasTexts = kind === 'generation' && synthetic === undefined;
  const failures = new Map(failed.map(({ sampleId, reason }) => [sampleId, reason]));
  for (let sampleId = 0; sampleId < samples.count; sampleId++) {
    const sampleIndex = samples.sampleIndex[sampleId]!;
    const answer = answers.get(sampleId);
    yield {
      sampleId,
      queryId: samples.queryId[sampleId]!,
      series: samples.series[sampleId]!,
      sampleIndex,
      id: library.sample(sampleIndex).id,
      scheduledNs: numberOrNull(samples.scheduledNs[sampleId]),
      issuedNs: numberOrNull(samples.issuedNs[sampleId]),
      firstTokenNs: numberOrNull((answer?.firstTokenNs ?? Number.NaN) - startedAtNs),
      completedNs: numberOrNull(samples.completedNs[sampleId]),
      promptTokenCount: library.promptTokenCount(sampleIndex),
      outputTokenCount: answer?.tokens.length ?? null,
      output: answer === undefined || !hasTexts ? null : texts.decode(sampleIndex, answer.tokens),
      scores: withoutId(scored?.bySample.get(sampleIndex)),
      failure: failures.get(sampleId) ?? null,
    };
  }
}

/** Text of the last answer to each row: a system that answers a row alike each time is decoded once. */
class TextCache {
  readonly #library: DatasetLibrary;
  readonly #last = new Map<number, { readonly tokens: Int32Array; readonly text: string }>();

  constructor(library: DatasetLibrary) {
    this.#library = library;
  }

  decode(row: number, tokens: Int32Array): string {
    const last = this.#last.get(row);
    if (last?.tokens === tokens) return last.text;
    const text = decodeText(tokens, this.#library);
    this.#last.set(row, { tokens, text });
    return text;
  }
}

const writtenAtOnce = 1 << 20;

/** Writes a pass's evidence piece by piece, since a long pass has more than a string can hold; returns the lines. */
export function writeEvidence(file: string, rows: Iterable<SampleEvidence>): number {
  const handle = openSync(file, 'w');
  try {
    let count = 0;
    let pending = '';
    for (const row of rows) {
      pending += `${JSON.stringify(row)}\n`;
      count++;
      if (pending.length < writtenAtOnce) continue;
      writeFileSync(handle, pending);
      pending = '';
    }
    writeFileSync(handle, pending);
    return count;
  } finally {
    closeSync(handle);
  }
}

function numberOrNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

function withoutId(score: object | undefined): Readonly<Record<string, unknown>> | null {
  if (score === undefined) return null;
  return Object.fromEntries(Object.entries(score).filter(([name]) => name !== 'id'));
}
