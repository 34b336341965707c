// How good were a pass's answers? Turns the responses that LoadGen logged into what the scorers read, each sample once,
// and judges the metrics by the model's targets.

import type { TestOutcome } from '../loadgen/index.js';
import {
  type AccuracyTarget,
  type ChoiceScore,
  type GenerationScore,
  type JudgedTarget,
  judgeTargets,
  loadEnglishPunkt,
  SentenceSplitter,
  scoreChoices,
  scoreGeneration,
} from './accuracy/index.js';
import type { ModelConfig } from './config.js';
import { type TargetMetric, targetKinds } from './run-config.js';
import type { DatasetLibrary } from './sample-library.js';
import { decodeChoice } from './sut/choice-response.js';

export interface ScoredPass {
  readonly score: GenerationScore | ChoiceScore;
  readonly targets: readonly JudgedTarget[];
  /** Metrics of `score.samples` by sample index. */
  readonly bySample: ReadonlyMap<number, SampleScore>;
  readonly samplesScored: number;
}

export type SampleScore = GenerationScore['samples'][number] | ChoiceScore['samples'][number];

/** What the targets say of a pass of which nothing was scored: not met. */
export function judgeUnscored(library: DatasetLibrary, model: ModelConfig): JudgedTarget[] {
  return judgeTargets({}, listTargets(model, library.dataset.name));
}

/** null when nothing was answered. */
export function scorePass(
  outcome: TestOutcome,
  library: DatasetLibrary,
  model: ModelConfig,
): ScoredPass | null {
  const answers = firstAnswers(outcome);
  if (answers.size === 0) return null;
  const indices = [...answers.keys()].sort((a, b) => a - b);
  const score =
    library.dataset.kind === 'generation'
      ? scoreTexts(indices, answers, library)
      : scoreQuestions(indices, answers, library);
  const targets = judgeTargets(score.metrics, listTargets(model, library.dataset.name));
  return {
    score,
    targets,
    bySample: new Map(indices.map((index, row) => [index, score.samples[row]!])),
    samplesScored: score.samples.length,
  };
}

/** The text of generated tokens; '' without a tokenizer. */
export function decodeText(tokens: Int32Array, library: DatasetLibrary): string {
  return library.tokenizer?.decode(tokens) ?? '';
}

/** Response bytes by sample index; should a sample have been issued twice, its first answer counts. */
function firstAnswers(outcome: TestOutcome): Map<number, Uint8Array> {
  const answers = new Map<number, Uint8Array>();
  for (const { sampleIndex, data } of outcome.responses) {
    if (!answers.has(sampleIndex)) answers.set(sampleIndex, data);
  }
  return answers;
}

function scoreTexts(
  indices: readonly number[],
  answers: ReadonlyMap<number, Uint8Array>,
  library: DatasetLibrary,
): GenerationScore {
  const splitter = new SentenceSplitter(loadEnglishPunkt());
  return scoreGeneration(
    indices.map((index) => {
      const sample = library.sample(index);
      if (sample.kind !== 'generation') throw new Error(`sample ${index} has no reference text`);
      const tokens = readTokens(answers.get(index)!);
      return {
        id: sample.id,
        prediction: decodeText(tokens, library),
        reference: sample.reference,
        tokenCount: tokens.length,
      };
    }),
    (text) => splitter.split(text),
  );
}

function scoreQuestions(
  indices: readonly number[],
  answers: ReadonlyMap<number, Uint8Array>,
  library: DatasetLibrary,
): ChoiceScore {
  return scoreChoices(
    indices.map((index) => {
      const sample = library.sample(index);
      if (sample.kind !== 'choice') throw new Error(`sample ${index} has no choices`);
      const { id, subject, answer } = sample;
      const logProbs = decodeChoice(answers.get(index)!);
      if (logProbs.length === sample.choices.length) return { id, subject, answer, logProbs };
      // A system that computes nothing says nothing of any choice: that is wrong, not a lucky guess.
      const wrong = Float64Array.from(sample.choices, (_, choice) =>
        choice === answer ? Number.NEGATIVE_INFINITY : 0,
      );
      return { id, subject, answer, logProbs: wrong };
    }),
  );
}

/** Copies, since a response's bytes need not be aligned. */
function readTokens(data: Uint8Array): Int32Array {
  return new Int32Array(data.slice().buffer, 0, Math.floor(data.byteLength / 4));
}

/** The references that are known; a null one is reported and not judged. */
function listTargets(model: ModelConfig, dataset: string): AccuracyTarget[] {
  const terms = model.accuracy[dataset];
  if (terms === undefined) return [];
  return Object.entries(terms.references).flatMap(([name, reference]) => {
    if (reference === null) return [];
    const metric = name as TargetMetric;
    const factor = terms.factors[name] ?? terms.factor;
    return [{ metric, kind: targetKinds[metric], reference, factor }];
  });
}
