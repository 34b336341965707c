// The statistics' door: intervals, tests and decisions about what was measured. Pure arithmetic: numbers in, numbers out.

export { incompleteBeta, logIncompleteBeta } from './beta.js';
export { binomialCdf, binomialQuantile, binomialUpperTail, logBinomialCdf } from './binomial.js';
export { type BootstrapOptions, bootstrapSums, type SumStatistic } from './bootstrap.js';
export {
  type ClusteredProportion,
  proportionBound,
  proportionTail,
  weighProportion,
} from './clustered-proportion.js';
export {
  type EstimateOrReason,
  type Interval,
  type IntervalOrReason,
  meanOf,
  refuse,
  type TailTest,
} from './interval.js';
export { adjustBenjaminiHochberg, adjustHolm, bonferroniAlpha } from './multiplicity.js';
export {
  judgeNonInferiority,
  judgeTogether,
  type Margin,
  type NonInferiority,
  type NonInferiorityQuestion,
  usualPower,
} from './non-inferiority.js';
export { normalCdf, normalQuantile } from './normal.js';
export { bootstrapMeanDifference } from './paired-bootstrap.js';
export {
  countOutcomes,
  type McNemarTest,
  type PairedCounts,
  tangoInterval,
  tangoTail,
  testMcNemar,
} from './paired-proportions.js';
export {
  bootstrapPercentileRatio,
  fewestForPercentile,
  percentileInterval,
} from './percentile-interval.js';
export { bootstrapPerplexityRatio } from './perplexity-ratio.js';
export { wilsonInterval } from './proportion.js';
export { Xoshiro128 } from './random.js';
export { decideRegression, type GateDecision, type GateRule } from './regression-gate.js';
export {
  geometricMean,
  geometricMeanInterval,
  leastShownRatio,
  planRatio,
  type RunDesign,
  ratioOfRepeats,
} from './repeated-runs.js';
export { leastInteger } from './root.js';
export { studentCdf, studentQuantile } from './student-t.js';
export { batchMeansRatio, type CompletionSeries } from './throughput-ratio.js';
export {
  type AgreementSummary,
  agreementByPosition,
  compareTokens,
  type PositionAgreement,
  type Spread,
  summarizeAgreement,
  type TokenAgreement,
} from './token-agreement.js';
export { itemsIfUnvaried, unvariedDifference } from './unvaried.js';
