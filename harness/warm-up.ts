// How many samples a second does the system under test serve, roughly? Short untimed rounds over the first samples,
// which also bring caches, page tables and clocks to where a measurement finds them. Their answers count nowhere.

import type { QuerySampleResponse } from '../loadgen/index.js';
import type { DatasetLibrary } from './sample-library.js';
import type { MeasuredSut } from './sut/measured-sut.js';

const firstRound = 4;
const largestRound = 65_536;
/** A round this long has seen more of the steady state than of its own start and end. */
export const longEnoughS = 1;

/** What came before a performance pass. */
export interface WarmUp {
  readonly kind: 'accuracy pass' | 'untimed rounds';
  readonly samples: number;
  readonly seconds: number;
  /** Over its last round; null when nothing was answered (the real run will say why). */
  readonly samplesPerSecond: number | null;
}

/** Rounds of growing size, until one lasts long enough; a system silent for `idleMs` is left to the real run. */
export async function warmUp(
  sut: MeasuredSut,
  library: DatasetLibrary,
  signal: AbortSignal,
  idleMs: number,
): Promise<WarmUp> {
  let [samples, seconds] = [0, 0];
  for (let count = firstRound; ; ) {
    const round = await runRound(sut, library, count, signal, idleMs);
    samples += round.answered;
    seconds += round.seconds;
    const isEnough = round.seconds >= longEnoughS || count >= largestRound;
    if (isEnough || round.answered === 0) {
      const samplesPerSecond = round.answered === 0 ? null : round.answered / round.seconds;
      return { kind: 'untimed rounds', samples, seconds, samplesPerSecond };
    }
    // Aims a little beyond, and not too far, since a fuller batch is faster than the last one told.
    const aimed = Math.ceil((1.5 * longEnoughS * count) / round.seconds);
    count = Math.min(largestRound, 16 * count, aimed);
  }
}

async function runRound(
  sut: MeasuredSut,
  library: DatasetLibrary,
  count: number,
  signal: AbortSignal,
  idleMs: number,
): Promise<{ readonly answered: number; readonly seconds: number }> {
  const indices = Array.from({ length: count }, (_, id) => id % library.totalSampleCount);
  library.loadSamplesToRam(indices);
  sut.beginTest({ reportsFirstTokens: false });
  const startNs = process.hrtime.bigint();
  const answered = await answerAll(sut, indices, signal, idleMs);
  const seconds = Math.max(1e-6, Number(process.hrtime.bigint() - startNs) / 1e9);
  return { answered, seconds };
}

function answerAll(
  sut: MeasuredSut,
  indices: readonly number[],
  signal: AbortSignal,
  idleMs: number,
): Promise<number> {
  return new Promise((resolve) => {
    let left = indices.length;
    let answered = 0;
    const end = (count: number) => {
      clearTimeout(watchdog);
      signal.removeEventListener('abort', giveUp);
      resolve(count);
    };
    const giveUp = () => {
      sut.abandon();
      end(0);
    };
    const settle = (count: number) => {
      left -= count;
      if (left > 0) watchdog.refresh();
      else end(answered);
    };
    const watchdog = setTimeout(giveUp, idleMs);
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    sut.issueQuery(
      indices.map((index, id) => ({ id, index })),
      {
        firstTokenComplete: () => {},
        querySamplesComplete: (responses: readonly QuerySampleResponse[]) => {
          answered += responses.length;
          settle(responses.length);
        },
        sampleFailed: () => settle(1),
      },
    );
    sut.flushQueries();
  });
}
