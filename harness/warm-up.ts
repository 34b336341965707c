// How many samples a second does the system under test serve, roughly? A short untimed run over the first samples,
// which also brings caches, page tables and clocks to where a measurement finds them. Its answers count nowhere.

import type { QuerySampleResponse } from '../loadgen/index.js';
import type { DatasetLibrary } from './sample-library.js';
import type { MeasuredSut } from './sut/measured-sut.js';

const firstRound = 64;
const largestRound = 65_536;
/** A round this long has seen more of the steady state than of its own start and end. */
const longEnoughS = 1;
/** Samples per second; null when nothing was answered (the real run will say why). */
export async function estimateRate(
  sut: MeasuredSut,
  library: DatasetLibrary,
  signal: AbortSignal,
): Promise<number | null> {
  for (let count = firstRound; ; count *= 4) {
    const indices = Array.from({ length: count }, (_, id) => id % library.totalSampleCount);
    library.loadSamplesToRam(indices);
    sut.beginTest({ reportsFirstTokens: false });
    const startNs = process.hrtime.bigint();
    const answered = await answerAll(sut, indices, signal);
    const seconds = Number(process.hrtime.bigint() - startNs) / 1e9;
    if (answered === 0) return null;
    if (seconds >= longEnoughS || count >= largestRound) {
      return answered / Math.max(seconds, 1e-6);
    }
  }
}

function answerAll(
  sut: MeasuredSut,
  indices: readonly number[],
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve) => {
    let left = indices.length;
    let answered = 0;
    const giveUp = () => {
      sut.abandon();
      resolve(0);
    };
    const settle = (count: number) => {
      left -= count;
      if (left > 0) return;
      signal.removeEventListener('abort', giveUp);
      resolve(answered);
    };
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
