// Where the golden ROUGE files are and how they read. A file of a kind not known here is an error, not skipped.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROUGE_TYPES = ['rouge1', 'rouge2', 'rougeL', 'rougeLsum'] as const;
export type RougeType = (typeof ROUGE_TYPES)[number];

export type GoldenPair = Readonly<Record<RougeType, number>> & {
  readonly ref: string;
  readonly pred: string;
  readonly precision?: Readonly<Record<RougeType, number>>;
  readonly recall?: Readonly<Record<RougeType, number>>;
};

export interface GoldenRecipe {
  readonly last_pairs: number;
  readonly token_counts: readonly number[];
  readonly printed: string;
}

const goldenFolder =
  process.env.GOLDEN_DIR === undefined
    ? fileURLToPath(new URL('../../golden/rouge', import.meta.url))
    : join(process.env.GOLDEN_DIR, 'rouge');

const kinds = {
  pairs: /^pairs.*\.json$/,
  porter: /^porter.*\.tsv$/,
  recipe: /^recipe.*\.json$/,
} as const;

/** The golden files of one kind, by name. */
export function listGoldenFiles(kind: keyof typeof kinds): string[] {
  const names = readdirSync(goldenFolder).filter((name) => !/\.(md|py)$/.test(name));
  for (const name of names) {
    if (!Object.values(kinds).some((pattern) => pattern.test(name))) {
      throw new Error(`no test reads ${join(goldenFolder, name)}`);
    }
  }
  return names.filter((name) => kinds[kind].test(name)).sort();
}

export function readGoldenText(name: string): string {
  return readFileSync(join(goldenFolder, name), 'utf8');
}

export function readGoldenPairs(name: string): readonly GoldenPair[] {
  return (JSON.parse(readGoldenText(name)) as { cases: GoldenPair[] }).cases;
}

export function readGoldenRecipes(name: string): readonly GoldenRecipe[] {
  return (JSON.parse(readGoldenText(name)) as { cases: GoldenRecipe[] }).cases;
}
