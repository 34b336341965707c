// One measurement of LoadGen itself, in a process of its own so that neither a warm compiler nor another's memory helps:
// `node dist/harness/loadgen-measurement.js NAME` prints one JSON object. What is measured against what, and how often,
// is bench-loadgen.ts's business.

import {
  defaultSettings,
  officialSeeds,
  type QuerySample,
  type QuerySampleLibrary,
  type Responder,
  type SystemUnderTest,
  startTest,
  type TestOutcome,
  type TestSettings,
  VirtualClock,
} from '../loadgen/index.js';

/** Figures by name, with their unit at its end. */
export type Measurement = Readonly<Record<string, number>>;

const writer = { name: 'loadmark', version: 'benchmark' };
const rows = 24_576;
const base: TestSettings = {
  ...defaultSettings,
  ...officialSeeds('v6.1'),
  serverTargetLatencyNs: 3.6e12,
  minDurationMs: 0,
};
const noData = new Uint8Array(0);

/** Answers on the caller's stack, as the null system of LoadGen's own benchmark does. */
class NullSystem implements SystemUnderTest {
  readonly name = 'null';
  /** What the process held when the first query came. */
  heldBytes = 0;
  firstQueryMs = 0;

  issueQuery(samples: readonly QuerySample[], responder: Responder): void {
    if (this.firstQueryMs === 0) {
      this.firstQueryMs = performance.now();
      this.heldBytes = countHeldBytes();
    }
    responder.querySamplesComplete(samples.map(({ id }) => ({ id, data: noData, tokenCount: 0 })));
  }

  flushQueries(): void {}
}

/** Notes when its samples were loaded: what comes after is generation. */
class Rows implements QuerySampleLibrary {
  readonly name = 'rows';
  readonly totalSampleCount = rows;
  readonly performanceSampleCount = rows;
  loadedMs = 0;
  heldBytes = 0;

  loadSamplesToRam(): void {
    this.heldBytes = countHeldBytes();
    this.loadedMs = performance.now();
  }

  unloadSamplesFromRam(): void {}
}

function countHeldBytes(): number {
  globalThis.gc?.();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}

interface Timed {
  readonly outcome: TestOutcome;
  readonly system: NullSystem;
  readonly library: Rows;
  readonly wholeSeconds: number;
  /** From the start of the series to its last answer. */
  readonly seriesSeconds: number;
}

async function time(settings: Partial<TestSettings>): Promise<Timed> {
  const system = new NullSystem();
  const library = new Rows();
  const startMs = performance.now();
  const outcome = await startTest(system, library, { ...base, ...settings }, { writer });
  const wholeSeconds = (performance.now() - startMs) / 1000;
  if (!outcome.valid) throw new Error(`INVALID: ${outcome.invalidReasons.join('; ')}`);
  const { startNs, endNs } = outcome.series[0]!;
  return { outcome, system, library, wholeSeconds, seriesSeconds: (endNs - startNs) / 1e9 };
}

function queriesPerSecond({ outcome, seriesSeconds }: Timed): number {
  return outcome.metrics!.queryCount / seriesSeconds;
}

async function measureSingleStream(): Promise<Measurement> {
  const timed = await time({
    scenario: 'SingleStream',
    singleStreamExpectedLatencyNs: 1000,
    minQueryCount: 300_000,
  });
  return { queriesPerSecond: queriesPerSecond(timed), wholeSeconds: timed.wholeSeconds };
}

/** Every query is due long before it can go out. */
async function measureServer(): Promise<Measurement> {
  const timed = await time({ scenario: 'Server', serverTargetQps: 1e8, minQueryCount: 600_000 });
  const { outcome, system, library, wholeSeconds } = timed;
  return {
    queriesPerSecond: queriesPerSecond(timed),
    wholeSeconds,
    generationSeconds: (system.firstQueryMs - library.loadedMs) / 1000,
    bytesPerQueryHeld: (system.heldBytes - library.heldBytes) / outcome.metrics!.queryCount,
  };
}

async function measureOffline(): Promise<Measurement> {
  const { seriesSeconds, wholeSeconds } = await time({
    scenario: 'Offline',
    minQueryCount: 1_000_000,
  });
  return { issueToCompletedSeconds: seriesSeconds, wholeSeconds };
}

/** @param rate queries a second of the Poisson schedule. */
async function measureIssueLag(rate: number, seconds: number): Promise<Measurement> {
  const { outcome } = await time({
    scenario: 'Server',
    serverTargetQps: rate,
    minDurationMs: 1000 * seconds,
  });
  const { issueLag, latency } = outcome.metrics!;
  return {
    lagP50Us: issueLag.p50Ns / 1000,
    lagP99Us: issueLag.p99Ns / 1000,
    lagP99_9Us: issueLag.p99_9Ns / 1000,
    lagMaxUs: issueLag.maxNs / 1000,
    latencyP50Us: latency.p50Ns / 1000,
    latencyP99Us: latency.p99Ns / 1000,
    latencyP99_9Us: latency.p99_9Ns / 1000,
    latencyMaxUs: latency.maxNs / 1000,
  };
}

/** A language model on the virtual clock: 50 ms to the first of 100 tokens, 20 ms a token. */
function virtualSystem(clock: VirtualClock): SystemUnderTest {
  const tokenCount = 100;
  const firstNs = 50e6;
  const restNs = (tokenCount - 1) * 20e6;
  return {
    name: 'virtual',
    issueQuery(samples, responder) {
      const now = clock.nowNs();
      const first = samples.map(({ id }) => ({ id, data: noData, tokenCount: 1 }));
      const whole = samples.map(({ id }) => ({ id, data: noData, tokenCount }));
      clock.schedule(now + firstNs, () => responder.firstTokenComplete(first));
      clock.schedule(now + firstNs + restNs, () => responder.querySamplesComplete(whole));
    },
    flushQueries() {},
  };
}

/** 24 hours of Server traffic, 10 million queries, on the virtual clock. */
async function measureDay(): Promise<Measurement> {
  const clock = new VirtualClock();
  const hours = 24;
  const queries = 10_000_000;
  const settings: TestSettings = {
    ...base,
    scenario: 'Server',
    serverTargetQps: queries / (hours * 3600),
    minDurationMs: hours * 3_600_000 - 60_000,
    minQueryCount: queries,
    useTokenLatencies: true,
    serverTtftLatencyNs: 1e9,
    serverTpotLatencyNs: 1e9,
  };
  const startMs = performance.now();
  const outcome = await startTest(virtualSystem(clock), new Rows(), settings, { writer, clock });
  if (!outcome.valid) throw new Error(`INVALID: ${outcome.invalidReasons.join('; ')}`);
  return {
    queries: outcome.metrics!.queryCount,
    simulatedHours: outcome.metrics!.durationNs / 3.6e12,
    wholeSeconds: (performance.now() - startMs) / 1000,
    peakResidentBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** All there are, by name. */
const measurements: Readonly<Record<string, () => Promise<Measurement>>> = {
  'single-stream': measureSingleStream,
  server: measureServer,
  offline: measureOffline,
  'issue-lag-1000': () => measureIssueLag(1000, 5),
  'issue-lag-10000': () => measureIssueLag(10_000, 5),
  day: measureDay,
};

const name = process.argv[2] ?? '';
const measure = Object.hasOwn(measurements, name) ? measurements[name] : undefined;
if (measure === undefined) {
  process.stderr.write(
    `loadgen-measurement: there is no "${name}"; allowed: ${Object.keys(measurements).join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  process.stdout.write(`${JSON.stringify(await measure())}\n`);
}
