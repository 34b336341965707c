// Performance mode: the first set, one series, figures and a verdict.

import { logResults } from '../log/detail-results.js';
import { performanceSummary } from '../log/summary.js';
import type { Report, TestRun } from '../test-run.js';

/** Writes a performance series into the logs and makes it the one the test reports. */
export function publish(run: TestRun, report: Report): void {
  run.report = report;
  logResults(run.log, report.result, report.verdict);
  run.summary += performanceSummary(run.sutName, report.result, report.verdict);
}

export async function runPerformanceMode(run: TestRun): Promise<void> {
  run.log.add('loadgen.cc', 'generic_message', 'Starting performance mode');
  const set = run.sets('performance')[0]!;
  await run.load(set);
  const record = await run.runSeries('performance', set);
  publish(run, run.judge(record));
  await run.unload(set);
}
