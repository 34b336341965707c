// When was each sample asked for, begun and answered? A trace in Chrome's format that Perfetto and chrome://tracing
// open, made after a pass from its columns: nothing is recorded for it while the clock runs.
// (LoadGen's own mlperf_log_trace.json is loadgen's business.)

import { closeSync, openSync, writeSync } from 'node:fs';
import type { PassResult } from './pass.js';

/** Samples that are drawn: viewers choke on more, and the first ones tell the story. */
const maxDrawn = 20_000;
const chunkCharacters = 1 << 20;
/** Processes of the trace: what LoadGen did, and what was in flight. */
const loadgenPid = 1;
const samplesPid = 2;

/** An event as the format spells it; `ts` and `dur` are microseconds since the start of the test. */
type TraceEvent = Readonly<Record<string, unknown>>;

/** Writes the trace of a pass; returns how many samples it shows. */
export function writeTrace(file: string, result: PassResult): number {
  const descriptor = openSync(file, 'w');
  let chunk = '{"displayTimeUnit":"ms","traceEvents":[\n';
  let isFirst = true;
  try {
    for (const event of listEvents(result)) {
      chunk += `${isFirst ? '' : ',\n'}${JSON.stringify(event)}`;
      isFirst = false;
      if (chunk.length < chunkCharacters) continue;
      writeSync(descriptor, chunk);
      chunk = '';
    }
    writeSync(descriptor, `${chunk}\n]}\n`);
  } finally {
    closeSync(descriptor);
  }
  return Math.min(maxDrawn, result.outcome.samples.count);
}

function* listEvents({ pass, outcome, answers }: PassResult): Generator<TraceEvent> {
  const { samples, series, startedAtNs } = outcome;
  const drawn = Math.min(maxDrawn, samples.count);
  const part = drawn < samples.count ? `, the first ${drawn} of ${samples.count}` : '';
  yield nameProcess(loadgenPid, `LoadGen, ${pass} pass`);
  yield nameProcess(samplesPid, `samples in flight${part}`);
  for (const { mode, startNs, endNs, sampleCount } of series) {
    const args = { samples: sampleCount };
    yield span(`${mode} series`, loadgenPid, 1, startNs, endNs, args);
  }
  const lanes = new Lanes();
  for (let id = 0; id < drawn; id++) {
    const scheduledNs = samples.scheduledNs[id]!;
    const issuedNs = samples.issuedNs[id]!;
    const completedNs = samples.completedNs[id]!;
    if (id === 0 || samples.queryId[id] !== samples.queryId[id - 1]) {
      yield counter('issue lag, us', issuedNs, (issuedNs - scheduledNs) / 1000);
    }
    if (Number.isNaN(completedNs)) {
      yield instant(`sample ${id} never answered`, issuedNs);
      continue;
    }
    const lane = lanes.take(scheduledNs, completedNs);
    const args = {
      sample: id,
      query: samples.queryId[id],
      index: samples.sampleIndex[id],
      tokens: samples.tokenCount[id],
    };
    yield span('sample', samplesPid, lane, scheduledNs, completedNs, args);
    // In Offline LoadGen is not told of first tokens; the system under test knows.
    const firstNs = (answers.get(id)?.firstTokenNs ?? Number.NaN) - startedAtNs;
    if (Number.isNaN(firstNs)) continue;
    yield span('to first token', samplesPid, lane, scheduledNs, firstNs, {});
    yield span('further tokens', samplesPid, lane, firstNs, completedNs, {});
  }
}

/** Rows of a picture in which no two spans overlap, the lowest free one first; starts must not fall. */
class Lanes {
  /** When each lane is free again. */
  readonly #freeAtNs: number[] = [];

  take(startNs: number, endNs: number): number {
    const found = this.#freeAtNs.findIndex((freeNs) => freeNs <= startNs);
    const lane = found < 0 ? this.#freeAtNs.length : found;
    this.#freeAtNs[lane] = endNs;
    return lane + 1;
  }
}

function microseconds(ns: number): number {
  return Math.round(ns) / 1000;
}

function nameProcess(pid: number, name: string): TraceEvent {
  return { name: 'process_name', ph: 'M', pid, tid: 0, args: { name } };
}

function span(
  name: string,
  pid: number,
  tid: number,
  fromNs: number,
  toNs: number,
  args: object,
): TraceEvent {
  const dur = microseconds(Math.max(0, toNs - fromNs));
  return { name, ph: 'X', pid, tid, ts: microseconds(fromNs), dur, args };
}

function instant(name: string, atNs: number): TraceEvent {
  return { name, ph: 'i', s: 'p', pid: samplesPid, tid: 0, ts: microseconds(atNs) };
}

function counter(name: string, atNs: number, value: number): TraceEvent {
  return { name, ph: 'C', pid: loadgenPid, tid: 0, ts: microseconds(atNs), args: { value } };
}
