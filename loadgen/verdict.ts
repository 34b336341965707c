// VALID or INVALID: the constraints a performance series must meet, the advice when it does not, and early stopping.
// Texts are LoadGen's; where they are printed is the log files' business.

import { earlyEstimate, leastUnderLatencyCount } from './early-stopping.js';
import { formatFixed } from './log/number-format.js';
import { countAbove, type SeriesResult } from './series-result.js';
import { percentileOf } from './statistics.js';

/** Early stopping's answer for one list of latencies. */
interface EarlyStopping {
  readonly met: boolean;
  readonly text: string;
  /** Certified estimate at the target percentile; 0 when there is none. */
  readonly targetEstimateNs: number;
  /** SingleStream's second estimate, at the 99th percentile; 0 when there is none. */
  readonly p99EstimateNs: number;
}

/** The judgement of one performance series. */
export interface Verdict {
  readonly valid: boolean;
  /** Null where the scenario has no performance constraint. */
  readonly performanceMet: boolean | null;
  readonly minDurationMet: boolean;
  readonly minQueriesMet: boolean;
  readonly earlyStoppingMet: boolean;
  /** Empty when met or with token latencies. */
  readonly performanceAdvice: string;
  readonly minDurationAdvice: string;
  readonly minQueriesAdvice: string;
  /** One text, or with token latencies those of TTFT and TPOT. */
  readonly earlyStoppingText: string;
  readonly earlyStoppingTtftText: string;
  readonly earlyStoppingTpotText: string;
  readonly earlyStoppingTargetNs: number;
  readonly earlyStoppingP99Ns: number;
  /** Reasons that LoadGen does not know: failed samples, an interruption. */
  readonly ownReasons: readonly string[];
}

const exitedEarly = 'The test exited early, before enough queries were issued.';
const p99 = 0.99;
const reduceQps = 'Reduce target QPS to improve latency.';

/** The performance constraint alone; it is also what decides a probe of find-peak. */
export function performanceConstraint(result: SeriesResult): { met: boolean; advice: string } {
  const { settings } = result;
  if (settings.scenario !== 'Server') return { met: true, advice: '' };
  const keeps = (values: Float64Array, limit: number): boolean =>
    percentileOf(values, settings.targetLatencyPercentile) <= limit;
  if (!settings.useTokenLatencies) {
    const met = keeps(result.latencies, settings.targetLatencyNs);
    return { met, advice: met ? '' : reduceQps };
  }
  const advice: string[] = [];
  if (!keeps(result.ttft, settings.serverTtftLatencyNs)) {
    advice.push(`TTFT constrain not met: ${reduceQps}`);
  }
  if (!keeps(result.tpot, settings.serverTpotLatencyNs)) {
    advice.push(`TPOT constrain not met: ${reduceQps}`);
  }
  return { met: advice.length === 0, advice: advice.join('\n * ') };
}

function minDuration(result: SeriesResult): { met: boolean; advice: string } {
  const { settings } = result;
  const leastS = settings.minDurationMs / 1000;
  switch (settings.scenario) {
    case 'Offline':
      return {
        met: result.maxLatencyNs >= settings.minDurationMs * 1e6,
        advice: 'Increase expected QPS so the loadgen pre-generates a larger (coalesced) query.',
      };
    case 'Server':
      return {
        met: result.finalScheduledS >= leastS,
        advice: 'Increase the target QPS so the loadgen pre-generates more queries.',
      };
    case 'SingleStream':
    case 'MultiStream':
      return {
        met: result.finalIssuedS >= leastS,
        advice: 'Decrease the expected latency so the loadgen pre-generates more queries.',
      };
  }
}

/** Server: do so many queries with so many over the limit make the percentile certain? */
function certainWithin(values: Float64Array, limit: number, result: SeriesResult): EarlyStopping {
  const over = countAbove(values, limit);
  const percentile = result.settings.targetLatencyPercentile;
  const needed = leastUnderLatencyCount(over, { percentile }) + over;
  const met = result.queryCount >= needed;
  const text = met
    ? ' * Run successful.'
    : [
        ' * Run unsuccessful.',
        ` * Processed ${result.queryCount} queries.`,
        ` * Would need to run at least ${needed - result.queryCount} more queries,`,
        ' with the run being successful if every additional',
        ' query were under latency.',
      ].join('\n');
  return { met, text, targetEstimateNs: 0, p99EstimateNs: 0 };
}

/** SingleStream and MultiStream: what estimate do so many queries certify? */
function certifiedEstimate(values: Float64Array, result: SeriesResult): EarlyStopping {
  const { settings, queryCount } = result;
  const percentile = settings.targetLatencyPercentile;
  const target = earlyEstimate(queryCount, { percentile });
  if (!target.met) {
    const text = [
      ` * Only processed ${queryCount} queries.`,
      ` * Need to process at least ${target.queriesNeeded} queries for early stopping.`,
    ].join('\n');
    return { met: false, text, targetEstimateNs: 0, p99EstimateNs: 0 };
  }
  const targetEstimateNs = values[target.index] ?? 0;
  const lines = [
    ` * Processed at least ${target.queriesNeeded} queries (${queryCount}).`,
    ` * Would discard ${target.discarded} highest latency queries.`,
    ` * Early stopping ${ordinal(percentile)} percentile estimate: ${targetEstimateNs}`,
  ];
  let p99EstimateNs = 0;
  if (settings.scenario === 'SingleStream') {
    const second = earlyEstimate(queryCount, { percentile: p99 });
    if (second.met) {
      p99EstimateNs = values[second.index] ?? 0;
      lines.push(` * Early stopping ${ordinal(p99)} percentile estimate: ${p99EstimateNs}`);
    } else {
      lines.push(
        ` * Not enough queries processed for ${ordinal(p99)} percentile`,
        ' early stopping estimate (would need to process at',
        ` least ${second.queriesNeeded} total queries).`,
      );
    }
  }
  return { met: true, text: lines.join('\n'), targetEstimateNs, p99EstimateNs };
}

/** 0.9 -> 90.0th. */
export function ordinal(percentile: number): string {
  return `${formatFixed(percentile * 100, 1)}th`;
}

const notAsked: EarlyStopping = { met: true, text: '', targetEstimateNs: 0, p99EstimateNs: 0 };

/** Early stopping on latencies, or on TPOT and then (only if that passed) TTFT. */
function earlyStopping(result: SeriesResult): {
  plain: EarlyStopping;
  ttft: EarlyStopping;
  tpot: EarlyStopping;
} {
  const { settings } = result;
  const answer = { plain: notAsked, ttft: notAsked, tpot: notAsked };
  if (settings.scenario === 'Offline') return answer;
  const isServer = settings.scenario === 'Server';
  const isMulti = settings.scenario === 'MultiStream';
  const judge = (values: Float64Array, limit: number): EarlyStopping =>
    isServer
      ? certainWithin(values, limit, result)
      : certifiedEstimate(isMulti ? result.queryLatencies : values, result);
  if (!settings.useTokenLatencies) {
    answer.plain = judge(result.latencies, settings.targetLatencyNs);
    return answer;
  }
  answer.tpot = judge(result.tpot, settings.serverTpotLatencyNs);
  if (answer.tpot.met) answer.ttft = judge(result.ttft, settings.serverTtftLatencyNs);
  return answer;
}

/**
 * Judges a performance series.
 * @param ownReasons reasons beyond LoadGen's rules; any of them makes the run INVALID.
 */
export function judgeSeries(result: SeriesResult, ownReasons: readonly string[]): Verdict {
  const { settings } = result;
  const performance = performanceConstraint(result);
  const duration = minDuration(result);
  const minQueriesMet =
    result.queryCount >= settings.minQueryCount && result.sampleCount >= settings.minSampleCount;
  const early = earlyStopping(result);
  const earlyStoppingMet = early.plain.met && early.ttft.met && early.tpot.met;
  // The estimates printed are the last ones made.
  const last = !settings.useTokenLatencies ? early.plain : early.tpot.met ? early.ttft : early.tpot;
  return {
    valid:
      performance.met &&
      duration.met &&
      minQueriesMet &&
      earlyStoppingMet &&
      ownReasons.length === 0,
    performanceMet: settings.scenario === 'Server' ? performance.met : null,
    minDurationMet: duration.met,
    minQueriesMet,
    earlyStoppingMet,
    performanceAdvice: performance.advice,
    minDurationAdvice: duration.met ? '' : duration.advice,
    minQueriesAdvice: minQueriesMet ? '' : exitedEarly,
    earlyStoppingText: early.plain.text,
    earlyStoppingTtftText: early.ttft.text,
    earlyStoppingTpotText: early.tpot.text,
    earlyStoppingTargetNs: last.targetEstimateNs,
    earlyStoppingP99Ns: last.p99EstimateNs,
    ownReasons,
  };
}

/** What result_invalid_reason says; Differs from loadgen: reasons of our own are appended. */
export function invalidReason(verdict: Verdict): string {
  const advice = [verdict.performanceAdvice, verdict.minDurationAdvice]
    .filter((text) => text !== '')
    .map((text) => `${text.replaceAll('\n', ' ')} `)
    .join('');
  const loadgenReason = advice + verdict.minQueriesAdvice;
  return [loadgenReason, ...verdict.ownReasons].filter((text) => text !== '').join(' ');
}

/** Early stopping's complaint on one line; with token latencies, that of whichever failed. */
function earlyStoppingComplaint(verdict: Verdict): string {
  const texts = [
    verdict.earlyStoppingText,
    verdict.earlyStoppingTpotText,
    verdict.earlyStoppingTtftText,
  ];
  const complaint = texts.find((text) => /unsuccessful|Only processed/.test(text)) ?? '';
  return `Early stopping not satisfied: ${complaint.replaceAll(/\s+(\* )?/g, ' ').trim()}`;
}

/** The same as a list, for people and programs. */
export function invalidReasons(verdict: Verdict): string[] {
  const reasons = [
    ...verdict.performanceAdvice.split('\n * '),
    verdict.minDurationAdvice,
    verdict.minQueriesAdvice,
    verdict.earlyStoppingMet ? '' : earlyStoppingComplaint(verdict),
  ];
  return [...reasons.filter((text) => text !== ''), ...verdict.ownReasons];
}
