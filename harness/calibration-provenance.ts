// May a quantizer look at these texts, and did it look at what a run asks? Scores on what was seen flatter a quantized model.
// Evaluations are known by checksum, by the place a split has in its distribution, or by what the text begins with.

import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Dataset, publishedFiles } from '../datasets/index.js';
import { reportFile } from './quantized-folder.js';

/** Splits that `bench eval` and MLPerf ask, by how the files and folders that hold them are called. */
const evaluationSplits: readonly {
  readonly of: string;
  readonly folder: RegExp;
  readonly split: RegExp;
}[] = [
  { of: "MMLU's test split", folder: /mmlu/i, split: /(^|[/_.-])test/i },
  { of: "wikitext's test split", folder: /wikitext|wiki[._-]/i, split: /(^|[/_.-])test/i },
  { of: "GSM8K's test split", folder: /gsm8k/i, split: /(^|[/_.-])test/i },
  {
    of: "HellaSwag's validation split",
    folder: /hellaswag/i,
    split: /(^|[/_.-])(val|validation)[/_.-]/i,
  },
  {
    of: "WinoGrande's validation split",
    folder: /winogrande/i,
    split: /(^|[/_.-])(dev|val|validation)[/_.-]/i,
  },
  { of: "C-Eval's validation split", folder: /ceval/i, split: /(^|[/_.-])(val|test)[/_.-]/i },
];
/** The first article of wikitext's test split, in the raw and the tokenized variant. */
const wikitextTestHeading = /^\s*= Robert Boulter =\s*$/m;

/** What is known of a source of calibration texts. */
export interface CalibrationEvidence {
  /** As asked for: a name or a path. */
  readonly name: string;
  readonly sha256: string | null;
  /** Only of a plain text. */
  readonly text?: string;
}

/** The evaluation that these texts are; null where they are none that is known. */
export function findEvaluationSplit({ name, sha256, text }: CalibrationEvidence): string | null {
  const file = basename(name).replace(/\.gz$/, '');
  const published = publishedFiles.find(
    (known) =>
      known.name === name ||
      known.file === file ||
      (sha256 !== null && known.checksum?.sha256 === sha256),
  );
  if (published !== undefined) return `the samples of MLPerf's ${published.benchmark}`;
  if (text !== undefined && wikitextTestHeading.test(text)) return "wikitext's test split";
  const path = name.split('/').slice(-4).join('/');
  return (
    evaluationSplits.find(({ folder, split }) => folder.test(path) && split.test(path))?.of ?? null
  );
}

/** What stands in the report and on the screen where nothing is known but the file's own name; null otherwise. */
export function remarkOnName(name: string): string | null {
  if (!/(^|[/_.-])(test|eval|validation|valid|val|dev)([/_.-]|$)/i.test(basename(name)))
    return null;
  return `${basename(name)} is named like a split for evaluation: scores on it would flatter this model`;
}

/** What a run says where its own samples are what the model's quantizer looked at; null where they are not, by the report. */
export function remarkOnSeenSamples(modelFolder: string, dataset: Dataset): string | null {
  const file = join(modelFolder, reportFile);
  if (!existsSync(file)) return null;
  const { calibration = [] } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly calibration?: readonly { readonly sha256?: string | null; readonly digest: string }[];
  };
  const seen = calibration.some(
    ({ sha256, digest }) =>
      digest === dataset.digest() || (sha256 != null && sha256 === dataset.source?.sha256),
  );
  return seen ? `${seenSamples} (${reportFile}): its scores say nothing of others` : null;
}

const seenSamples = 'the model was calibrated on these samples';

/** Of the remarks of a run those that say that its scores are of samples which the quantizer saw. */
export function findSeenRemarks(remarks: readonly string[]): string[] {
  return remarks.filter((remark) => remark.startsWith(seenSamples));
}
