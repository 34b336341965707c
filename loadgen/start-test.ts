// One test, told top to bottom: refuse, name the parties, resolve the settings, run the mode, hand back what happened.

import { auditSettings, logAudit } from './audit.js';
import { RealClock } from './clock.js';
import type { QuerySampleLibrary, SystemUnderTest } from './contracts.js';
import { resolveSettings } from './effective-settings.js';
import { DetailLog } from './log/detail.js';
import { logEffective, logParties, logRequested, logWriter } from './log/detail-settings.js';
import { runAccuracyMode } from './modes/accuracy.js';
import { runFindPeakMode } from './modes/find-peak.js';
import { runPerformanceMode } from './modes/performance.js';
import { runSubmissionMode } from './modes/submission.js';
import type { TestOptions, TestOutcome } from './outcome.js';
import { outcomeOf } from './outcome-of.js';
import type { TestSettings } from './settings.js';
import { checkSettings } from './settings-check.js';
import { TestRun } from './test-run.js';

function runMode(run: TestRun, settings: TestSettings): Promise<void> {
  switch (settings.mode) {
    case 'SubmissionRun':
      return runSubmissionMode(run);
    case 'AccuracyOnly':
      return runAccuracyMode(run);
    case 'PerformanceOnly':
      return runPerformanceMode(run);
    case 'FindPeakPerformance':
      return runFindPeakMode(run, settings);
  }
}

/**
 * Runs one test and hands back its outcome.
 * Throws a LoadgenError when the settings or the library cannot be used; faults of the system under test are
 * entries of the outcome instead. It does no file I/O.
 */
export async function startTest(
  sut: SystemUnderTest,
  library: QuerySampleLibrary,
  requested: TestSettings,
  options: TestOptions,
): Promise<TestOutcome> {
  const audited = auditSettings(requested, options.auditConf);
  const { settings } = audited;
  checkSettings(settings);
  const { effective, complaints } = resolveSettings(settings, library);
  const clock = options.clock ?? new RealClock();
  const startedAtNs = clock.nowNs();
  const startedAtUnixMs = clock.unixMs(startedAtNs);
  const sutName = sut.name;
  const sutNameNs = clock.nowNs() - startedAtNs;

  const log = new DetailLog(() => clock.nowNs() - startedAtNs);
  log.addEarlierErrors(options.confErrors ?? [], startedAtNs);
  logWriter(log, options.writer);
  logParties(log, { startedAtUnixMs, sutName, sutNameNs, library });
  logAudit(log, audited);
  for (const complaint of complaints) {
    log.error('test_settings_internal.cc', 'error_invalid_test_settings', complaint);
  }
  logRequested(log, settings);
  logEffective(log, effective);

  const parts = { sut, sutName, library, settings: effective, clock, startedAtNs, options, log };
  const run = new TestRun(parts);
  const interrupt = (): void => run.waiter.interrupt();
  options.signal?.addEventListener('abort', interrupt, { once: true });
  if (options.signal?.aborted === true) interrupt();
  try {
    await runMode(run, settings);
  } finally {
    options.signal?.removeEventListener('abort', interrupt);
    run.recorder.close();
  }
  const logsTokens = requested.useTokenLatencies;
  return outcomeOf(run, settings, { startedAtNs, startedAtUnixMs, logsTokens });
}
