// One pass of a run: LoadGen drives the system under test once, progress is shown, and what came back is kept together
// with what the machine was doing meanwhile.

import { type Clock, type SampleObserver, startTest, type TestOutcome } from '../loadgen/index.js';
import type { ConfiguredTest } from './conf-files.js';
import {
  type MachineLoad,
  type MachineSnapshot,
  measureLoad,
  takeSnapshot,
} from './environment.js';
import { findPackageRoot } from './package-root.js';
import type { ProgressReporter } from './report/progress.js';
import type { DatasetLibrary } from './sample-library.js';
import type { EngineReading } from './sut/engine-readings.js';
import type { Answer, EngineWork, MeasuredSut } from './sut/measured-sut.js';
import type { PassName } from './test-settings.js';

export interface PassResult {
  readonly pass: PassName;
  readonly outcome: TestOutcome;
  /** By sample id. */
  readonly answers: ReadonlyMap<number, Answer>;
  readonly work: EngineWork | null;
  /** None where no steps are counted. */
  readonly readings: readonly EngineReading[];
  readonly load: MachineLoad;
}

export interface PassPieces {
  readonly sut: MeasuredSut;
  readonly library: DatasetLibrary;
  readonly test: ConfiguredTest;
  readonly progress: ProgressReporter;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** A system under test that has not answered anything for this long, with samples outstanding, has dropped some. */
  readonly idleMs: number;
  /** Of every sample, while the pass runs; null: nobody. */
  readonly observer: SampleObserver | null;
}

/** Runs the pass to its end, or to the abort of the signal. */
export async function runPass(pass: PassName, pieces: PassPieces): Promise<PassResult> {
  const { sut, library, test, progress, signal, clock, idleMs, observer } = pieces;
  const { settings, audited } = test;
  // A stream ends by the clock, and a search by what it finds: nobody knows their totals.
  const isOpen = settings.mode === 'FindPeakPerformance' || audited.scenario.endsWith('Stream');
  let total: number | null = pass === 'accuracy' ? library.totalSampleCount : null;
  sut.beginTest({
    pass,
    reportsFirstTokens: audited.useTokenLatencies && audited.scenario !== 'Offline',
  });
  const before: MachineSnapshot = takeSnapshot();
  const stopProgress = progress.start(pass, () => ({
    samples: sut.answers.size,
    tokens: sut.generatedTokens,
    total,
  }));
  try {
    const outcome = await startTest(sut, library, settings, {
      ...test.options,
      clock,
      signal,
      watchdog: { idleMs },
      ...(observer === null ? {} : { observer }),
      onProgress: (known) => {
        if (pass === 'performance' && !isOpen) total = known.total;
      },
      writer: { name: 'loadmark', version: findPackageRoot().version },
    });
    const { work, readings } = sut;
    const answers = new Map(sut.answers);
    return { pass, outcome, answers, work, readings, load: measureLoad(before) };
  } finally {
    stopProgress();
    sut.abandon();
  }
}
