// Two evaluations of the same items (`bench eval`): right and wrong answers paired, perplexities over the same windows.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError, messageOf } from '../errors.js';
import type { ItemEvidence } from '../eval/evidence.js';
import { readJsonLines } from '../json-lines-file.js';
import {
  bootstrapPerplexityRatio,
  type Interval,
  judgeNonInferiority,
  type Margin,
  type NonInferiority,
} from '../statistics/index.js';
import { compareScores, type QualityDifference, type QualityTerms } from './quality.js';

export const evalComparisonSchema = 'loadmark/eval-comparison/1';

export interface EvalComparison {
  readonly schema: typeof evalComparisonSchema;
  /** One-sided, of each verdict. */
  readonly alpha: number;
  readonly sides: readonly [EvalSide, EvalSide];
  readonly accuracies: readonly TaskDifference[];
  readonly perplexities: readonly PerplexityRatio[];
  /** Items that were not asked alike on both sides, which are left out. */
  readonly leftOut: number;
}

export interface EvalSide {
  readonly path: string;
  readonly model: string;
  readonly weightFormat: string;
  readonly items: number;
}

export interface TaskDifference extends QualityDifference {
  /** MMLU's and C-Eval's subjects together. */
  readonly task: string;
}

export interface PerplexityRatio {
  readonly task: string;
  readonly unit: 'words' | 'tokens';
  /** Pages or windows. */
  readonly items: number;
  readonly baseline: number;
  readonly candidate: number;
  /** candidate / baseline, at 1 - 2 alpha; above 1 is worse. */
  readonly interval: Interval | null;
  readonly absentBecause: string | null;
  readonly margin: Margin;
  readonly judgement: NonInferiority | null;
}

const resultsFile = 'results.json';
const perplexityMargin: Margin = { kind: 'relative', value: 0.01 };

/** Whether `bench eval` wrote it. */
export function isEvalFolder(path: string): boolean {
  return existsSync(join(path, resultsFile)) && existsSync(join(path, 'items.jsonl'));
}

/** @throws InputError when a folder is not as `bench eval` left it. */
export function compareEvals(
  paths: readonly [string, string],
  terms: QualityTerms,
): EvalComparison {
  if (resolve(paths[0]) === resolve(paths[1])) {
    const message = 'is there twice; allowed: two evaluations';
    throw new InputError([{ where: `"${paths[1]}"`, message }]);
  }
  const [baseline, candidate] = paths.map(readSide) as [LoadedSide, LoadedSide];
  const ids = [...baseline.items.keys()].filter(
    (id) => baseline.items.get(id)!.prompt === candidate.items.get(id)?.prompt,
  );
  const pairs = ids.map((id) => [baseline.items.get(id)!, candidate.items.get(id)!] as const);
  const families = new Map<string, (typeof pairs)[number][]>();
  for (const pair of pairs) {
    const family = familyOf(pair[0].task);
    families.set(family, [...(families.get(family) ?? []), pair]);
  }
  const all = [...families];
  return {
    schema: evalComparisonSchema,
    alpha: terms.alpha,
    sides: [baseline.side, candidate.side],
    accuracies: all.flatMap(([task, rows]) => compareAnswers(task, rows, terms)),
    perplexities: all.flatMap(([task, rows]) => comparePerplexity(task, rows, terms.alpha) ?? []),
    leftOut: baseline.items.size + candidate.items.size - 2 * ids.length,
  };
}

type Pair = readonly [ItemEvidence, ItemEvidence];

interface LoadedSide {
  readonly side: EvalSide;
  readonly items: ReadonlyMap<string, ItemEvidence>;
}

function readSide(path: string): LoadedSide {
  try {
    const results = join(path, resultsFile);
    const { name, weightFormat } = readModel(JSON.parse(readFileSync(results, 'utf8')), results);
    const file = join(path, 'items.jsonl');
    const rows = [...readJsonLines<ItemEvidence>(file)];
    for (const [i, row] of rows.entries()) checkItem(row, `${file}, item ${i + 1}`);
    const items = new Map(rows.map((row) => [row.id, row]));
    return { side: { path, model: name, weightFormat, items: items.size }, items };
  } catch (error) {
    throw new InputError([{ where: path, message: messageOf(error) }]);
  }
}

function readModel(
  results: { readonly model?: Partial<Record<'name' | 'weightFormat', unknown>> } | null,
  file: string,
): { readonly name: string; readonly weightFormat: string } {
  const { name, weightFormat } = results?.model ?? {};
  if (typeof name === 'string' && typeof weightFormat === 'string') return { name, weightFormat };
  const lacking = typeof name === 'string' ? 'model.weightFormat' : 'model.name';
  throw new Error(`${file} has no usable ${lacking}; allowed: what bench eval wrote`);
}

/** What a comparison reads of an item; numbers are of the task. @throws Error with the field that is not usable */
function checkItem(
  { id, task, prompt, metrics, weights, logProbs }: Partial<ItemEvidence>,
  where: string,
): void {
  const isNumbers = (value: unknown) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => typeof one === 'number' && Number.isFinite(one));
  const usable = {
    id: typeof id === 'string',
    task: typeof task === 'string',
    prompt: typeof prompt === 'string',
    metrics: isNumbers(metrics),
    weights: weights === undefined || isNumbers(weights),
    'logProbs[0]': weights === undefined || typeof logProbs?.[0] === 'number',
  };
  const lacking = Object.entries(usable).find(([, isUsable]) => !isUsable);
  if (lacking === undefined) return;
  throw new Error(`${where} has no usable ${lacking[0]}; allowed: what bench eval wrote`);
}

function familyOf(task: string): string {
  return /^(mmlu|ceval)/.exec(task)?.[0] ?? task;
}

function compareAnswers(
  task: string,
  pairs: readonly Pair[],
  terms: QualityTerms,
): TaskDifference[] {
  const names = Object.keys(pairs[0]![0].metrics);
  return names.map((name) => {
    const points = (side: 0 | 1) => pairs.map((pair) => 100 * (pair[side].metrics[name] ?? 0));
    return { task, ...compareScores(name, points(0), points(1), terms) };
  });
}

function comparePerplexity(
  task: string,
  pairs: readonly Pair[],
  alpha: number,
): PerplexityRatio | null {
  const weights = pairs[0]![0].weights;
  if (weights === undefined) return null;
  const unit = weights.tokens === undefined ? 'words' : 'tokens';
  const sharesOf = (side: 0 | 1) =>
    pairs.map((pair) => ({ logProb: pair[side].logProbs![0]!, weight: pair[0].weights![unit]! }));
  const [from, to] = [sharesOf(0), sharesOf(1)];
  const { interval, reason } = bootstrapPerplexityRatio(from, to, { alpha: 2 * alpha });
  return {
    task,
    unit,
    items: pairs.length,
    baseline: perplexityOf(from),
    candidate: perplexityOf(to),
    interval,
    absentBecause: reason,
    margin: perplexityMargin,
    judgement:
      interval === null
        ? null
        : judgeNonInferiority({
            interval,
            of: 'ratio',
            better: 'lower',
            margin: perplexityMargin,
            items: pairs.length,
            alpha,
          }),
  };
}

function perplexityOf(
  shares: readonly { readonly logProb: number; readonly weight: number }[],
): number {
  const sum = (of: (share: (typeof shares)[number]) => number) =>
    shares.reduce((total, share) => total + of(share), 0);
  return Math.exp(-sum(({ logProb }) => logProb) / sum(({ weight }) => weight));
}
