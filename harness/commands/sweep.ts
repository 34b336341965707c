// `bench sweep CONFIG`: values, rates or queries in flight -> runs in turns -> throughput against latency, told top to bottom.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunConfig } from '../config.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import {
  executeRuns,
  type RunStarter,
  refuseOthers,
  startProcess,
} from '../experiment/run-starter.js';
import { openFolder } from '../new-folder.js';
import { writeRecordPage } from '../record-page.js';
import { formatSweep } from '../report/sweep-summary.js';
import { nextRate } from '../sweep/rate-search.js';
import type { Slo } from '../sweep/slo.js';
import { listTried, measureSweep, type Sweep } from '../sweep/sweep.js';
import {
  inTurns,
  type PlannedPoint,
  SweepPlanner,
  type SweepRequest,
} from '../sweep/sweep-plan.js';
import type { Streams } from './run.js';

export async function runSweep(
  request: SweepRequest,
  streams: Streams,
  signal: AbortSignal,
  start: RunStarter = startProcess,
): Promise<ExitCode> {
  const planner = new SweepPlanner(request);
  const { rates, concurrency } = request;
  const isGrid = rates === null && concurrency === null;
  const loadConfig = isGrid ? null : await planner.resolveLoad();
  const slo = loadConfig === null ? null : (request.slo ?? sloOf(loadConfig));
  const points = isGrid ? await planner.planGrid() : [];
  if (Array.isArray(rates)) for (const rate of rates) points.push(await planner.planRate(rate));
  for (const queries of concurrency ?? []) points.push(await planner.planConcurrency(queries));
  refuseOthers(points.flatMap(({ runs }) => runs));
  openFolder(request.output, '--output');
  const execute = async (planned: readonly PlannedPoint[]) => {
    const stderr = request.quiet ? null : streams.stderr;
    await executeRuns(inTurns(planned), { start, signal, stderr });
  };
  const write = (isOver: boolean) => writeSweep(points, request, slo, isOver);
  let sweep: Sweep;
  let isOver = false;
  try {
    if (rates === 'auto') await searchRate(planner, points, loadConfig!, slo!, execute, signal);
    else await execute(points);
    isOver = !signal.aborted;
  } finally {
    // What was done before a fault or Ctrl-C is kept.
    sweep = await write(isOver);
    writeRecordPage(request.output, streams.stderr);
  }
  streams.stdout.write(
    request.json ? `${JSON.stringify(sweep, null, 2)}\n` : formatSweep(sweep, request.output),
  );
  if (sweep.interrupted) return exitCodes.interrupted;
  // Loads beyond what a system can do may be INVALID by design; a goodput that is not shown is none.
  const isGood = sweep.goodput === null ? points.length > 0 : sweep.goodput.rate !== null;
  const isValid = sweep.goodput !== null || sweep.points.every(({ valid }) => valid);
  return isGood && isValid ? exitCodes.ok : exitCodes.invalid;
}

/** Adds the rates that it tries to `points`. */
async function searchRate(
  planner: SweepPlanner,
  points: PlannedPoint[],
  { server }: RunConfig,
  slo: Slo,
  execute: (points: readonly PlannedPoint[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { request } = planner;
  for (;;) {
    const { points: measured } = await measureSweep(points, request, slo, false);
    const rate = signal.aborted ? null : nextRate(listTried(measured, 'rate'), server.targetQps);
    if (rate === null) return;
    const point = await planner.planRate(rate);
    refuseOthers(point.runs);
    points.push(point);
    await execute([point]);
  }
}

/** Of the run, else of the model. */
function sloOf({ server, model }: RunConfig): Slo {
  const limitsMs = {
    ttft: server.ttftMs ?? model.latency.ttftMs,
    tpot: server.tpotMs ?? model.latency.tpotMs,
  };
  return { percentile: server.targetPercentile, limitsMs };
}

async function writeSweep(
  points: readonly PlannedPoint[],
  request: SweepRequest,
  slo: Slo | null,
  isOver: boolean,
): Promise<Sweep> {
  const sweep = await measureSweep(points, request, slo, isOver);
  writeFileSync(join(request.output, 'sweep.json'), `${JSON.stringify(sweep, null, 2)}\n`);
  return sweep;
}
