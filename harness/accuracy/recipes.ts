// How does each MLPerf benchmark score its answers, and against which references? Facts of MLCommons' scripts
// (language/*/evaluat*.py) and of its submission checker (commit b66003e1); computing is generation-score.ts's business.

import type { GenerationScore } from './generation-score.js';
import type { AccuracyTarget } from './targets.js';

export type RecipeName = 'llama2-70b' | 'llama3.1-8b' | 'llama3.1-8b-edge' | 'gpt-j';

export interface ScoreRecipe {
  readonly name: RecipeName;
  /** Answers that make a whole accuracy pass. */
  readonly samples: number;
  /** Without the factor of 0.99 or 0.999. */
  readonly references: readonly (readonly [AccuracyTarget['metric'], number])[];
  /** The generated length: at least 0.9 of it, and no more than 1.1 where there is a ceiling. */
  readonly length: {
    readonly metric: 'tokensPerSample' | 'genLen';
    readonly reference: number;
    readonly hasCeiling: boolean;
  };
  /** Whether the script prints token counts too. */
  readonly countsTokens: boolean;
}

const recipes: readonly ScoreRecipe[] = [
  {
    name: 'llama2-70b',
    samples: 24_576,
    references: [
      ['rouge1', 44.4312],
      ['rouge2', 22.0352],
      ['rougeL', 28.6162],
    ],
    length: { metric: 'tokensPerSample', reference: 294.45, hasCeiling: true },
    countsTokens: true,
  },
  {
    name: 'llama3.1-8b',
    samples: 13_368,
    references: [
      ['rouge1', 38.7792],
      ['rouge2', 15.9075],
      ['rougeL', 24.4957],
      ['rougeLsum', 35.793],
    ],
    length: { metric: 'genLen', reference: 8_167_644, hasCeiling: true },
    countsTokens: false,
  },
  {
    name: 'llama3.1-8b-edge',
    samples: 5000,
    references: [
      ['rouge1', 39.06],
      ['rouge2', 16.1147],
      ['rougeL', 24.6375],
      ['rougeLsum', 36.124],
    ],
    length: { metric: 'genLen', reference: 3_051_113, hasCeiling: true },
    countsTokens: false,
  },
  {
    name: 'gpt-j',
    samples: 13_368,
    references: [
      ['rouge1', 42.9865],
      ['rouge2', 20.1235],
      ['rougeL', 29.9881],
    ],
    length: { metric: 'genLen', reference: 4_016_878, hasCeiling: false },
    countsTokens: false,
  },
];

export const recipeNames: readonly RecipeName[] = recipes.map(({ name }) => name);

/** "llama2-70b-99.9" is llama2-70b at 0.999; without a number it is 0.99. null: there is none of that name. */
export function findRecipe(
  name: string,
): { readonly recipe: ScoreRecipe; readonly factor: number } | null {
  const [, base = name, level] = /^(.*?)(?:-(99|99\.9))?$/.exec(name) ?? [];
  const official = base === 'gptj' ? 'gpt-j' : base.replace(/^llama3_1-/, 'llama3.1-');
  const recipe = recipes.find((candidate) => candidate.name === official);
  return recipe === undefined ? null : { recipe, factor: level === '99.9' ? 0.999 : 0.99 };
}

/** What a whole pass must reach. */
export function listRecipeTargets(recipe: ScoreRecipe, factor: number): AccuracyTarget[] {
  const { metric, reference, hasCeiling } = recipe.length;
  return [
    ...recipe.references.map(
      ([name, value]): AccuracyTarget => ({
        metric: name,
        kind: 'at-least',
        reference: value,
        factor,
      }),
    ),
    { metric, kind: hasCeiling ? 'within' : 'at-least', reference, factor: 0.9 },
  ];
}

/** The lines that the benchmark's own script prints, last newline included. */
export function formatRecipeText({ countsTokens }: ScoreRecipe, score: GenerationScore): string {
  const { metrics } = score;
  const float = (value: number) => (Number.isInteger(value) ? value.toFixed(1) : String(value));
  const rouge = (['rouge1', 'rouge2', 'rougeL', 'rougeLsum'] as const).map((key) =>
    countsTokens ? `'${key}': ${float(metrics[key])}` : `'${key}': '${float(metrics[key])}'`,
  );
  const lengths = [`'gen_len': ${metrics.genLen}`, `'gen_num': ${metrics.genNum}`];
  const tokens = [
    `'gen_tok_len': ${metrics.genTokLen}`,
    `'tokens_per_sample': ${float(metrics.tokensPerSample)}`,
  ];
  const entries = [...rouge, ...lengths, ...(countsTokens ? tokens : [])];
  return `\nResults\n\n{${entries.join(', ')}}\n`;
}
