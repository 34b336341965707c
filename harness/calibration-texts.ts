// Which texts does a quantizer look at? Rows of calibration splits, question and answer together as a model meets them
// in a run, picked by a hash of their place: the same rows everywhere, and no pattern of the dataset's order in them.

import { createHash } from 'node:crypto';
import { openDataset, type Sample, type Tokenizer } from '../datasets/index.js';

export interface CalibrationTexts {
  readonly sequences: readonly Int32Array[];
  /** What was taken from where. */
  readonly sources: readonly CalibrationSource[];
}

export interface CalibrationSource {
  readonly dataset: string;
  readonly digest: string;
  /** Row numbers of the calibration split, in the order they were read. */
  readonly rows: readonly number[];
}

/** How many rows each dataset gives: an even share, the first ones one more where it does not come out even. */
export function shareSamples(samples: number, datasets: number): number[] {
  return Array.from(
    { length: datasets },
    (_, i) => Math.floor(samples / datasets) + (i < samples % datasets ? 1 : 0),
  );
}

/** @throws RangeError when a dataset has fewer rows than its share. */
export function readCalibrationTexts(
  datasets: readonly string[],
  samples: number,
  tokenizer: Tokenizer,
  maxTokens: number,
): CalibrationTexts {
  const shares = shareSamples(samples, datasets.length);
  const sequences: Int32Array[] = [];
  const sources = datasets.map((name, i) => {
    const dataset = openDataset(name, 'calibration');
    const share = shares[i]!;
    if (share > dataset.length) {
      throw new RangeError(
        `samples asks ${share} rows of ${name}; allowed: up to ${dataset.length}, its calibration split`,
      );
    }
    const rows = pickRows(name, dataset.length, share);
    for (const row of rows) sequences.push(encode(dataset.sample(row), tokenizer, maxTokens));
    return { dataset: name, digest: dataset.digest(), rows };
  });
  return { sequences, sources };
}

function pickRows(name: string, length: number, count: number): number[] {
  const keyed = Array.from({ length }, (_, row) => ({
    row,
    key: createHash('sha256').update(`${name} ${row}`).digest('hex'),
  }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  return keyed.slice(0, count).map(({ row }) => row);
}

/** BOS, prompt, answer, EOS; cut to `maxTokens`. Prompt and answer apart, as prompt and generated tokens are in a run. */
function encode(sample: Sample, tokenizer: Tokenizer, maxTokens: number): Int32Array {
  const answer = sample.kind === 'choice' ? sample.choices[sample.answer]! : sample.reference;
  const bos = tokenizer.bosId === null ? [] : [tokenizer.bosId];
  const tokens = [
    ...bos,
    ...tokenizer.encode(sample.prompt),
    ...tokenizer.encode(answer),
    tokenizer.eosId,
  ];
  return Int32Array.from(tokens.slice(0, maxTokens));
}
