// What a person reads at the end of a run: the verdict first, then throughput, latencies, accuracy and where the files
// lie. Every number stands in run.json too.

import pc from 'picocolors';
import type { Histogram } from '../histogram.js';
import type { PeakSearch, PerformanceRecord } from '../performance-record.js';
import type { AccuracyRecord, RunRecord } from '../run-record.js';
import { countWorkers, type SutRecord, type WorkerRecord } from '../sut-record.js';
import type { TelemetryRecord } from '../telemetry/telemetry-record.js';
import { formatAudit } from './audit-summary.js';
import { formatPercent, roundFigure, roundPercent } from './figure-text.js';
import { listWarnings } from './warnings.js';

/** The whole text, last newline included. */
export function formatSummary(record: RunRecord, folder: string, useColor: boolean): string {
  const colors = pc.createColors(useColor);
  const verdict = record.valid
    ? colors.green(record.mode === 'find-peak' ? 'PEAK FOUND' : 'VALID')
    : colors.red(record.mode === 'find-peak' ? 'NO PEAK' : 'INVALID');
  const model = `${record.model.name} on ${record.dataset.name}`;
  const lines = [
    `${colors.bold(verdict)}  ${record.name}: ${model}, ${record.scenario}, ${record.mode}`,
    ...record.invalidReasons.flatMap((reason) =>
      reason.split('\n').map((line, row) => `${row === 0 ? '  - ' : '    '}${line.trim()}`),
    ),
    ...record.remarks.map((remark) => `  ${remark}`),
  ];
  lines.push(...listWarnings(record).map((line) => colors.yellow(line)));
  if (record.performance !== null)
    lines.push('', ...formatPerformance(record.performance, record.scenario, record.telemetry));
  if (record.accuracy !== null) {
    lines.push(
      '',
      ...formatAccuracy(
        record.accuracy,
        record.dataset.totalSamples,
        colors.green('pass'),
        colors.red('FAIL'),
      ),
    );
  }
  if (record.audit !== null) {
    lines.push('', ...formatAudit(record, record.audit, colors.green('pass'), colors.red('FAIL')));
  }
  lines.push('', ...formatEngine(record), `Files       ${folder}`, '');
  return lines.join('\n');
}

function formatPerformance(
  performance: PerformanceRecord,
  scenario: string,
  telemetry: TelemetryRecord | null,
): string[] {
  const { samplesPerSecond, tokensPerSecond, promptTokensPerSecond } = performance;
  const given = [
    [tokensPerSecond, 'tokens/s'],
    [samplesPerSecond, 'samples/s'],
    [promptTokensPerSecond, 'prompt tokens/s'],
  ] as const;
  const rates = given.flatMap(([rate, unit]) =>
    rate === null || !Number.isFinite(rate) ? [] : [`${formatNumber(rate)} ${unit}`],
  );
  const { completedSamples, issuedSamples, failedSamples, durationSeconds } = performance;
  const failed = failedSamples === 0 ? '' : `, ${failedSamples} failed`;
  const answered = `${completedSamples} of ${issuedSamples} samples answered${failed}`;
  const lines = [
    // Answers that take no time at all, as a null system's on the virtual clock, have no rate.
    `Throughput  ${rates.join('   ') || 'not measured'}`,
    `            ${answered}${durationSeconds === null ? '' : ` in ${formatNumber(durationSeconds)} s`}`,
    ...formatUtilisation(performance),
    ...formatEnergy(telemetry),
    '',
    ...formatHistograms([
      [scenario === 'MultiStream' ? 'query latency, ms' : 'latency, ms', performance.latencyMs],
      ['first token, ms', performance.ttftMs],
      ['per output token, ms', performance.tpotMs],
      ['issue lag, us', performance.issueLagUs],
    ]),
  ];
  if (performance.peakSearch !== null) lines.unshift(...formatPeak(performance.peakSearch));
  const steal = performance.load.stealShare;
  if (steal !== null && steal > 0.02) {
    lines.push(
      `            the hypervisor gave ${formatPercent(steal)} of the processor time to others`,
    );
  }
  return lines;
}

/** Nothing where no peak is known. */
function formatUtilisation({ mbu, mfu }: PerformanceRecord): string[] {
  const shares = [
    mbu === null ? null : `MBU ${formatPercent(mbu)} of the peak bandwidth`,
    mfu === null ? null : `MFU ${formatPercent(mfu)} of the peak arithmetic rate`,
  ].filter((share) => share !== null);
  return shares.length === 0 ? [] : [`            ${shares.join('   ')} (datasheet)`];
}

/** Nothing where no energy was measured. */
function formatEnergy(telemetry: TelemetryRecord | null): string[] {
  const energy = telemetry?.energy ?? null;
  if (energy === null || energy.joulesPerToken === null) return [];
  const figure = (value: number, bound: number | null) =>
    `${formatNumber(value)} +- ${formatNumber(bound ?? 0)} J/token`;
  const above = energy.joulesPerTokenAboveIdle;
  const parts = [
    figure(energy.joulesPerToken, energy.boundJoulesPerToken),
    above === null ? null : `${figure(above, energy.boundJoulesPerTokenAboveIdle)} above idle`,
  ].filter((part) => part !== null);
  return [`            ${parts.join('   ')} (${energy.of.join(', ')})`];
}

function formatPeak({ peakQps, probes }: PeakSearch): string[] {
  const found =
    peakQps === null ? 'none found' : `${formatRate(peakQps)} queries/s keep the latency limits`;
  const texts = distinguish(probes.map(({ qps }) => qps));
  const rates = probes.map(({ passed }, i) => `${texts[i]} ${passed ? 'yes' : 'no'}`);
  return [`Peak        ${found}`, `            tried: ${rates.join(', ')}`, ''];
}

const columns = ['mean', 'p50', 'p90', 'p99', 'p99_9', 'max'] as const;

function formatHistograms(rows: readonly (readonly [string, Histogram | null])[]): string[] {
  const header = ['Times', ...columns.map((column) => column.replace('_', '.'))];
  const filled = rows.flatMap(([name, histogram]) =>
    histogram === null ? [] : [[name, ...columns.map((column) => formatNumber(histogram[column]))]],
  );
  if (filled.length === 0) return [];
  return [header, ...filled].map(([name = '', ...cells]) =>
    [name.padEnd(21), ...cells.map((cell) => cell.padStart(10))].join(' '),
  );
}

function formatAccuracy(
  accuracy: AccuracyRecord,
  totalSamples: number,
  pass: string,
  fail: string,
): string[] {
  const { metrics, standardErrors, targets, samplesScored } = accuracy;
  const measured: Readonly<Record<string, number>> = metrics;
  const names = new Set([...Object.keys(measured), ...targets.map((target) => target.metric)]);
  // It stands beside the score.
  if (standardErrors.mmlu !== undefined) names.delete('mmluStderr');
  const rows = [...names].map((name) => {
    const target = targets.find(({ metric }) => metric === name);
    const value = measured[name] === undefined ? 'none' : formatNumber(measured[name]);
    const error = standardErrors[name];
    const spread = error === undefined ? '' : ` ± ${formatError(error)}`;
    const start = `            ${name.padEnd(16)} ${value}${spread}`;
    if (target === undefined) return start;
    const { threshold, upperThreshold } = target;
    const upper = upperThreshold === null ? '' : ` to ${formatNumber(upperThreshold)}`;
    const wanted = `(target ${formatNumber(threshold)}${upper})`;
    return `${start.padEnd(45)} ${wanted}  ${target.pass ? pass : fail}`;
  });
  const judged = targets.length === 0 ? '; no target is set' : '';
  const part = samplesScored < totalSamples ? ` of the dataset's ${totalSamples}` : '';
  return [`Accuracy    ${formatCount(samplesScored, 'sample')} scored${part}${judged}`, ...rows];
}

function formatEngine({ sut, model, system }: RunRecord): string[] {
  if (sut === null) return [];
  const several = countWorkers(sut) > 1;
  const facts = [
    sut.kind,
    ...nameDevices(sut),
    sut.features.instructionSet,
    sut.threads === null ? undefined : formatCount(sut.threads, 'thread'),
    sut.maxBatch === null ? undefined : `batch ${sut.maxBatch}${several ? ' each' : ''}`,
    model.weightFormat ?? undefined,
    sut.kvCache === null ? undefined : `${sut.kvCache.dtype} KV cache`,
  ];
  return [
    `System      ${facts.filter((fact) => fact !== undefined).join(', ')}`,
    ...formatSteps(sut),
    ...formatWorkers(sut),
    `            ${system.cpu}, ${system.cores} cores`,
  ];
}

/** A worker's devices that compute together are joined by a plus. */
function nameDevices({ devices, tensorParallel }: SutRecord): string[] {
  const count = tensorParallel ?? 1;
  return devices.flatMap((_, at) =>
    at % count === 0 ? [devices.slice(at, at + count).join('+')] : [],
  );
}

/** A line each where there are several. */
function formatWorkers({ workers }: SutRecord): string[] {
  if (workers == null || workers.length < 2) return [];
  return workers.map((worker, index) => {
    const { samples, promptTokens, generatedTokens, steps, occupancy, busyShare } = worker;
    const facts = [
      formatCount(samples, 'sample'),
      `${formatCount(generatedTokens, 'token')} after ${promptTokens} of prompts`,
      formatCount(steps, 'step'),
      occupancy === null ? null : `${formatNumber(occupancy)} sequences a step`,
      `KV cache up to ${formatPercent(worker.kvPeakShare)} since it was loaded`,
      busyShare === null ? null : `busy ${formatPercent(busyShare)}${formatRanks(worker)}`,
      worker.failure === null ? null : 'FAILED',
    ];
    const name = `worker ${index} (${worker.devices.join('+')})`;
    return `            ${name}: ${facts.filter((fact) => fact !== null).join(', ')}`;
  });
}

/** " (98.1, 97.9)" of a worker on several GPUs; records from before have it of none. */
function formatRanks({ rankBusyShares }: Partial<Pick<WorkerRecord, 'rankBusyShares'>>): string {
  const each = (rankBusyShares ?? []).map((share) => roundPercent(share ?? 0));
  return each.length === 0 ? '' : ` (${each.join(', ')})`;
}

/** Nothing where no steps were counted. */
function formatSteps(record: SutRecord): string[] {
  const { steps, occupancy, kvPeakShare, preemptions, deviceBusyShare } = record;
  if (steps === null || occupancy === null || kvPeakShare === null) return [];
  const full = `KV cache up to ${formatPercent(kvPeakShare)} full since it was loaded`;
  const busy = deviceBusyShare === null ? '' : `, GPU busy ${formatPercent(deviceBusyShare)}`;
  const mean = `${formatNumber(occupancy)} sequences a step`;
  const given = formatCount(preemptions ?? 0, 'preemption');
  return [`            ${formatCount(steps, 'step')}, ${mean}, ${full}, ${given}${busy}`];
}

/** "1 sample", "2 samples" */
function formatCount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** Up to six decimals, which is as fine as a search goes. */
function formatRate(qps: number): string {
  return Number(qps.toFixed(6)).toString();
}

/** With as few significant digits, four at least, as keep different rates apart. */
function distinguish(rates: readonly number[]): string[] {
  const distinct = new Set(rates).size;
  for (let digits = 4; digits < 17; digits++) {
    const texts = rates.map((rate) => Number(rate.toPrecision(digits)).toString());
    if (new Set(texts).size === distinct) return texts;
  }
  return rates.map(String);
}

/** Two significant digits are what an error is known to. */
function formatError(value: number): string {
  return Number(value.toPrecision(2)).toString();
}

function formatNumber(value: number): string {
  return Number.isFinite(value) ? roundFigure(value) : 'none';
}
