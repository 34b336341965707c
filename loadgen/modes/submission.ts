// Submission mode: accuracy, then performance, in one test.

import type { TestRun } from '../test-run.js';
import { runAccuracyMode } from './accuracy.js';
import { runPerformanceMode } from './performance.js';

export async function runSubmissionMode(run: TestRun): Promise<void> {
  await runAccuracyMode(run);
  if (run.waiter.stopReason === null) await runPerformanceMode(run);
}
