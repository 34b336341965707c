// Which rows of the library are loaded together, and in which order: the part of the plan the library itself sees.

import type { EffectiveSettings } from './effective-settings.js';
import { MersenneTwister, shuffle } from './random.js';

/** What a series is run for. */
export type SeriesMode = 'accuracy' | 'performance';

/** A set of library rows to be loaded together. */
export interface LoadableSet {
  /** In the order given to the library, padding included. */
  readonly indices: Uint32Array;
  /** Length without the padding: a query may start below it. */
  readonly end: number;
}

/** 0, 1, 2, ... */
export function iota(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
}

/**
 * Cuts the library into loadable sets.
 * @param totalSampleCount the library's own count.
 * Today only as many rows are shuffled as are used; LoadGen up to v5.1 shuffled the whole library first.
 */
export function loadableSets(
  settings: EffectiveSettings,
  mode: SeriesMode,
  totalSampleCount: number,
): LoadableSet[] {
  const wanted =
    mode === 'accuracy' ? settings.accuracySampleCount : settings.performanceSampleCount;
  const used = Math.min(
    settings.sampleSetOrder === 'legacy' ? totalSampleCount : wanted,
    totalSampleCount,
  );
  const rows = iota(used);
  shuffle(new MersenneTwister(settings.qslRngSeed), rows);
  const sets: LoadableSet[] = [];
  for (let start = 0; start < used; start += settings.performanceSampleCount) {
    const piece = rows.slice(start, start + settings.performanceSampleCount);
    sets.push({ indices: padded(piece, settings), end: piece.length });
  }
  return mode === 'accuracy' ? sets : sets.slice(0, 1);
}

/** MultiStream queries are runs of neighbours, so a set ends with a copy of its own beginning. */
function padded(piece: Uint32Array, settings: EffectiveSettings): Uint32Array {
  if (settings.scenario !== 'MultiStream') return piece;
  const indices = new Uint32Array(piece.length + settings.samplesPerQuery - 1);
  indices.set(piece);
  // A set shorter than its padding goes round more than once.
  for (let i = 0; i < settings.samplesPerQuery - 1; i++) indices[piece.length + i] = indices[i]!;
  return indices;
}
