// What the harness asks of a system under test beyond LoadGen's contract: to say what it is, to keep what it answered,
// and to stop. What counts as an answer's time is LoadGen's business.

import type { SystemUnderTest } from '../../loadgen/index.js';
import type { EngineProfile } from '../../native/index.js';
import type { MemoryReadRecord } from '../memory-read.js';
import type { ModelCost } from '../utilisation.js';
import type { EngineReading } from './engine-readings.js';

/** What a sample was answered with. */
export interface Answer {
  /** Generated tokens; none where the answer is not made of tokens. */
  readonly tokens: Int32Array;
  /** By the clock of the run, CLOCK_MONOTONIC nanoseconds where it is real; NaN without tokens. */
  readonly firstTokenNs: number;
}

/** run.json's `sut`, `kernels` and the model's own figures; absent means null. */
export interface SutDescription extends MemoryReadRecord {
  readonly kind: 'native' | 'null' | 'scripted';
  /** Of all workers, in their order. */
  readonly devices: readonly string[];
  /** Engines that are given work side by side. */
  readonly workers: number | null;
  /** Devices that compute a worker's model together. */
  readonly tensorParallel: number | null;
  /** Of all workers together. */
  readonly threads: number | null;
  /** Of each worker. */
  readonly maxBatch: number | null;
  readonly kvCache: { readonly dtype: string; readonly bytes: number } | null;
  readonly features: Readonly<Record<string, string | number | boolean>>;
  readonly kernels: Readonly<Record<string, string>>;
  readonly model: {
    readonly architecture: string;
    readonly parameters: number;
    /** Of all workers together, each with a copy of its own. */
    readonly weightBytes: number;
    readonly weightFormat: string;
    readonly cost: ModelCost;
  } | null;
}

/** What one worker did in a test. */
export interface WorkerWork {
  readonly devices: readonly string[];
  readonly state: 'ok' | 'failed';
  /** Which worker failed, at which step and why; null while it works. */
  readonly failure: string | null;
  /** That it answered. */
  readonly samples: number;
  /** That it was given and has not answered. */
  readonly outstanding: number;
  /** Tokens that it computed, those of samples that another answered in the end too. */
  readonly promptTokens: number;
  readonly generatedTokens: number;
  /** Steps that its engine had begun when the test began. */
  readonly stepsBefore: number;
  readonly steps: number;
  /** Mean sequences a step; null without a step. */
  readonly occupancy: number | null;
  /** At the last step, 0..1. */
  readonly kvUsedShare: number;
  /** The fullest its KV cache has been since it was loaded, 0..1. */
  readonly kvPeakShare: number;
  readonly preemptions: number;
  /** Of the time from the start of the test to the last news of any worker, the share its GPU computed, or the mean of its GPUs; null on the CPU. */
  readonly busyShare: number | null;
  /** Of each of its GPUs, where several compute its model together; `busyShare` is their mean. null elsewhere. */
  readonly rankBusyShares: readonly (number | null)[] | null;
}

/** A worker that failed: its samples went to the others. */
export interface WorkerLoss {
  /** In which pass; null in a warm-up. */
  readonly pass: TestTerms['pass'];
  readonly message: string;
  /** Samples that it had not answered. */
  readonly resent: number;
}

/** What the engine did in a test, all workers together. */
export interface EngineWork {
  readonly steps: number;
  /** Mean sequences a step; null without a step. */
  readonly occupancy: number | null;
  /** The fullest a worker's KV cache has been since it was loaded, 0..1. */
  readonly kvPeakShare: number;
  /** At the last step, 0..1. */
  readonly kvUsedShare: number;
  /** Sequences that had to give back their pages and start again. */
  readonly preemptions: number;
  /** Of the time from the first step to the last, the share a GPU computed while there was work; null on the CPU. */
  readonly deviceBusyShare: number | null;
  readonly workers: readonly WorkerWork[];
}

/** How answers are to be reported in the test that begins. */
export interface TestTerms {
  /** null in a warm-up. */
  readonly pass: 'accuracy' | 'performance' | null;
  /** Report first tokens to LoadGen: Server with token latencies. */
  readonly reportsFirstTokens: boolean;
}

export interface MeasuredSut extends SystemUnderTest {
  readonly description: SutDescription;
  /** Forgets the answers of the test before. */
  beginTest(terms: TestTerms): void;
  /** Answers of the current test by sample id. */
  readonly answers: ReadonlyMap<number, Answer>;
  /** Tokens generated in the current test so far. */
  readonly generatedTokens: number;
  /** Of the current test so far; null where no steps are counted. */
  readonly work: EngineWork | null;
  /** Of the current test so far; none where no steps are counted. */
  readonly readings: readonly EngineReading[];
  /** Times the kernels of so many steps, from the next on or from this one counted from the load; only an engine has any. */
  startProfile(steps: number, firstStep: number): void;
  /** null before those steps are through, and where nothing is profiled. */
  readonly profile: EngineProfile | null;
  /** Workers that failed since it was loaded. */
  readonly losses: readonly WorkerLoss[];
  /** Why it can answer nothing any more, or null. */
  readonly brokenBy: Error | null;
  /** Gives up every outstanding sample; its answer, should one come, is dropped. */
  abandon(): void;
  /** Gives back threads and memory. */
  close(): Promise<void>;
}
