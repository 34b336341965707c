// What stands in accuracy.txt? The form that MLCommons' submission checker reads with regular expressions:
// single-quoted keys, one blank, plain numbers, floats always with a decimal point. The hash line is packaging's.
import type { ChoiceScore } from './choice-score.js';
import type { GenerationScore } from './generation-score.js';
import type { GenerationMetricName } from './metrics.js';

/** (metric, key in the file, whether Python's scripts hold it as a float), in the reference script's order. */
const GENERATION_KEYS: readonly (readonly [GenerationMetricName, string, boolean])[] = [
  ['rouge1', 'rouge1', true],
  ['rouge2', 'rouge2', true],
  ['rougeL', 'rougeL', true],
  ['rougeLsum', 'rougeLsum', true],
  ['genLen', 'gen_len', false],
  ['genNum', 'gen_num', false],
  ['genTokLen', 'gen_tok_len', false],
  ['tokensPerSample', 'tokens_per_sample', true],
];

/** What a metric is called in the file. */
export const generationKeys: ReadonlyMap<string, string> = new Map(
  GENERATION_KEYS.map(([metric, key]) => [metric, key]),
);

/** The whole text of accuracy.txt, last newline included. */
export function formatAccuracyText(score: GenerationScore | ChoiceScore): string {
  return score.kind === 'generation'
    ? `\nResults\n\n${formatDictionary(score)}\n`
    : `accuracy=${score.metrics.mmlu.toFixed(3)}%, good=${score.correct}, total=${score.total}\n`;
}

function formatDictionary({ metrics }: GenerationScore): string {
  const entries = GENERATION_KEYS.map(([metric, key, isFloat]) => {
    const value = metrics[metric];
    return `'${key}': ${isFloat ? formatFloat(value) : String(value)}`;
  });
  return `{${entries.join(', ')}}`;
}

/** The checker asks for digits around a decimal point, so 44 is 44.0 and 0.00005 is never 5e-5. */
function formatFloat(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
