// Which quality numbers there are, what they are called in run.json and in accuracy.txt, and in which unit.
// How each is computed is the scorers' business (generation-score.ts, choice-score.ts).

/**
 * One quality number of a whole run.
 * - `rouge1` ... `rougeLsum`: mean F-measure in percent, 4 decimals
 * - `genLen`: characters of all stripped predictions together
 * - `genNum`: predictions scored
 * - `genTokLen`: generated tokens of all predictions together
 * - `tokensPerSample`: genTokLen / genNum, 1 decimal
 * - `mmlu`: multiple-choice questions answered right, in percent; `mmluStderr`: its standard error, in percent
 */
export type MetricName =
  | 'rouge1'
  | 'rouge2'
  | 'rougeL'
  | 'rougeLsum'
  | 'genLen'
  | 'genNum'
  | 'genTokLen'
  | 'tokensPerSample'
  | 'mmlu'
  | 'mmluStderr';

/** The metrics of one run; one that was not measured is absent. */
export type AccuracyMetrics = Readonly<Partial<Record<MetricName, number>>>;

/**
 * Standard errors of the metrics that are means over samples, in the metric's own unit and not rounded: the sample deviation
 * (n - 1) over the root of n. Of a single sample there is none.
 */
export type StandardErrors = Readonly<Partial<Record<MetricName, number>>>;

export type GenerationMetricName = Exclude<MetricName, 'mmlu' | 'mmluStderr'>;
export type ChoiceMetricName = 'mmlu' | 'mmluStderr';
