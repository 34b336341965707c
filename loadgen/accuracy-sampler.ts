// Which samples of a performance run go to the accuracy log: a random value a sample, an offset a run, one threshold.

import type { EffectiveSettings } from './effective-settings.js';
import { MersenneTwister, uniformReal } from './random.js';

/** The effective settings that decide what is logged. */
export type SamplingTerms = Pick<
  EffectiveSettings,
  | 'scenario'
  | 'accuracyLogRngSeed'
  | 'accuracyLogProbability'
  | 'accuracyLogSamplingTarget'
  | 'targetQps'
  | 'minDurationMs'
  | 'samplesPerQuery'
  | 'minQueryCount'
  | 'minSampleCount'
>;

/** The ids of the samples that a performance run of `count` samples writes to its accuracy log, ascending. */
export function accuracyLoggedSamples(settings: SamplingTerms, count: number): number[] {
  const marks = new AccuracySampler(settings).mark(count, false);
  return Array.from(marks.keys()).filter((id) => marks[id] === 1);
}

/** Draws one value a sample, in the order of sample ids over all series of a test. */
export class AccuracySampler {
  /** Added to every value, modulo 1; the only thing the configured seed decides. */
  readonly offset: number;
  /** Values up to this are logged. */
  readonly probability: number;
  // LoadGen never seeds this engine.
  readonly #engine = new MersenneTwister();

  constructor(settings: SamplingTerms) {
    this.offset = uniformReal(new MersenneTwister(settings.accuracyLogRngSeed));
    this.probability = loggingProbability(settings);
  }

  /** The value of the next sample. */
  next(): number {
    return uniformReal(this.#engine);
  }

  /** Which of the next `count` samples are logged: 1, the others 0. Draws for each even where all are. */
  mark(count: number, logsAll: boolean): Uint8Array {
    const marks = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      const isLogged = this.isLogged(this.next());
      if (isLogged || logsAll) marks[i] = 1;
    }
    return marks;
  }

  isLogged(value: number): boolean {
    const shifted = value + this.offset;
    return (shifted >= 1 ? shifted - 1 : shifted) <= this.probability;
  }
}

/** A sampling target is a probability in disguise: the target over the number of samples expected. */
function loggingProbability(settings: SamplingTerms): number {
  if (settings.accuracyLogSamplingTarget <= 0) return settings.accuracyLogProbability;
  const isOffline = settings.scenario === 'Offline';
  const expectedQueries = Math.trunc((settings.targetQps * settings.minDurationMs) / 1000);
  const expected = Math.max(
    expectedQueries * (isOffline ? 1 : settings.samplesPerQuery),
    isOffline ? settings.minSampleCount : settings.minQueryCount * settings.samplesPerQuery,
  );
  return settings.accuracyLogSamplingTarget / expected;
}
