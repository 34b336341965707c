// Accuracy mode: every sample of the library once, set by set, every answer logged, nothing judged.

import type { TestRun } from '../test-run.js';

export async function runAccuracyMode(run: TestRun): Promise<void> {
  run.log.add('loadgen.cc', 'generic_message', 'Starting accuracy mode');
  for (const set of run.sets('accuracy')) {
    await run.load(set);
    await run.runSeries('accuracy', set);
    await run.unload(set);
    if (run.waiter.stopReason !== null) return;
  }
}
