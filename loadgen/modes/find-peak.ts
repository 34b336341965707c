// Find-peak mode: the highest Poisson rate that keeps the latency constraint, by doubling and then bisecting.
// Only the latency constraint decides a probe, so the series reported may well be INVALID for another reason.

import type { EffectiveSettings } from '../effective-settings.js';
import type { LoadableSet } from '../loadable-sets.js';
import { formatFixed } from '../log/number-format.js';
import type { TestSettings } from '../settings.js';
import type { Report, TestRun } from '../test-run.js';
import { performanceConstraint } from '../verdict.js';
import { publish } from './performance.js';

/** A system that keeps its limits at any rate would be asked for more and more for ever. */
const most = {
  /** Of one probe, and of all that look for a rate that fails. */
  probeQueries: 2_000_000,
  searchQueries: 20_000_000,
  probes: 1000,
  /** One query a nanosecond: schedules know nothing finer. */
  qps: 1e9,
} as const;

interface Probe {
  readonly qps: number;
  readonly report: Report;
  readonly passes: boolean;
}

function printed(qps: number): string {
  return formatFixed(qps, 6);
}

function range(lower: number, upper: number): string {
  return `[${printed(lower)}, ${printed(upper)})`;
}

function say(run: TestRun, message: string): void {
  run.log.add('loadgen.cc', 'generic_message', message);
}

async function probe(run: TestRun, set: LoadableSet, qps: number): Promise<Probe> {
  const settings: EffectiveSettings = Object.freeze({ ...run.settings, targetQps: qps });
  const record = await run.runSeries('performance', set, settings);
  const report = run.judge(record, settings);
  const passes = run.waiter.stopReason === null && performanceConstraint(report.result).met;
  run.peakSearch?.probes.push({ qps, passed: passes, series: record.number });
  return { qps, report, passes };
}

/** Why the search for a rate that fails ends before a probe at this rate, or null. */
function refuseProbe({ settings, series }: TestRun, qps: number): string | null {
  const { minQueryCount, targetDurationMs } = settings;
  const expected = Math.max(minQueryCount, (qps * targetDurationMs) / 1000);
  const issued = series.reduce((sum, { plan }) => sum + plan.queryCount, 0);
  const next = `a probe at ${printed(qps)}`;
  if (!(qps <= most.qps)) return `${next} would be more than one query a nanosecond`;
  if (!(expected <= most.probeQueries)) {
    return `${next} would take more than ${most.probeQueries} queries`;
  }
  if (issued + expected > most.searchQueries) {
    return `with ${next} the search would take more than ${most.searchQueries} queries`;
  }
  return series.length >= most.probes ? `${next} would be one of more than ${most.probes}` : null;
}

/** Raises the rate until one fails; every probe loads the set anew. No upper bound where none may be tried. */
async function findBoundaries(
  run: TestRun,
  set: LoadableSet,
  start: Probe,
  stepSize: number,
): Promise<{ best: Probe; upper: number } | { best: Probe; refusal: string }> {
  let best = start;
  for (;;) {
    const upper = best.qps * (1 + stepSize);
    // Differs from loadgen: which goes on until the memory is full, or for ever.
    const refusal = refuseProbe(run, upper);
    if (refusal !== null) return { best, refusal };
    say(run, `FindBoundaries: Checking fields ${range(best.qps, upper)}`);
    await run.load(set);
    const next = await probe(run, set, upper);
    await run.unload(set);
    if (!next.passes) return { best, upper };
    best = next;
  }
}

async function bisect(
  run: TestRun,
  set: LoadableSet,
  start: Probe,
  from: number,
  decimals: number,
): Promise<Probe> {
  const scale = 10 ** decimals;
  let best = start;
  let upper = from;
  while (
    run.waiter.stopReason === null &&
    Math.floor(best.qps * scale) + 1 < Math.floor(upper * scale)
  ) {
    const middle = best.qps + (upper - best.qps) / 2;
    // Differs from loadgen: which goes on for ever where no double lies between the bounds.
    if (middle <= best.qps || middle >= upper) break;
    say(
      run,
      `FindPeakPerformanceBinarySearch: Testing the mid value of bounds ${range(best.qps, upper)}: ${printed(middle)}`,
    );
    const next = await probe(run, set, middle);
    if (next.passes) best = next;
    else upper = middle;
  }
  return best;
}

/** Says that the search has no end. */
function complainOfNoBound(run: TestRun, best: Probe, refusal: string): void {
  const reason = `No peak was found: the latency limits were kept at ${printed(best.qps)} queries/s, and ${refusal}.`;
  run.log.error('loadgen.cc', 'error_runtime', reason);
  run.modeReasons.push(reason);
}

/** The best probe's report, judged again in case the search was interrupted after it. */
function publishBest(run: TestRun, best: Probe): void {
  publish(run, run.judge(best.report.record, best.report.result.settings));
}

export async function runFindPeakMode(run: TestRun, requested: TestSettings): Promise<void> {
  say(run, 'Starting FindPeakPerformance mode');
  if (run.settings.scenario !== 'Server') {
    run.log.error(
      'loadgen.cc',
      'error_invalid_config',
      'Finding peak performance is only supported in Server scenarios.',
    );
    return;
  }
  run.peakSearch = { peakQps: null, probes: [] };
  const set = run.sets('performance')[0]!;
  const base = run.settings.targetQps;
  say(run, `FindPeakPerformance: Check validity of the base settings field: ${printed(base)}`);
  await run.load(set);
  const first = await probe(run, set, base);
  if (!first.passes) {
    const { advice } = performanceConstraint(first.report.result);
    run.log.error(
      'loadgen.cc',
      'error_runtime',
      `FindPeakPerformance: Initial lower bound does not satisfy performance constraints, msg: ${advice}`,
    );
    publishBest(run, first);
    await run.unload(set);
    return;
  }
  await run.unload(set);
  const stepSize = requested.serverFindPeakQpsBoundaryStepSize;
  const bounds = await findBoundaries(run, set, first, stepSize);
  const { best: lower } = bounds;
  if ('refusal' in bounds) {
    complainOfNoBound(run, lower, bounds.refusal);
    publishBest(run, lower);
    return;
  }
  const { upper } = bounds;
  say(run, `FindPeakPerformance: Found boundaries: ${range(lower.qps, upper)}`);
  await run.load(set);
  const decimals = requested.serverFindPeakQpsDecimalsOfPrecision;
  const best = await bisect(run, set, lower, upper, decimals);
  say(run, `FindPeakPerformance: Found peak performance field: ${printed(best.qps)}`);
  if (run.waiter.stopReason === null) run.peakSearch.peakQps = best.qps;
  publishBest(run, best);
  await run.unload(set);
}
