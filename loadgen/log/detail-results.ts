// The detail log's account of a series: what was generated, when power was drawn, and the results with their verdict.

import type { SeriesPlan } from '../schedule.js';
import { countAbove, ratesOf, type SeriesResult } from '../series-result.js';
import { listedPercentiles, percentileOf, truncatedMean } from '../statistics.js';
import { invalidReason, type Verdict } from '../verdict.js';
import { type DetailLog, type DetailValue, double } from './detail.js';
import { formatFixed } from './number-format.js';

/** 0.9 -> 90.00 */
function percentileName(percentile: number): string {
  return formatFixed(percentile * 100, 2);
}

/** The queries of a series, before the first is issued. */
export function logGenerated(log: DetailLog, plan: SeriesPlan): void {
  log.add('loadgen.cc', 'generated_query_count', plan.queryCount);
  log.add('loadgen.cc', 'generated_samples_per_query', plan.samplesPerQuery);
  log.add('loadgen.cc', 'generated_query_duration', plan.durationNs);
}

function utcStamp(unixMs: number): string {
  const iso = new Date(unixMs).toISOString();
  return `${iso.slice(5, 10)}-${iso.slice(0, 4)} ${iso.slice(11, 23)}`;
}

/** The end of a series: LoadGen's own contention counters (there is nothing to contend here) and the power window. */
export function logSeriesEnd(log: DetailLog, beginUnixMs: number, endUnixMs: number): void {
  for (const counter of [
    'swap_request_slots_retry_count',
    'swap_request_slots_retry_retry_count',
    'swap_request_slots_retry_reencounter_count',
    'start_reading_entries_retry_count',
    'tls_total_log_cas_fail_count',
    'tls_total_swap_buffers_slot_retry_count',
  ]) {
    log.add('logging.cc', `logger_${counter}`, 0);
  }
  log.add('loadgen.cc', 'power_begin', utcStamp(beginUnixMs));
  log.add('loadgen.cc', 'power_end', utcStamp(endUnixMs));
}

/** Writes entries under results.cc. */
type Writer = (key: string, value: DetailValue) => void;

function writeVerdict(write: Writer, result: SeriesResult, verdict: Verdict): void {
  const oneLine = (text: string): string => text.replaceAll('\n', ' ');
  write('result_validity', verdict.valid ? 'VALID' : 'INVALID');
  if (verdict.performanceMet !== null) {
    write('result_perf_constraints_met', verdict.performanceMet);
  }
  write('result_min_duration_met', verdict.minDurationMet);
  write('result_min_queries_met', verdict.minQueriesMet);
  write('early_stopping_met', verdict.earlyStoppingMet);
  if (!verdict.valid) write('result_invalid_reason', invalidReason(verdict));
  if (result.settings.useTokenLatencies) {
    write('early_stopping_ttft_result', oneLine(verdict.earlyStoppingTtftText));
    write('early_stopping_tpot_result', oneLine(verdict.earlyStoppingTpotText));
  } else {
    write('early_stopping_result', oneLine(verdict.earlyStoppingText));
  }
}

function writeScenario(write: Writer, result: SeriesResult, verdict: Verdict): void {
  const rates = ratesOf(result);
  switch (result.settings.scenario) {
    case 'SingleStream':
      write('result_qps_with_loadgen_overhead', double(rates.samplesPerSecond));
      write('result_qps_without_loadgen_overhead', double(rates.qpsWithoutOverhead));
      write('early_stopping_latency_ss', verdict.earlyStoppingTargetNs);
      write('early_stopping_latency_ms', verdict.earlyStoppingP99Ns);
      return;
    case 'MultiStream': {
      const values = result.queryLatencies;
      write('result_min_query_latency_ns', values[0] ?? 0);
      write('result_max_query_latency_ns', values[values.length - 1] ?? 0);
      write('result_mean_query_latency_ns', truncatedMean(values));
      for (const p of listedPercentiles) {
        const key = `result_${percentileName(p)}_percentile_per_query_latency_ns`;
        write(key, percentileOf(values, p));
      }
      write('early_stopping_latency_ms', verdict.earlyStoppingTargetNs);
      return;
    }
    case 'Offline':
      write('result_samples_per_second', double(rates.samplesPerSecond));
      return;
    case 'Server':
      write('result_scheduled_samples_per_sec', double(rates.scheduledSamplesPerSecond));
      write('result_completed_samples_per_sec', double(rates.samplesPerSecond));
  }
}

function writeLatencies(write: Writer, result: SeriesResult): void {
  const values = result.latencies;
  write('result_min_latency_ns', values[0] ?? 0);
  write('result_max_latency_ns', values[values.length - 1] ?? 0);
  write('result_mean_latency_ns', truncatedMean(values));
  for (const p of listedPercentiles) {
    write(`result_${percentileName(p)}_percentile_latency_ns`, percentileOf(values, p));
  }
}

function writeTokens(write: Writer, result: SeriesResult): void {
  const { ttft, tpot, settings } = result;
  const rates = ratesOf(result);
  if (settings.scenario === 'Offline') {
    write('result_tokens_per_second', double(rates.tokensPerSecond));
    return;
  }
  write('result_first_token_min_latency_ns', ttft[0] ?? 0);
  write('result_first_token_max_latency_ns', ttft[ttft.length - 1] ?? 0);
  write('result_first_token_mean_latency_ns', truncatedMean(ttft));
  for (const p of listedPercentiles) {
    const key = `result_first_token_${percentileName(p)}_percentile_latency_ns`;
    write(key, percentileOf(ttft, p));
  }
  // LoadGen's own unit here: tokens per nanosecond.
  const perNs = result.tokenCount / (truncatedMean(result.latencies) * result.sampleCount);
  write('result_token_throughput_with_loadgen_overhead', double(rates.tokensPerSecondWithOverhead));
  write('result_token_throughput', double(perNs));
  for (const p of listedPercentiles) {
    const key = `result_time_per_output_token_${percentileName(p)}_percentile_ns`;
    write(key, percentileOf(tpot, p));
  }
  write('result_time_to_output_token_min', tpot[0] ?? 0);
  write('result_time_to_output_token_max', tpot[tpot.length - 1] ?? 0);
  write('result_time_to_output_token_mean', truncatedMean(tpot));
  write('result_completed_tokens_per_second', double(rates.tokensPerSecond));
}

/** All results of a performance series. */
export function logResults(log: DetailLog, result: SeriesResult, verdict: Verdict): void {
  const write: Writer = (key, value) => log.add('results.cc', key, value);
  const { settings } = result;
  writeVerdict(write, result, verdict);
  write('result_query_count', result.queryCount);
  if (settings.scenario === 'Server') {
    const over = countAbove(result.latencies, settings.targetLatencyNs);
    write('result_overlatency_query_count', over);
  }
  writeScenario(write, result, verdict);
  writeLatencies(write, result);
  if (settings.useTokenLatencies) writeTokens(write, result);
  if (settings.inferTokenLatencies) {
    const inferred = double(ratesOf(result).inferredTokensPerSecond);
    if (settings.scenario === 'Server') {
      write('result_inferred_completed_tokens_per_second', inferred);
    }
    if (settings.scenario === 'Offline') write('result_inferred_tokens_per_second', inferred);
  }
  write('num_errors', log.errors.length);
}
