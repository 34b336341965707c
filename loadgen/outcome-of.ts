// Turns a finished test into what the caller gets: texts, figures, columns and the verdict.

import { accuracyLog } from './log/accuracy.js';
import { faultSummary } from './log/summary.js';
import type { LogTexts, SampleColumns, SeriesOutcome, TestOutcome } from './outcome.js';
import { firstRows } from './sample-table.js';
import type { SeriesRecord } from './series-record.js';
import { metricsOf, summarizeSeries } from './series-result.js';
import type { TestSettings } from './settings.js';
import type { TestRun } from './test-run.js';
import { invalidReasons } from './verdict.js';

/** Cuts off the rows at the end that were generated and never issued. */
function issuedColumns(run: TestRun): SampleColumns {
  const last = run.series[run.series.length - 1];
  const count = last === undefined ? 0 : last.firstSampleId + last.issuedSamples;
  return firstRows(run.recorder.columns(), count);
}

function seriesOutcome(record: SeriesRecord): SeriesOutcome {
  return {
    mode: record.plan.mode,
    firstSampleId: record.firstSampleId,
    sampleCount: record.issuedSamples,
    startNs: record.startNs,
    endNs: Math.max(record.startNs, record.maxCompletionNs),
  };
}

function logTexts(run: TestRun, { startedAtUnixMs, logsTokens }: TestFacts): LogTexts {
  return {
    summary: run.summary + faultSummary(run.log.warnings.length, run.log.errors.length),
    detail: run.log.toString(),
    accuracy: accuracyLog(run.recorder.kept, {
      hasTokenCount: logsTokens,
      hasFirstToken: logsTokens && run.settings.scenario !== 'Offline',
    }),
    trace: run.trace?.toText(startedAtUnixMs) ?? '',
  };
}

/** Reasons why the test does not count; none when it does. */
function reasonsOf(run: TestRun): string[] {
  if (run.report !== null)
    return run.report.verdict.valid ? [] : invalidReasons(run.report.verdict);
  const own = run.ownReasons();
  if (own.length > 0) return own;
  // Nothing was run: the error says why.
  return run.series.length > 0 ? [] : run.log.errors.map((error) => error.message);
}

/** Figures of the reported series, or of the last one where nothing is reported. */
function reportedMetrics(run: TestRun): TestOutcome['metrics'] {
  const columns = run.recorder.columns();
  if (run.report !== null) return metricsOf(run.report.result, run.report.record, columns);
  const last = run.series[run.series.length - 1];
  if (last === undefined) return null;
  return metricsOf(summarizeSeries(run.settings, last, columns), last, columns);
}

/** What is known of a test besides its run. */
export interface TestFacts {
  readonly startedAtNs: number;
  readonly startedAtUnixMs: number;
  /** The accuracy log carries tokens; LoadGen decides that before the audit. */
  readonly logsTokens: boolean;
}

/** Builds the outcome of a test that is over. */
export function outcomeOf(run: TestRun, requested: TestSettings, facts: TestFacts): TestOutcome {
  const reasons = reasonsOf(run);
  const reported = run.report?.record ?? run.series.at(-1);
  return {
    valid: reasons.length === 0,
    invalidReasons: reasons,
    remarks: run.report?.remarks ?? [],
    errors: run.log.errors,
    warnings: run.log.warnings,
    sutFaults: run.log.sutFaults,
    interrupted: run.waiter.stopReason === 'interrupted',
    stalled: run.waiter.stopReason === 'stalled',
    requested,
    effective: run.settings,
    metrics: reportedMetrics(run),
    series: run.series.map(seriesOutcome),
    reported: reported === undefined ? null : seriesOutcome(reported),
    peakSearch: run.peakSearch,
    samples: issuedColumns(run),
    failed: run.recorder.failedSamples,
    responses: run.recorder.kept,
    logs: logTexts(run, facts),
    startedAtNs: facts.startedAtNs,
    startedAt: new Date(facts.startedAtUnixMs),
  };
}
