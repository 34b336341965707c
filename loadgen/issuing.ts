// The loop that issues the queries of one series, and the rules by which it ends.

import type { QuerySample, SystemUnderTest } from './contracts.js';
import type { EffectiveSettings } from './effective-settings.js';
import type { DetailLog } from './log/detail.js';
import type { Trace } from './log/trace.js';
import type { Recorder } from './recorder.js';
import { turnRule } from './scenarios/pacing.js';
import type { SeriesRecord } from './series-record.js';
import type { Waiter } from './waiter.js';

/** All that issuing a series involves. */
export interface Issuing {
  readonly settings: EffectiveSettings;
  readonly series: SeriesRecord;
  readonly sut: SystemUnderTest;
  readonly recorder: Recorder;
  readonly waiter: Waiter;
  readonly log: DetailLog;
  readonly trace: Trace | null;
  readonly onIssued: (nowNs: number) => void;
}

const thread = 'IssueQueryThread 0 ';
const msToNs = 1e6;

/** Issues the series until it is used up, an end condition holds, or the test is stopped. */
export async function issueSeries(issuing: Issuing): Promise<void> {
  const { settings, series, waiter, recorder, sut, trace } = issuing;
  const { plan } = series;
  const awaitTurn = turnRule(settings.scenario);
  const isPerformance = plan.mode === 'performance';
  let samples = prepare(issuing, 0);
  series.startNs = waiter.nowNs();
  let loopNs = series.startNs;
  while (series.issuedQueries < plan.queryCount) {
    const query = series.issuedQueries;
    const maxInFlight = settings.maxAsyncQueries;
    const scheduledNs = await awaitTurn({ query, maxInFlight, series, recorder, waiter });
    if (waiter.stopReason !== null) return;
    const issuedNs = waiter.nowNs();
    recorder.issue(series, scheduledNs ?? issuedNs, issuedNs);
    if (settings.coalesceQueries) coalesce(issuing, issuedNs, samples);
    if (trace !== null) traceWait(trace, settings, loopNs, issuedNs);
    sut.issueQuery(samples, recorder);
    if (trace !== null) {
      trace.span('IssueQuery', issuedNs, waiter.nowNs());
      trace.span('SampleLoop', loopNs, waiter.nowNs());
    }
    issuing.onIssued(issuedNs);
    if (isPerformance && hasEnded(issuing, issuedNs)) return;
    samples = prepare(issuing, series.issuedQueries);
    loopNs = waiter.nowNs();
  }
  if (isPerformance && settings.scenario !== 'Server') {
    issuing.log.error(
      'loadgen.cc',
      'error_runtime',
      'Ending early: Ran out of generated queries to issue before the minimum query count and test duration were reached. ' +
        'Please update the relevant expected latency or target qps in the TestSettings so they are more accurate.',
    );
  }
}

/** Builds a query's samples ahead of its turn. */
function prepare({ series, recorder }: Issuing, query: number): QuerySample[] {
  const samples: QuerySample[] = [];
  if (query < series.plan.queryCount) recorder.samplesOf(series, query, samples);
  return samples;
}

/** Adds the queries that are overdue already; each keeps its own due time. */
function coalesce({ series, recorder }: Issuing, issuedNs: number, samples: QuerySample[]): void {
  const { scheduledNs } = series.plan;
  while (series.issuedQueries < series.plan.queryCount) {
    const dueNs = series.startNs + scheduledNs[series.issuedQueries]!;
    if (dueNs > issuedNs) return;
    recorder.samplesOf(series, series.issuedQueries, samples);
    recorder.issue(series, dueNs, issuedNs);
  }
}

/** Whether the series ends after the query just issued; says why in the log. */
function hasEnded({ settings, series, log }: Issuing, issuedNs: number): boolean {
  const issued = series.issuedQueries;
  const elapsedNs = issuedNs - series.startNs;
  const endEarly = (reason: string): true => {
    log.error('issue_query_controller.cc', 'error_runtime', `${thread}Ending early: ${reason}`);
    return true;
  };
  if (settings.scenario === 'Server') {
    const outstanding = issued - series.completedQueries;
    if (settings.maxAsyncQueries !== 0 && outstanding > settings.maxAsyncQueries) {
      return endEarly(`Too many outstanding queries. issued ${issued} outstanding ${outstanding}`);
    }
  } else if (issued >= settings.minQueryCount && elapsedNs >= settings.targetDurationMs * msToNs) {
    log.add(
      'issue_query_controller.cc',
      'generic_message',
      'Ending naturally: Minimum query count and test duration met.',
    );
    return true;
  }
  if (settings.maxQueryCount !== 0 && issued >= settings.maxQueryCount) {
    return endEarly(`Max query count reached. query_count ${issued}`);
  }
  if (settings.maxDurationMs !== 0 && elapsedNs > settings.maxDurationMs * msToNs) {
    return endEarly(`Max test duration reached. duration_ns ${elapsedNs}`);
  }
  return false;
}

function traceWait(
  trace: Trace,
  settings: EffectiveSettings,
  loopNs: number,
  issuedNs: number,
): void {
  if (settings.scenario === 'Offline') return;
  const name = settings.scenario === 'Server' ? 'Scheduling' : 'Waiting';
  trace.span(name, loopNs, issuedNs);
}
