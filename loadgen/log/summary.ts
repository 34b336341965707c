// mlperf_log_summary.txt: the result as a person reads it, in LoadGen's exact layout.

import { ratesOf, type SeriesResult } from '../series-result.js';
import { listedPercentiles, percentileOf, truncatedMean } from '../statistics.js';
import { ordinal, type Verdict } from '../verdict.js';
import { formatFixed, formatGeneral } from './number-format.js';

const rule = '='.repeat(48);

function banner(title: string): string[] {
  return [rule, title, rule];
}

function fixed2(value: number): string {
  return formatFixed(value, 2);
}

function headline(result: SeriesResult): string[] {
  const { settings } = result;
  const rates = ratesOf(result);
  const percentile = settings.targetLatencyPercentile;
  const atTarget = (values: Float64Array): number => percentileOf(values, percentile);
  switch (settings.scenario) {
    case 'SingleStream': {
      const name = ordinal(percentile);
      const lines = [`${name} percentile latency (ns) : ${atTarget(result.latencies)}`];
      if (settings.useTokenLatencies) {
        lines.push(`${name} first token percentile latency (ns) : ${atTarget(result.ttft)}`);
      }
      return lines;
    }
    case 'MultiStream': {
      const name = ordinal(percentile);
      const lines = [`${name} percentile latency (ns) : ${atTarget(result.queryLatencies)}`];
      if (settings.useTokenLatencies) {
        lines.push(`${name} first token percentile latency (ns) : ${atTarget(result.ttft)}`);
      }
      return lines;
    }
    case 'Offline': {
      const lines = [`Samples per second: ${formatGeneral(rates.samplesPerSecond)}`];
      if (settings.useTokenLatencies) {
        lines.push(`Tokens per second: ${formatGeneral(rates.tokensPerSecond)}`);
      }
      if (settings.inferTokenLatencies) {
        const inferred = formatGeneral(rates.inferredTokensPerSecond);
        lines.push(`Tokens per second (inferred): ${inferred}`);
      }
      return lines;
    }
    case 'Server': {
      const lines = [`Completed samples per second    : ${fixed2(rates.samplesPerSecond)}`];
      if (settings.useTokenLatencies) {
        lines.push(`Completed tokens per second: ${fixed2(rates.tokensPerSecond)}`);
      }
      if (settings.inferTokenLatencies) {
        const inferred = fixed2(rates.inferredTokensPerSecond);
        lines.push(`Completed tokens per second (inferred): ${inferred}`);
      }
      return lines;
    }
  }
}

function yesNo(met: boolean): string {
  return met ? 'Yes' : 'NO';
}

function judgement(verdict: Verdict): string[] {
  const lines = [`Result is : ${verdict.valid ? 'VALID' : 'INVALID'}`];
  if (verdict.performanceMet !== null) {
    lines.push(`  Performance constraints satisfied : ${yesNo(verdict.performanceMet)}`);
  }
  lines.push(
    `  Min duration satisfied : ${yesNo(verdict.minDurationMet)}`,
    `  Min queries satisfied : ${yesNo(verdict.minQueriesMet)}`,
    `  Early stopping satisfied: ${yesNo(verdict.earlyStoppingMet)}`,
  );
  if (verdict.valid) return lines;
  lines.push('Recommendations:');
  if (verdict.performanceAdvice !== '') lines.push(` * ${verdict.performanceAdvice}`);
  if (verdict.minDurationAdvice !== '') lines.push(` * ${verdict.minDurationAdvice}`);
  if (verdict.minQueriesAdvice !== '') {
    lines.push(
      ` * ${verdict.minQueriesAdvice}`,
      '   See the detailed log for why this may have occurred.',
    );
  }
  // Differs from loadgen: reasons it does not know.
  for (const reason of verdict.ownReasons) lines.push(` * ${reason}`);
  return lines;
}

function earlyStopping(result: SeriesResult, verdict: Verdict): string[] {
  if (result.settings.scenario === 'Offline') return [];
  if (!result.settings.useTokenLatencies) {
    return ['Early Stopping Result:', verdict.earlyStoppingText];
  }
  return [
    'TTFT Early Stopping Result:',
    verdict.earlyStoppingTtftText,
    'TPOT Early Stopping Result:',
    verdict.earlyStoppingTpotText,
  ];
}

function extremes(values: Float64Array, name: string): string[] {
  const width = `Min ${name} (ns)`.length + 16;
  const line = (what: string, value: number): string =>
    `${`${what} ${name} (ns)`.padEnd(width)}: ${value}`;
  return [
    line('Min', values[0] ?? 0),
    line('Max', values[values.length - 1] ?? 0),
    line('Mean', truncatedMean(values)),
  ];
}

function percentiles(values: Float64Array, name: string): string[] {
  return listedPercentiles.map(
    (p) => `${fixed2(p * 100)} percentile ${name} (ns)   : ${percentileOf(values, p)}`,
  );
}

function tokenStats(result: SeriesResult): string[] {
  const { settings } = result;
  const rates = ratesOf(result);
  if (settings.scenario === 'Offline') return [''];
  const lines = [''];
  if (settings.scenario === 'SingleStream') {
    lines.push(
      `TPS w/ loadgen overhead         : ${fixed2(rates.tokensPerSecondWithOverhead)}`,
      `TPS w/o loadgen overhead        : ${fixed2(rates.tokensPerSecond)}`,
    );
  }
  if (settings.scenario === 'Server') {
    lines.push(`Completed tokens per second                 : ${fixed2(rates.tokensPerSecond)}`);
  }
  lines.push(
    ...extremes(result.ttft, 'First Token latency'),
    ...percentiles(result.ttft, 'first token latency'),
    '',
    ...extremes(result.tpot, 'Time per Output Token'),
    ...percentiles(result.tpot, 'time to output token'),
  );
  return lines;
}

function additionalStats(result: SeriesResult): string[] {
  const { settings } = result;
  const rates = ratesOf(result);
  const lines: string[] = [];
  let values = result.latencies;
  if (settings.scenario === 'SingleStream') {
    lines.push(
      `QPS w/ loadgen overhead         : ${fixed2(rates.samplesPerSecond)}`,
      `QPS w/o loadgen overhead        : ${fixed2(rates.qpsWithoutOverhead)}`,
      '',
    );
  } else if (settings.scenario === 'Server') {
    lines.push(`Scheduled samples per second : ${fixed2(rates.scheduledSamplesPerSecond)}`);
  } else if (settings.scenario === 'MultiStream') {
    lines.push('Per-query latency:  ');
    values = result.queryLatencies;
  }
  lines.push(...extremes(values, 'latency'), ...percentiles(values, 'latency'));
  if (settings.useTokenLatencies) lines.push(...tokenStats(result));
  return lines;
}

function parameters(result: SeriesResult): string[] {
  const s = result.settings;
  const bit = (flag: boolean): number => (flag ? 1 : 0);
  const limits = s.useTokenLatencies
    ? [`ttft_latency (ns): ${s.serverTtftLatencyNs}`, `tpot_latency (ns): ${s.serverTpotLatencyNs}`]
    : [`target_latency (ns): ${s.targetLatencyNs}`];
  const lines = [
    `samples_per_query : ${s.samplesPerQuery}`,
    `target_qps : ${formatGeneral(s.targetQps)}`,
    ...limits,
    `max_async_queries : ${s.maxAsyncQueries}`,
    `min_duration (ms): ${s.minDurationMs}`,
    `max_duration (ms): ${s.maxDurationMs}`,
    `min_query_count : ${s.minQueryCount}`,
    `max_query_count : ${s.maxQueryCount}`,
    `qsl_rng_seed : ${s.qslRngSeed}`,
    `sample_index_rng_seed : ${s.sampleIndexRngSeed}`,
    `schedule_rng_seed : ${s.scheduleRngSeed}`,
    `accuracy_log_rng_seed : ${s.accuracyLogRngSeed}`,
    `accuracy_log_probability : ${formatGeneral(s.accuracyLogProbability)}`,
    `accuracy_log_sampling_target : ${s.accuracyLogSamplingTarget}`,
    `print_timestamps : ${bit(s.printTimestamps)}`,
    `performance_issue_unique : ${bit(s.performanceIssueUnique)}`,
    `performance_issue_same : ${bit(s.performanceIssueSame)}`,
    `performance_issue_same_index : ${s.performanceIssueSameIndex}`,
    `performance_sample_count : ${s.performanceSampleCount}`,
    `accuracy_sample_count : ${s.accuracySampleCount}`,
  ];
  if (s.sampleConcatenatePermutation) {
    lines.push(
      'WARNING: sample_concatenate_permutation was set to true. ',
      'Generated samples per query might be different as the one in the setting.',
      'Check the generated_samples_per_query line in the detailed log for the real',
      'samples_per_query value',
    );
  }
  return lines;
}

/** The part a performance series writes. */
export function performanceSummary(
  sutName: string,
  result: SeriesResult,
  verdict: Verdict,
): string {
  const lines = [
    ...banner('MLPerf Results Summary'),
    `SUT name : ${sutName}`,
    `Scenario : ${result.settings.scenario}`,
    `Mode     : ${result.settings.mode}`,
    ...headline(result),
    ...judgement(verdict),
    ...earlyStopping(result, verdict),
    '',
    ...banner('Additional Stats'),
    ...additionalStats(result),
    '',
    ...banner('Test Parameters Used'),
    ...parameters(result),
  ];
  return `${lines.join('\n')}\n`;
}

/** The two lines every summary ends with. */
export function faultSummary(warnings: number, errors: number): string {
  const see = 'encountered. See detailed log.';
  const warningLine =
    warnings === 0
      ? 'No warnings encountered during test.'
      : `${warnings} ${warnings === 1 ? 'warning' : 'warnings'} ${see}`;
  const errorLine =
    errors === 0
      ? 'No errors encountered during test.'
      : `${errors} ${errors === 1 ? 'ERROR' : 'ERRORS'} ${see}`;
  return `\n${warningLine}\n\n${errorLine}\n`;
}
