// How good are generated answers, by the recipe of MLPerf's llama2-70b accuracy script? ROUGE of one pair is
// rouge.ts's business. Rounding is numpy's, so that equal predictions give equal digits.
import { estimateMean } from '../eval/statistics.js';
import { countCharacters, stripBlanks } from '../python-text.js';
import type { GenerationMetricName, StandardErrors } from './metrics.js';
import { mean, roundToDecimals, roundToTenth } from './numpy-rounding.js';
import { createRougeScorer, type RougeScorer } from './rouge.js';

export interface GenerationItem {
  readonly id: string;
  readonly prediction: string;
  readonly reference: string;
  /** Tokens the model generated, as counted by who generated them. */
  readonly tokenCount: number;
}

/** One sample's F-measures in [0, 1], unrounded, and its lengths. */
export interface GenerationSampleScore {
  readonly id: string;
  readonly rouge1: number;
  readonly rouge2: number;
  readonly rougeL: number;
  readonly rougeLsum: number;
  /** Characters (Unicode code points) of the stripped prediction. */
  readonly genLen: number;
  readonly tokenCount: number;
}

export interface GenerationScore {
  readonly kind: 'generation';
  readonly metrics: Readonly<Record<GenerationMetricName, number>>;
  /** Of ROUGE and `tokensPerSample`; of sums and counts there is none. */
  readonly standardErrors: StandardErrors;
  /** In the order of the items. */
  readonly samples: readonly GenerationSampleScore[];
}

/** Cuts a text into sentences, as SentenceSplitter does. */
export type SplitSentences = (text: string) => readonly string[];

/** Texts keep their own newlines. */
const asOne: SplitSentences = (text) => [text];

/**
 * Scores generated answers. Both texts are stripped of surrounding blanks, and a newline is put between their sentences:
 * that moves ROUGE-Lsum, and genLen where blanks of another number stood there.
 * @throws RangeError on no items, or a token count that is not an integer of at least 0.
 */
export function scoreGeneration(
  items: readonly GenerationItem[],
  split: SplitSentences = asOne,
): GenerationScore {
  if (items.length === 0) {
    throw new RangeError('there are 0 answers to score; at least 1 is needed');
  }
  const scorer = createRougeScorer();
  const samples = items.map((item) => scoreSample(item, scorer, split));
  const genTokLen = samples.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
  const percent = (metric: 'rouge1' | 'rouge2' | 'rougeL' | 'rougeLsum'): number =>
    roundToDecimals(100 * mean(Float64Array.from(samples, (sample) => sample[metric])), 4);
  return {
    kind: 'generation',
    metrics: {
      rouge1: percent('rouge1'),
      rouge2: percent('rouge2'),
      rougeL: percent('rougeL'),
      rougeLsum: percent('rougeLsum'),
      genLen: samples.reduce((sum, { genLen }) => sum + genLen, 0),
      genNum: samples.length,
      genTokLen,
      tokensPerSample: roundToTenth(genTokLen / samples.length),
    },
    standardErrors: findStandardErrors(samples),
    samples,
  };
}

/** As lm-evaluation-harness's mean_stderr has them; of the metrics in percent, in percent. */
function findStandardErrors(samples: readonly GenerationSampleScore[]): StandardErrors {
  const columns = {
    rouge1: samples.map(({ rouge1 }) => 100 * rouge1),
    rouge2: samples.map(({ rouge2 }) => 100 * rouge2),
    rougeL: samples.map(({ rougeL }) => 100 * rougeL),
    rougeLsum: samples.map(({ rougeLsum }) => 100 * rougeLsum),
    tokensPerSample: samples.map(({ tokenCount }) => tokenCount),
  };
  return Object.fromEntries(
    Object.entries(columns).flatMap(([metric, values]) => {
      const { stderr } = estimateMean(values);
      return stderr === null ? [] : [[metric, stderr]];
    }),
  );
}

function scoreSample(
  item: GenerationItem,
  scorer: RougeScorer,
  split: SplitSentences,
): GenerationSampleScore {
  const { id, tokenCount } = item;
  if (!(Number.isSafeInteger(tokenCount) && tokenCount >= 0)) {
    throw new RangeError(`answer ${id}: token count ${tokenCount} is not an integer of at least 0`);
  }
  const prediction = split(stripBlanks(item.prediction)).join('\n');
  const scores = scorer.score(split(stripBlanks(item.reference)).join('\n'), prediction);
  return {
    id,
    rouge1: scores.rouge1.fMeasure,
    rouge2: scores.rouge2.fMeasure,
    rougeL: scores.rougeL.fMeasure,
    rougeLsum: scores.rougeLsum.fMeasure,
    genLen: countCharacters(prediction),
    tokenCount,
  };
}
