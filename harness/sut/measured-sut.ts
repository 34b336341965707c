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
  readonly devices: readonly string[];
  readonly workers: number | null;
  readonly tensorParallel: number | null;
  readonly threads: number | null;
  readonly maxBatch: number | null;
  readonly kvCache: { readonly dtype: string; readonly bytes: number } | null;
  readonly features: Readonly<Record<string, string | number | boolean>>;
  readonly kernels: Readonly<Record<string, string>>;
  readonly model: {
    readonly architecture: string;
    readonly parameters: number;
    readonly weightBytes: number;
    readonly weightFormat: string;
    readonly cost: ModelCost;
  } | null;
}

/** What the engine did in a test. */
export interface EngineWork {
  /** Steps that the engine had begun when the test began. */
  readonly stepsBefore: number;
  readonly steps: number;
  /** Mean sequences a step; null without a step. */
  readonly occupancy: number | null;
  /** The fullest the KV cache has been since the engine was loaded, 0..1. */
  readonly kvPeakShare: number;
  /** At the last step, 0..1. */
  readonly kvUsedShare: number;
  /** Sequences that had to give back their pages and start again. */
  readonly preemptions: number;
  /** Of the time from the first step to the last, the share a GPU computed while there was work; null on the CPU. */
  readonly deviceBusyShare: number | null;
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
  /** Why it can answer nothing any more, or null. */
  readonly brokenBy: Error | null;
  /** Gives up every outstanding sample; its answer, should one come, is dropped. */
  abandon(): void;
  /** Gives back threads and memory. */
  close(): Promise<void>;
}
