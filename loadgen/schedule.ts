// In which order samples are asked for and when they are due: a pure function of settings and seeds.
// The clock, the library and the system under test play no part here.

import type { EffectiveSettings } from './effective-settings.js';
import { iota, type LoadableSet, type SeriesMode } from './loadable-sets.js';
import { exponential, MersenneTwister, shuffle, uniformInt } from './random.js';

/** The queries of one series: query q is samples q * samplesPerQuery and following. */
export interface SeriesPlan {
  readonly mode: SeriesMode;
  readonly set: LoadableSet;
  readonly queryCount: number;
  readonly samplesPerQuery: number;
  /** Library rows in the order of issue, flattened. */
  readonly sampleIndices: Uint32Array;
  /** Due time of each query since the start of the series. */
  readonly scheduledNs: Float64Array;
  /** The due time that one more query would have had. */
  readonly durationNs: number;
}

/** The three shuffled lists every series draws, used or not: leaving one out would move all later draws. */
interface DrawnLists {
  readonly accuracyOrder: Uint32Array;
  readonly uniqueOrder: Uint32Array;
  readonly equalIssue: Uint32Array;
}

function strided(end: number, stride: number): Uint32Array {
  return Uint32Array.from({ length: Math.ceil(end / stride) }, (_, i) => i * stride);
}

function drawLists(
  engine: MersenneTwister,
  settings: EffectiveSettings,
  mode: SeriesMode,
  set: LoadableSet,
  minQueries: number,
): DrawnLists {
  const stride = settings.scenario === 'MultiStream' ? settings.samplesPerQuery : 1;
  const accuracyOrder = strided(mode === 'accuracy' ? set.end : 0, stride);
  shuffle(engine, accuracyOrder);
  const uniqueOrder = strided(set.end, stride);
  shuffle(engine, uniqueOrder);
  const size = set.indices.length;
  const passes = Math.ceil(minQueries / size);
  const pass = iota(size);
  const equalIssue = new Uint32Array(passes * size);
  for (let p = 0; p < passes; p++) {
    shuffle(engine, pass);
    equalIssue.set(pass, p * size);
  }
  return { accuracyOrder, uniqueOrder, equalIssue };
}

/** The loaded set over and over until a query of `count` samples is full. */
function offlineSamples(
  engine: MersenneTwister,
  settings: EffectiveSettings,
  set: LoadableSet,
  count: number,
): Uint32Array {
  const size = set.indices.length;
  const samples = new Uint32Array(count);
  // Its name says performance; it acts in accuracy mode too.
  if (settings.performanceIssueSame) {
    return samples.fill(set.indices[settings.performanceIssueSameIndex] ?? 0);
  }
  for (let start = 0; start < count; start += size) {
    const full = start + size <= count;
    const pass = full ? set.indices.slice() : set.indices.subarray(0, count - start);
    if (full && settings.sampleConcatenatePermutation) shuffle(engine, pass);
    samples.set(pass, start);
  }
  return samples;
}

/** Room made at once for a schedule's queries; longer ones grow. */
const maxExpectedQueries = 20_000_000;

/** A growing list of doubles. */
class GrowingColumn {
  #values: Float64Array;
  length = 0;

  constructor(capacity: number) {
    this.#values = new Float64Array(Math.max(16, capacity));
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const wider = new Float64Array(this.#values.length * 2);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[this.length++] = value;
  }

  /** What was pushed, sharing the column's memory. */
  view(): Float64Array {
    return this.#values.subarray(0, this.length);
  }
}

/** Chooses the position in the loaded set at which query number `query` starts. */
type StartPicker = (query: number) => number;

function startPicker(
  engine: MersenneTwister,
  settings: EffectiveSettings,
  mode: SeriesMode,
  set: LoadableSet,
  lists: DrawnLists,
): StartPicker {
  // Their names say performance; they act in accuracy mode too.
  if (settings.performanceIssueUnique) return (q) => lists.uniqueOrder[q] ?? 0;
  if (settings.performanceIssueSame) return () => settings.performanceIssueSameIndex;
  if (settings.sampleConcatenatePermutation && settings.scenario !== 'MultiStream') {
    return (q) => lists.equalIssue[q % lists.equalIssue.length] ?? 0;
  }
  if (mode === 'accuracy') return (q) => lists.accuracyOrder[q] ?? 0;
  return () => uniformInt(engine, set.end);
}

/** How long to generate for, and at least how many queries. */
interface Extent {
  readonly durationNs: number;
  readonly minQueries: number;
}

function extentOf(
  settings: EffectiveSettings,
  mode: SeriesMode,
  size: number,
  spq: number,
): Extent {
  if (mode === 'accuracy' || settings.performanceIssueUnique) {
    return { durationNs: 0, minQueries: Math.floor(size / spq) };
  }
  const factor = settings.scenario === 'Server' ? 1 : 2;
  return {
    durationNs: settings.targetDurationMs * 1e6 * factor,
    minQueries: settings.minQueryCount,
  };
}

/** Generates the queries of one series from freshly seeded engines. */
export function generateSeries(
  settings: EffectiveSettings,
  mode: SeriesMode,
  set: LoadableSet,
): SeriesPlan {
  const isOffline = settings.scenario === 'Offline';
  const spq = isOffline && mode === 'accuracy' ? set.end : settings.samplesPerQuery;
  const extent = extentOf(settings, mode, set.indices.length, spq);
  const engine = new MersenneTwister(settings.sampleIndexRngSeed);
  const lists = drawLists(engine, settings, mode, set, extent.minQueries);
  const inputs = { settings, mode, set, spq, extent, engine, lists };
  return isOffline ? planOffline(inputs) : planPaced(inputs);
}

interface PlanInputs {
  readonly settings: EffectiveSettings;
  readonly mode: SeriesMode;
  readonly set: LoadableSet;
  readonly spq: number;
  readonly extent: Extent;
  readonly engine: MersenneTwister;
  readonly lists: DrawnLists;
}

/** With permutations, a performance series holds whole ones only. */
function wholePasses({ settings, mode, set }: PlanInputs, count: number): number {
  const isPadded = settings.sampleConcatenatePermutation && mode === 'performance';
  const size = set.indices.length;
  return isPadded ? Math.ceil(count / size) * size : count;
}

function planOffline(inputs: PlanInputs): SeriesPlan {
  const { settings, mode, set, engine } = inputs;
  const samplesPerQuery = wholePasses(inputs, inputs.spq);
  const queryCount = inputs.extent.minQueries > 0 ? 1 : 0;
  return {
    mode,
    set,
    queryCount,
    samplesPerQuery,
    sampleIndices: offlineSamples(engine, settings, set, queryCount * samplesPerQuery),
    scheduledNs: new Float64Array(queryCount),
    durationNs: queryCount * fixedPeriodNs(settings.targetQps),
  };
}

function planPaced(inputs: PlanInputs): SeriesPlan {
  const { settings, mode, set, spq, engine, lists } = inputs;
  const minQueries = wholePasses(inputs, inputs.extent.minQueries);
  const growBy = settings.sampleConcatenatePermutation ? set.indices.length : 0;
  const pick = startPicker(engine, settings, mode, set, lists);
  const timed = generateTimed(settings, { ...inputs.extent, minQueries }, growBy, pick);
  return {
    mode,
    set,
    queryCount: timed.starts.length,
    samplesPerQuery: spq,
    sampleIndices: neighbours(set, timed.starts, spq),
    scheduledNs: timed.scheduledNs,
    durationNs: timed.durationNs,
  };
}

function fixedPeriodNs(targetQps: number): number {
  return Math.trunc((1 / targetQps) * 1e9);
}

/** Starts and due times of the queries of a paced scenario. */
function generateTimed(
  settings: EffectiveSettings,
  extent: Extent,
  growBy: number,
  pick: StartPicker,
): { starts: Float64Array; scheduledNs: Float64Array; durationNs: number } {
  const scheduleEngine = new MersenneTwister(settings.scheduleRngSeed);
  const isServer = settings.scenario === 'Server';
  const period = fixedPeriodNs(settings.targetQps);
  const expected = Math.ceil((1.02 * extent.durationNs * settings.targetQps) / 1e9);
  const capacity = Math.max(extent.minQueries, Math.min(expected, maxExpectedQueries));
  const starts = new GrowingColumn(capacity);
  const due = new GrowingColumn(capacity);
  let minQueries = extent.minQueries;
  let previousNs = 0;
  let timeNs = 0;
  while (previousNs < extent.durationNs || starts.length < minQueries) {
    starts.push(pick(starts.length));
    due.push(timeNs);
    previousNs = timeNs;
    timeNs += isServer ? Math.trunc(exponential(scheduleEngine, settings.targetQps) * 1e9) : period;
    if (starts.length >= minQueries && previousNs < extent.durationNs) minQueries += growBy;
  }
  // What is held for as long as the test lasts takes no more than it needs.
  return { starts: starts.view(), scheduledNs: due.view().slice(), durationNs: timeNs };
}

function neighbours(set: LoadableSet, starts: Float64Array, spq: number): Uint32Array {
  const samples = new Uint32Array(starts.length * spq);
  for (let q = 0; q < starts.length; q++) {
    for (let s = 0; s < spq; s++) samples[q * spq + s] = set.indices[starts[q]! + s] ?? 0;
  }
  return samples;
}
