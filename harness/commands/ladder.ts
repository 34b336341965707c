// `bench ladder BASE OPTIMIZED`: two configurations -> steps -> runs in turns -> what each step gave, told top to bottom.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import {
  executeRuns,
  type RunStarter,
  refuseOthers,
  startProcess,
} from '../experiment/run-starter.js';
import { type Ladder, measureLadder } from '../ladder/ladder.js';
import { type LadderPlan, type LadderRequest, planLadder } from '../ladder/ladder-plan.js';
import { openFolder } from '../new-folder.js';
import { writeRecordPage } from '../record-page.js';
import { formatLadder } from '../report/ladder-summary.js';
import type { Streams } from './run.js';

export async function runLadder(
  request: LadderRequest,
  streams: Streams,
  signal: AbortSignal,
  start: RunStarter = startProcess,
): Promise<ExitCode> {
  const plan = await planLadder(request);
  refuseOthers(plan.runs);
  openFolder(request.output, '--output');
  const stderr = request.quiet ? null : streams.stderr;
  let ladder: Ladder;
  try {
    await executeRuns(plan.runs, { start, signal, stderr });
  } finally {
    // What was done before a fault or Ctrl-C is kept, and told.
    ladder = await writeLadder(plan, request);
    writeRecordPage(request.output, streams.stderr);
  }
  streams.stdout.write(
    request.json ? `${JSON.stringify(ladder, null, 2)}\n` : formatLadder(ladder, request.output),
  );
  if (ladder.interrupted) return exitCodes.interrupted;
  return ladder.rungs.every(({ invalidReasons }) => invalidReasons.length === 0)
    ? exitCodes.ok
    : exitCodes.invalid;
}

async function writeLadder(plan: LadderPlan, request: LadderRequest): Promise<Ladder> {
  const ladder = await measureLadder(plan, request);
  writeFileSync(join(request.output, 'ladder.json'), `${JSON.stringify(ladder, null, 2)}\n`);
  return ladder;
}
