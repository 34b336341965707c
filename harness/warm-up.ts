// How many samples a second does the system under test serve, roughly? Short untimed rounds over the first samples,
// which also bring caches, page tables and clocks to where a measurement finds them. Their answers count nowhere.

import {
  type Clock,
  type QuerySample,
  type QuerySampleResponse,
  RealClock,
  VirtualClock,
  Wakeup,
} from '../loadgen/index.js';
import type { DatasetLibrary } from './sample-library.js';
import type { MeasuredSut } from './sut/measured-sut.js';

const firstRound = 4;
/**
 * On a real clock so many that pauses of the machine weigh little. Nothing pauses on the virtual one, where a round costs
 * a user real seconds and hardly simulated ones.
 */
const largestRound = { real: 524_288, virtual: 32_768 };
/** A round this long has seen more of the steady state than of its own start and end. */
export const longEnoughS = 1;

/** What came before a performance pass. */
export interface WarmUp {
  readonly kind: 'accuracy pass' | 'untimed rounds';
  readonly samples: number;
  readonly seconds: number;
  /**
   * Over its last round, of several of the largest size over the fastest, since a run must not end early for a pause in
   * one; null when nothing was answered (the real run will say why), or no time went by.
   */
  readonly samplesPerSecond: number | null;
}

interface WarmUpPieces {
  readonly sut: MeasuredSut;
  readonly library: DatasetLibrary;
  readonly signal: AbortSignal;
  readonly idleMs: number;
  readonly clock: Clock;
}

/**
 * Rounds of growing size, until one lasts long enough, or the largest ones together do; a system silent for `idleMs` is
 * left to the real run.
 */
export async function warmUp(
  sut: MeasuredSut,
  library: DatasetLibrary,
  signal: AbortSignal,
  idleMs: number,
  clock: Clock = new RealClock(),
): Promise<WarmUp> {
  const pieces = { sut, library, signal, idleMs, clock };
  let [samples, seconds, atLargest, fastest] = [0, 0, 0, 0];
  const isVirtual = clock instanceof VirtualClock;
  const largest = isVirtual ? largestRound.virtual : largestRound.real;
  for (let count = firstRound; ; ) {
    const round = await runRound(pieces, count);
    samples += round.answered;
    seconds += round.seconds;
    const rate = round.answered / round.seconds;
    fastest = atLargest > 0 ? Math.max(fastest, rate) : rate;
    if (count >= largest) atLargest += round.seconds;
    // On the virtual clock nothing pauses: one round of the largest size tells what more of them would.
    const isLast = atLargest > 0 && isVirtual;
    const isEnough = isLast || Math.max(round.seconds, atLargest) >= longEnoughS;
    // On the virtual clock a system may answer in no time at all.
    const isTimeless = round.seconds === 0;
    if (isEnough || isTimeless || round.answered === 0) {
      const isMeasured = round.answered > 0 && !isTimeless;
      const samplesPerSecond = isMeasured ? fastest : null;
      return { kind: 'untimed rounds', samples, seconds, samplesPerSecond };
    }
    // Aims a little beyond, and not too far, since a fuller batch is faster than the last one told.
    const aimed = Math.ceil((1.5 * longEnoughS * count) / round.seconds);
    count = Math.min(largest, 16 * count, aimed);
  }
}

async function runRound(
  pieces: WarmUpPieces,
  count: number,
): Promise<{ readonly answered: number; readonly seconds: number }> {
  const { sut, library, clock } = pieces;
  const indices = Array.from({ length: count }, (_, id) => id % library.totalSampleCount);
  library.loadSamplesToRam(indices);
  sut.beginTest({ pass: null, reportsFirstTokens: false });
  const samples = indices.map((index, id) => ({ id, index }));
  const startNs = clock.nowNs();
  const { answered, lastNs } = await answerAll(pieces, samples);
  // By the instant that the system gave its last answer, as LoadGen counts it.
  return { answered, seconds: ((lastNs ?? clock.nowNs()) - startNs) / 1e9 };
}

/** How many were answered; 0 when the round was given up. */
async function answerAll(
  { sut, signal, idleMs, clock }: WarmUpPieces,
  samples: readonly QuerySample[],
): Promise<{ readonly answered: number; readonly lastNs: number | null }> {
  const wakeup = new Wakeup();
  let left = samples.length;
  let answered = 0;
  let lastNs: number | null = null;
  let lastActivityNs = clock.nowNs();
  const settle = (count: number) => {
    left -= count;
    lastActivityNs = clock.nowNs();
    if (left <= 0) wakeup.ring();
  };
  const ring = () => wakeup.ring();
  signal.addEventListener('abort', ring, { once: true });
  try {
    if (!signal.aborted) {
      sut.issueQuery(samples, {
        firstTokenComplete: () => {},
        querySamplesComplete: (responses: readonly QuerySampleResponse[], atNs = clock.nowNs()) => {
          answered += responses.length;
          lastNs = Math.max(lastNs ?? 0, atNs);
          settle(responses.length);
        },
        sampleFailed: () => settle(1),
      });
      sut.flushQueries();
    }
    const isPatient = () => clock.nowNs() < lastActivityNs + idleMs * 1e6;
    while (left > 0 && !signal.aborted && isPatient()) {
      await clock.sleepUntil(lastActivityNs + idleMs * 1e6, wakeup);
    }
  } finally {
    signal.removeEventListener('abort', ring);
  }
  if (left <= 0) return { answered, lastNs };
  sut.abandon();
  return { answered: 0, lastNs: null };
}
