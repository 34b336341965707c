// What had those samples been asked that lost most? Their rows of the baseline's dataset, where it is there as it was.

import type { Sample } from '../../datasets/dataset.js';
import { openTexts } from '../run-evidence.js';
import type { Comparison } from './comparison.js';
import type { QualityComparison, WorsenedSample } from './quality.js';
import type { Side } from './side.js';

/** The comparison with prompts and expected answers beside the samples that lost most, or with the reason why not. */
export async function addPrompts(
  comparison: Comparison,
  sides: readonly Side[],
): Promise<Comparison> {
  const isNeeded = comparison.candidates.some(({ quality }) => quality.worst.length > 0);
  if (!isNeeded) return comparison;
  const reasons: string[] = [];
  const find = await openTexts(sides[0]!.runs[0]!.record, (why) => reasons.push(why));
  const textsAbsentBecause = reasons[0] ?? null;
  const fill = (quality: QualityComparison): QualityComparison => ({
    ...quality,
    textsAbsentBecause: quality.worst.length === 0 ? null : textsAbsentBecause,
    worst: quality.worst.map((sample) => ({ ...sample, ...textsOf(sample, find) })),
  });
  const candidates = comparison.candidates.map((candidate) => ({
    ...candidate,
    quality: fill(candidate.quality),
  }));
  return { ...comparison, candidates };
}

function textsOf(
  { id, sampleIndex }: WorsenedSample,
  find: (index: number) => Sample | null,
): Pick<WorsenedSample, 'prompt' | 'expected'> {
  const sample = find(sampleIndex);
  if (sample === null || sample.id !== id) return { prompt: null, expected: null };
  const expected =
    sample.kind === 'choice' ? (sample.choices[sample.answer] ?? null) : sample.reference;
  return { prompt: sample.prompt === '' ? null : sample.prompt, expected };
}
