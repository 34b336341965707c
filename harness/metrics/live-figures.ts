// Counts what happens while it happens, into memory shared with the thread that serves it: a few stores a sample on the
// thread that issues, and once a second a look at the engine and the newest telemetry.

import type { SampleObserver } from '../../loadgen/index.js';
import type { MeasuredSut, WorkerWork } from '../sut/measured-sut.js';
import type { LiveDevice } from '../telemetry/telemetry-recorder.js';
import {
  type CounterName,
  type HistogramName,
  histograms,
  type LivePass,
  layout,
  passes,
  workerFigures,
} from './metric-families.js';

const renewedEveryMs = 1000;

export class LiveFigures implements SampleObserver {
  readonly values: Float64Array;
  /** Of all workers in order, each as `workerFigures` has them. */
  readonly workerValues: Float64Array;
  #pass = 0;
  #sut: MeasuredSut | null = null;
  #startedAtNs = 0;
  #deviceValues: Float64Array | null = null;
  #readDevices: () => readonly LiveDevice[] = () => [];
  #steps = { steps: 0, sequences: 0 };
  #workerSteps: { readonly steps: number; readonly sequences: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  /** @param workers how many the engine has */
  constructor(workers = 0) {
    this.workerValues = shareValues(workers * workerFigures.length).fill(Number.NaN);
    this.values = shareValues(layout.values);
    this.values[layout.activePass] = -1;
    this.values[layout.gauge('occupancy')] = Number.NaN;
    this.values[layout.gauge('kvUsed')] = Number.NaN;
    this.#timer = setInterval(() => this.#renew(), renewedEveryMs);
    this.#timer.unref();
  }

  /** Room for the values of these devices, read anew once a second. */
  watch(read: () => readonly LiveDevice[]): Float64Array {
    const count = read().reduce((sum, { values }) => sum + Object.keys(values).length, 0);
    this.#deviceValues = shareValues(count);
    this.#readDevices = read;
    this.#renew();
    return this.#deviceValues;
  }

  /** What comes from now on belongs to this pass. */
  begin(pass: LivePass, sut: MeasuredSut): void {
    this.#pass = passes.indexOf(pass);
    this.#sut = sut;
    this.#steps = { steps: 0, sequences: 0 };
    this.#workerSteps = [];
    this.values[layout.activePass] = this.#pass;
  }

  end(): void {
    this.#renew();
    this.values[layout.activePass] = -1;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  testStarted(startedAtNs: number): void {
    this.#startedAtNs = startedAtNs;
  }

  issued(samples: number, lagNs: number): void {
    this.#count('issued', samples);
    this.#observe('issueLag', lagNs);
  }

  completed(sampleId: number, scheduledNs: number, completedNs: number, tokenCount: number): void {
    this.#count('completed', 1);
    this.#count('tokens', tokenCount);
    this.#observe('latency', completedNs - scheduledNs);
    // Offline reports no first tokens to LoadGen; the system under test saw them all the same.
    const firstNs =
      (this.#sut?.answers.get(sampleId)?.firstTokenNs ?? Number.NaN) - this.#startedAtNs;
    if (Number.isNaN(firstNs)) return;
    this.#observe('ttft', firstNs - scheduledNs);
    if (tokenCount > 1) this.#observe('tpot', (completedNs - firstNs) / (tokenCount - 1));
  }

  failed(): void {
    this.#count('failed', 1);
  }

  #renewWorker(index: number, worker: WorkerWork): void {
    const now = countSteps(worker);
    const figures: Readonly<Record<(typeof workerFigures)[number], number>> = {
      up: worker.state === 'ok' ? 1 : 0,
      outstanding: worker.outstanding,
      occupancy: meanSince(this.#workerSteps[index], now),
      kvUsed: worker.kvUsedShare,
      samples: worker.samples,
      promptTokens: worker.promptTokens,
      generatedTokens: worker.generatedTokens,
    };
    this.#workerSteps[index] = now;
    const start = index * workerFigures.length;
    for (const [at, figure] of workerFigures.entries()) {
      this.workerValues[start + at] = figures[figure];
    }
  }

  #count(name: CounterName, by: number): void {
    const at = layout.counter(this.#pass, name);
    this.values[at] = this.values[at]! + by;
  }

  #observe(name: HistogramName, ns: number): void {
    const { bounds } = histograms[name];
    const seconds = ns / 1e9;
    const start = layout.histogram(this.#pass, name);
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++;
    this.values[start + bucket] = this.values[start + bucket]! + 1;
    const sum = start + bounds.length + 1;
    this.values[sum] = this.values[sum]! + seconds;
  }

  #renew(): void {
    const { work = null } = this.#sut ?? {};
    if (work !== null) {
      const now = countSteps(work);
      this.values[layout.gauge('occupancy')] = meanSince(this.#steps, now);
      this.#steps = now;
      this.values[layout.gauge('kvUsed')] = work.kvUsedShare;
      for (const [index, worker] of work.workers.entries()) this.#renewWorker(index, worker);
    }
    let at = 0;
    for (const { values } of this.#readDevices()) {
      for (const value of Object.values(values)) this.#deviceValues![at++] = value;
    }
  }
}

interface CountedSteps {
  readonly steps: number;
  readonly sequences: number;
}

function countSteps({ steps, occupancy }: Pick<WorkerWork, 'steps' | 'occupancy'>): CountedSteps {
  return { steps, sequences: (occupancy ?? 0) * steps };
}

function meanSince(before: CountedSteps | undefined, now: CountedSteps): number {
  const steps = now.steps - (before?.steps ?? 0);
  return steps > 0 ? (now.sequences - (before?.sequences ?? 0)) / steps : 0;
}

function shareValues(count: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT));
}
