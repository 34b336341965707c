// How much of the hardware was used? Operations and bytes that the model needs at least, against the ceilings that are
// known. Nothing is drawn against a ceiling that nobody measured.

import { findPeakRates } from '../../../peak-rates.js';
import type { RunEvidence } from '../../../run-evidence.js';
import type { RunRecord } from '../../../run-record.js';
import { listSteps } from '../../../sut-record.js';
import type { TimedSamples } from '../../../timed-samples.js';
import { addSample, countFlops, countTurns, type ModelCost, noWork } from '../../../utilisation.js';
import { type Ceilings, type RooflinePoint, rooflineChart } from '../charts/roofline.js';
import { type Content, html, type Markup } from '../markup.js';
import { formatNumber, formatQuantity, formatShare } from '../number-text.js';
import { absent, chartGrid, section } from '../page.js';
import { pairs } from '../table.js';
import { showValue } from '../tagged-value.js';
import { recorded } from './recorded.js';

/** What the pass did at least, over its whole time. */
interface Done {
  readonly flops: number;
  readonly bytes: number;
  readonly seconds: number;
}

export function showHardware({ record, times }: RunEvidence): Markup {
  const { performance, sut } = record;
  if (performance === null || sut?.kind !== 'native') return html``;
  const cost = record.model.cost ?? null;
  const done = cost === null ? null : (reckon(record) ?? count(record, cost, times));
  const ceilings = findCeilings(record);
  const why = performance.absentBecause;
  const reasons = [...new Set([why?.mbu, why?.mfu])].filter((reason) => reason != null);
  return section(
    'Share of the hardware',
    [
      done === null || ceilings === null ? null : chartGrid([draw(done, ceilings)]),
      tabulate(record, done),
      reasons.map((reason) => absent(`No share of a ceiling: ${reason}.`)),
    ],
    'What the model needs at least: weights once a step, the cached positions that answers read, two operations a weight and token. What prompts read back is left out.',
  );
}

/** The datasheet's of a GPU; of a CPU the read that was measured behind the load. */
function findCeilings({ sut, system }: RunRecord): Ceilings | null {
  const { bandwidthGBs, tflops } = findPeakRates(sut!.devices, system);
  if (bandwidthGBs !== null && tflops !== null) {
    return { bandwidthGBs, tflops, source: 'datasheet' };
  }
  const read = sut!.memoryRead ?? null;
  if (read === null) return null;
  return { bandwidthGBs: read.gbs, tflops: null, source: `read by ${read.threads} threads` };
}

/** Backwards from the shares in the record, each with its own time: exact, without the samples. */
function reckon(record: RunRecord): Done | null {
  const { performance, sut, system } = record;
  const { mbu, mfu, durationSeconds, tpotMs } = performance!;
  const { bandwidthGBs, tflops } = findPeakRates(sut!.devices, system);
  if (mbu === null || mfu === null || bandwidthGBs === null || tflops === null) return null;
  if (!durationSeconds || !sut?.steps) return null;
  const turns = countTurns(listSteps(sut));
  const stepSeconds = tpotMs === null ? durationSeconds / turns : tpotMs.mean / 1e3;
  return {
    flops: mfu * tflops * 1e12 * durationSeconds,
    bytes: mbu * bandwidthGBs * 1e9 * stepSeconds * turns,
    seconds: durationSeconds,
  };
}

/** From the samples' lengths, as run.json's own shares are reckoned. */
function count(
  { performance, sut }: RunRecord,
  cost: ModelCost,
  times: TimedSamples | null,
): Done | null {
  const { durationSeconds, peakSearch } = performance!;
  if (times === null || !durationSeconds || !sut?.steps || peakSearch !== null) return null;
  let work = noWork;
  for (let i = 0; i < times.count; i++) {
    const [prompt, answer] = [times.promptTokens[i]!, times.outputTokens[i]!];
    if (prompt >= 0 && answer > 0) work = addSample(cost, work, prompt, answer);
  }
  if (work.generatedTokens === 0) return null;
  return {
    flops: countFlops(cost, work),
    bytes: cost.weightBytesPerStep * sut.steps + cost.kvBytesPerToken * work.readPositions,
    seconds: durationSeconds,
  };
}

function draw({ flops, bytes, seconds }: Done, ceilings: Ceilings): Markup {
  const point: RooflinePoint = {
    name: `the pass: ${formatQuantity(flops / seconds / 1e12, 'TFLOP/s')}`,
    intensity: flops / bytes,
    tflops: flops / seconds / 1e12,
  };
  return rooflineChart({
    title: 'Roofline',
    about:
      ceilings.tflops === null
        ? "the mean of the whole pass below a plain read of memory, the best of five behind the load; this processor's arithmetic was not measured"
        : 'the mean of the whole pass below the ceilings of the datasheet; none were measured in this run',
    description: `${formatNumber(point.intensity)} operations a byte at ${formatQuantity(point.tflops, 'TFLOP/s')}.`,
    ceilings,
    points: [point],
  });
}

function tabulate(record: RunRecord, done: Done | null): Markup {
  const rate = (per: number, unit: string) => formatQuantity(per, unit);
  const share = (field: string, of: string) => {
    const value = recorded(record, `performance.${field}`);
    return html`${showValue(value, '', formatShare(value.value))} of ${of}`;
  };
  const { mbu, mfu } = record.performance!;
  return pairs([
    ...(mbu === null
      ? []
      : [
          [
            'MBU',
            share(
              'mbu',
              "the datasheet's bandwidth: a mean step's bytes over the mean time per output token",
            ),
          ] as const,
        ]),
    ...(mfu === null
      ? []
      : [['MFU', share('mfu', "the datasheet's arithmetic rate, over the whole pass")] as const]),
    ...showRead(record, done),
    ...(done === null
      ? []
      : ([
          ['operations', rate(done.flops / done.seconds / 1e9, 'GFLOP/s over the whole pass')],
          [
            'memory read',
            rate(
              done.bytes / done.seconds / 1e9,
              'GB/s at least: the bytes of all steps over the whole pass',
            ),
          ],
          ['operations a byte', formatNumber(done.flops / done.bytes)],
        ] as const)),
  ]);
}

/** What memory gave to a plain read, and how much of that the pass needed; or why nobody read. */
function showRead(record: RunRecord, done: Done | null): readonly (readonly [string, Content])[] {
  // Records of earlier versions say neither.
  const { memoryRead = null, memoryReadAbsentBecause = null } = record.sut!;
  const name = 'memory, measured';
  if (memoryRead === null) {
    const isOfCpu = record.sut!.devices[0] === 'cpu' && memoryReadAbsentBecause !== null;
    return isOfCpu ? [[name, `not measured: ${memoryReadAbsentBecause}`]] : [];
  }
  const { gbs, threads } = memoryRead;
  const read = showValue(recorded(record, 'sut.memoryRead.gbs'), 'GB/s');
  const share = done === null ? null : done.bytes / done.seconds / 1e9 / gbs;
  const needed = share === null ? '' : `; the pass needed ${formatShare(share)} of that at least`;
  return [
    [
      name,
      html`${read} read by ${threads} threads, the best of five reads of 256 MiB behind the load${needed}`,
    ],
  ];
}
