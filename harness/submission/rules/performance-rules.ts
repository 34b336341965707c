// Does a performance log hold a result that counts? Outcomes as well as settings: MLCommons' checker looks at settings.

import { type LatencyLimits, leastDurationMs } from '../benchmarks.js';
import type { DetailEntry, DetailLog } from '../detail-log.js';
import { type Finding, findError, findWarning } from '../finding.js';
import type { Result } from '../result.js';

/** @param file the log's own. */
export function checkPerformance(log: DetailLog, file: string, result: Result): Finding[] {
  return [
    ...checkValidity(log, file),
    ...checkDuration(log, file, result),
    ...checkCounts(log, file, result),
    ...checkEarlyStopping(log, file, result),
    ...checkLatencies(log, file, result),
    ...checkMetrics(log, file, result),
    ...checkAudit(log, file),
  ];
}

function at(file: string, entry: DetailEntry | null) {
  return { file, line: entry?.line ?? null };
}

function checkValidity(log: DetailLog, file: string): Finding[] {
  const entry = log.find('result_validity');
  if (entry?.value === 'VALID') return [];
  const reason = log.text('result_invalid_reason');
  const value =
    entry === null ? null : `${String(entry.value)}${reason ? ` (${reason.trim()})` : ''}`;
  const why = "An INVALID run is no result; MLCommons' checker does not look at the verdict.";
  return [
    findError('invalid-result', at(file, entry), { value, required: 'result_validity VALID', why }),
  ];
}

function checkDuration(log: DetailLog, file: string, result: Result): Finding[] {
  const findings: Finding[] = [];
  const entry = log.find('effective_min_duration_ms');
  const asked = log.number('effective_min_duration_ms');
  if (result.isSubmission && (asked === null || asked < leastDurationMs)) {
    const required = `effective_min_duration_ms of at least ${leastDurationMs}`;
    const why = 'A run of MLPerf Inference lasts ten minutes or more.';
    findings.push(findError('short-run', at(file, entry), { value: asked, required, why }));
  }
  const least = Math.max(asked ?? 0, result.isSubmission ? leastDurationMs : 0);
  const lasted = measureDurationMs(log);
  if (lasted !== null && lasted.ms < least) {
    const required = `${least} ms or more from the first query to the last`;
    const why = "The clock says so, whatever the settings were; MLCommons' checker reads settings.";
    const value = `${Math.round(lasted.ms)} ms`;
    findings.push(findError('short-run', at(file, lasted.entry), { value, required, why }));
  }
  return findings;
}

/** How long the run took, by its own figures; null where it gives none. */
function measureDurationMs(log: DetailLog): { ms: number; entry: DetailEntry | null } | null {
  if (log.text('effective_scenario') === 'Offline') {
    const ns = log.number('result_max_latency_ns');
    return ns === null ? null : { ms: ns / 1e6, entry: log.find('result_max_latency_ns') };
  }
  const [begin, end] = [log.powerTimeMs('power_begin'), log.powerTimeMs('power_end')];
  if (begin === null || end === null) return null;
  return { ms: end - begin, entry: log.find('power_end') };
}

function checkCounts(log: DetailLog, file: string, result: Result): Finding[] {
  const { benchmark, scenario, division } = result;
  const findings: Finding[] = [];
  const needed = benchmark?.performanceSampleCount ?? null;
  const held = log.number('effective_performance_sample_count');
  if (needed !== null && (held === null || held < needed)) {
    const required = `effective_performance_sample_count of at least ${needed}`;
    const why = `${benchmark!.name} is measured on its whole data set.`;
    const place = at(file, log.find('effective_performance_sample_count'));
    findings.push(findError('sample-count', place, { value: held, required, why }));
  }
  const issued =
    log.number('generated_samples_per_query') ?? log.number('effective_samples_per_query');
  if (scenario === 'Offline' && needed !== null && (issued === null || issued < needed)) {
    const find = division === 'open' ? findWarning : findError;
    const required = `${needed} samples in the query, each row once or more`;
    const why = 'A part of the data set may be faster than the whole.';
    const place = at(
      file,
      log.find('generated_samples_per_query') ?? log.find('effective_samples_per_query'),
    );
    findings.push(find('sample-count', place, { value: issued, required, why }));
  }
  const queries = log.number('result_query_count');
  const asked = log.number('effective_min_query_count') ?? 0;
  const certain = scenario === null ? 0 : (leastCertainQueries[scenario] ?? 0);
  const least = Math.max(asked, certain);
  if (queries !== null && queries < least) {
    const why =
      least === asked
        ? 'The run ended before it had issued what it was asked for.'
        : 'So few queries make no percentile certain, however fast they were.';
    const place = at(file, log.find('result_query_count'));
    findings.push(
      findError('query-count', place, { value: queries, required: `${least} or more`, why }),
    );
  }
  return findings;
}

/** Queries that early stopping needs when none is over the limit (Server), or for its first estimate. */
const leastCertainQueries: Readonly<Partial<Record<string, number>>> = {
  Server: 459,
  Interactive: 459,
  SingleStream: 64,
  MultiStream: 662,
};

function checkEarlyStopping(log: DetailLog, file: string, { scenario }: Result): Finding[] {
  if (scenario === 'Offline') return [];
  const entry = log.find('early_stopping_met');
  if (entry?.value === true) return [];
  const why = 'So few queries do not make the percentile certain.';
  const judgement = { value: entry?.value ?? null, required: 'early_stopping_met true', why };
  return [findError('early-stopping', at(file, entry), judgement)];
}

const latencyKeys = [
  ['result_first_token_99.00_percentile_latency_ns', 'ttftMs', 'time to first token'],
  ['result_time_per_output_token_99.00_percentile_ns', 'tpotMs', 'time per output token'],
] as const;

function checkLatencies(log: DetailLog, file: string, result: Result): Finding[] {
  const { benchmark, scenario } = result;
  if (benchmark === null || scenario === null) return [];
  const limits: LatencyLimits | undefined = benchmark.limits[scenario];
  const findings: Finding[] = [];
  const tokens = log.find('requested_use_token_latencies');
  const needsTokens = Object.keys(benchmark.limits).length > 0;
  if (needsTokens && tokens?.value !== true) {
    const why = `${benchmark.name} is judged by its tokens, Offline too.`;
    const judgement = {
      value: tokens?.value ?? null,
      required: 'requested_use_token_latencies true',
      why,
    };
    findings.push(findError('token-latencies-off', at(file, tokens), judgement));
  }
  if (limits === undefined) return findings;
  for (const [key, name, title] of latencyKeys) {
    const ns = log.number(key);
    const limit = limits[name];
    if (ns !== null && ns < limit * 1e6) continue;
    const value = ns === null ? null : `${ns / 1e6} ms`;
    const required = `99th percentile of the ${title} below ${limit} ms, the limit of ${scenario}`;
    const why =
      scenario === 'Interactive'
        ? "Interactive has limits of its own; MLCommons' checker applies those of Server."
        : 'The 99th percentile must keep the limit.';
    findings.push(findError('latency-limit', at(file, log.find(key)), { value, required, why }));
  }
  return findings;
}

/** The figure that is reported. */
function metricKey({ scenario, benchmark }: Result): string | null {
  const hasTokens = benchmark !== null && Object.keys(benchmark.limits).length > 0;
  switch (scenario) {
    case 'Offline':
      return benchmark === null ? 'result_samples_per_second' : 'result_tokens_per_second';
    case 'Server':
    case 'Interactive':
      return hasTokens ? 'result_completed_tokens_per_second' : 'result_completed_samples_per_sec';
    case 'SingleStream':
      return 'result_90.00_percentile_latency_ns';
    case 'MultiStream':
      return 'result_99.00_percentile_per_query_latency_ns';
    case null:
      return null;
  }
}

function checkMetrics(log: DetailLog, file: string, result: Result): Finding[] {
  const key = metricKey(result);
  if (key === null) return [];
  const value = log.number(key);
  if (value !== null && Number.isFinite(value) && value > 0) return [];
  const why = "It is the figure that is reported; MLCommons' checker lets nan pass.";
  const judgement = { value, required: `${key} above 0`, why };
  return [findError('no-result', at(file, log.find(key)), judgement)];
}

/** An auditor's file changes the settings of a run; LoadGen leaves a warning. */
function checkAudit(log: DetailLog, file: string): Finding[] {
  const entry = log.entries.find(
    ({ value, isWarning }) =>
      isWarning && typeof value === 'string' && /Audit Config file/i.test(value),
  );
  if (entry === undefined) return [];
  const required = 'a run without an audit.config';
  const why = 'The result was made with the settings of a compliance test.';
  return [findError('audit-settings', at(file, entry), { value: entry.value, required, why })];
}
