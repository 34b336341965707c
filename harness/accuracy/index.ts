// The scorers' door: answers in, metrics, per-sample scores and judged targets out. Reading datasets, turning
// tokens into text and writing files is the harness's business.
export {
  type AccuracyLog,
  type AccuracyLogOptions,
  type AccuracyRecord,
  countOthers,
  parseAccuracyLog,
  readAccuracyLog,
  type TokenType,
} from './accuracy-log.js';
export { formatAccuracyText, generationKeys } from './accuracy-text.js';
export {
  type ChoiceItem,
  type ChoiceSampleScore,
  type ChoiceScore,
  type SubjectScore,
  scoreChoices,
} from './choice-score.js';
export {
  type GenerationItem,
  type GenerationSampleScore,
  type GenerationScore,
  type SplitSentences,
  scoreGeneration,
} from './generation-score.js';
export type { AccuracyMetrics, MetricName, StandardErrors } from './metrics.js';
export { type PunktEdition, SentenceSplitter } from './punkt.js';
export { loadEnglishPunkt, type PunktParameters, readPunktFolder } from './punkt-parameters.js';
export { type AccuracyTarget, type JudgedTarget, judgeTargets } from './targets.js';
