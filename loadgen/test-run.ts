// One test in progress: the parties, the clock, the record and the logs, and how a series is run with them.
// Which series are run, and in which order, is the modes' business.

import { AccuracySampler } from './accuracy-sampler.js';
import type { Clock } from './clock.js';
import type { QuerySampleLibrary, SystemUnderTest } from './contracts.js';
import type { EffectiveSettings } from './effective-settings.js';
import { remarkOnIssueLag } from './issue-lag.js';
import { issueSeries } from './issuing.js';
import { type LoadableSet, loadableSets, type SeriesMode } from './loadable-sets.js';
import type { DetailLog } from './log/detail.js';
import { logGenerated, logSeriesEnd } from './log/detail-results.js';
import { Trace, type TracedSample } from './log/trace.js';
import type { PeakProbe, TestOptions } from './outcome.js';
import { Recorder, type RecorderTrace } from './recorder.js';
import { generateSeries } from './schedule.js';
import { type SeriesRecord, settledSamples } from './series-record.js';
import { type SeriesResult, summarizeSeries } from './series-result.js';
import { judgeSeries, type Verdict } from './verdict.js';
import { Waiter } from './waiter.js';

const progressPeriodNs = 100e6;

/** What a test is made of before it starts. */
export interface TestParts {
  readonly sut: SystemUnderTest;
  readonly sutName: string;
  readonly library: QuerySampleLibrary;
  readonly settings: EffectiveSettings;
  readonly clock: Clock;
  readonly startedAtNs: number;
  readonly options: TestOptions;
  readonly log: DetailLog;
}

/** The series a test reports. */
export interface Report {
  readonly record: SeriesRecord;
  readonly result: SeriesResult;
  readonly verdict: Verdict;
  /** What a reader should know although it does not decide the verdict. */
  readonly remarks: readonly string[];
}

/** A test in progress; times are ns since its start. */
export class TestRun {
  readonly settings: EffectiveSettings;
  readonly log: DetailLog;
  readonly sutName: string;
  readonly recorder: Recorder;
  readonly waiter: Waiter;
  readonly trace: Trace | null;
  readonly series: SeriesRecord[] = [];
  /** The reported performance series, once there is one. */
  report: Report | null = null;
  /** What find-peak has found out so far; null in the other modes. */
  peakSearch: { peakQps: number | null; readonly probes: PeakProbe[] } | null = null;
  /** Reasons for INVALID that the mode found. */
  readonly modeReasons: string[] = [];
  summary = '';
  readonly #parts: TestParts;
  readonly #sampler: AccuracySampler;
  #lastProgressNs = 0;

  constructor(parts: TestParts) {
    this.#parts = parts;
    const { settings, options, clock, startedAtNs, log } = parts;
    this.settings = settings;
    this.log = log;
    this.sutName = parts.sutName;
    options.observer?.testStarted(startedAtNs);
    this.#sampler = new AccuracySampler(settings);
    this.trace = options.trace === true ? new Trace(settings.scenario === 'Server') : null;
    const idleNs = (options.watchdog?.idleMs ?? Number.POSITIVE_INFINITY) * 1e6;
    this.waiter = new Waiter(clock, startedAtNs, idleNs);
    this.recorder = new Recorder(
      {
        useTokenLatencies: settings.useTokenLatencies,
        needsFirstToken: settings.scenario !== 'Offline',
        nowNs: () => this.waiter.nowNs(),
        sinceStart: (readingNs) => readingNs - startedAtNs,
      },
      {
        onFault: (message) => log.errorAtLastEntry(message),
        onSettled: () => this.waiter.wakeup.ring(),
        onActivity: (nowNs) => this.#reportProgress(nowNs),
        trace: this.trace === null ? null : this.#recorderTrace(this.trace),
        observer: options.observer ?? null,
      },
    );
  }

  /** The sets to be loaded for a mode. */
  sets(mode: SeriesMode): LoadableSet[] {
    const now = this.waiter.nowNs();
    const sets = loadableSets(this.settings, mode, this.#parts.library.totalSampleCount);
    this.trace?.span('GenerateLoadableSets', now, this.waiter.nowNs());
    return sets;
  }

  async load(set: LoadableSet): Promise<void> {
    this.log.add('loadgen.cc', 'loaded_qsl_set', set.indices);
    const start = this.waiter.nowNs();
    await this.#parts.library.loadSamplesToRam(Array.from(set.indices));
    this.trace?.span('LoadSamples', start, this.waiter.nowNs(), { count: set.indices.length });
  }

  async unload(set: LoadableSet): Promise<void> {
    const start = this.waiter.nowNs();
    await this.#parts.library.unloadSamplesFromRam(Array.from(set.indices));
    // Sic: LoadGen's spelling.
    this.trace?.span('UnloadSampes', start, this.waiter.nowNs(), { count: set.indices.length });
  }

  /** Generates, issues and awaits one series on a loaded set. */
  async runSeries(
    mode: SeriesMode,
    set: LoadableSet,
    settings: EffectiveSettings = this.settings,
  ): Promise<SeriesRecord> {
    const { sut } = this.#parts;
    const generateNs = this.waiter.nowNs();
    const plan = generateSeries(settings, mode, set);
    const isLogged = this.#sampler.mark(plan.sampleIndices.length, mode === 'accuracy');
    const record = this.recorder.beginSeries(plan, this.series.length, isLogged);
    this.series.push(record);
    this.trace?.span('GenerateQueries', generateNs, this.waiter.nowNs());
    logGenerated(this.log, plan);
    await issueSeries({
      settings,
      series: record,
      sut,
      recorder: this.recorder,
      waiter: this.waiter,
      log: this.log,
      trace: this.trace,
      onIssued: (nowNs) => this.#reportProgress(nowNs),
    });
    sut.flushQueries();
    await this.waiter.untilSettled(this.recorder, record);
    this.#endSeries(record);
    return record;
  }

  #endSeries(record: SeriesRecord): void {
    if (this.waiter.stopReason === 'stalled') {
      const abandoned = this.recorder.abandon('not answered before the run was given up');
      this.log.error(
        'loadgen.cc',
        'error_runtime',
        `The system under test went silent: ${abandoned.length} samples were outstanding, the first of them ` +
          `sample ${abandoned[0]?.sampleId} (library index ${abandoned[0]?.sampleIndex}).`,
      );
    }
    const { clock, startedAtNs } = this.#parts;
    const endNs = Math.max(record.startNs, record.maxCompletionNs);
    logSeriesEnd(
      this.log,
      clock.unixMs(startedAtNs + record.startNs),
      clock.unixMs(startedAtNs + endNs),
    );
    this.#reportProgress(this.waiter.nowNs(), true);
  }

  /** Figures and verdict of a finished performance series. */
  judge(record: SeriesRecord, settings: EffectiveSettings = this.settings): Report {
    const result = summarizeSeries(settings, record, this.recorder.columns());
    const lag = remarkOnIssueLag(result);
    const remarks = lag === null ? [] : [lag];
    return { record, result, verdict: judgeSeries(result, this.ownReasons()), remarks };
  }

  /** Reasons for INVALID that LoadGen does not know. */
  ownReasons(): string[] {
    const reasons: string[] = [...this.modeReasons];
    if (this.waiter.stopReason === 'interrupted') reasons.push('interrupted');
    if (this.waiter.stopReason === 'stalled') {
      reasons.push('The system under test went silent while samples were outstanding.');
    }
    const failures = this.recorder.failedSamples.length;
    if (failures > 0) {
      const first = this.recorder.failedSamples[0]!;
      reasons.push(
        `${failures} ${failures === 1 ? 'sample' : 'samples'} failed, first sample ${first.sampleId}: ${first.reason.replaceAll(/\s+/g, ' ')}`,
      );
    }
    return reasons;
  }

  #reportProgress(nowNs: number, isForced = false): void {
    const { onProgress } = this.#parts.options;
    const record = this.series[this.series.length - 1];
    if (onProgress === undefined || record === undefined) return;
    if (!isForced && nowNs - this.#lastProgressNs < progressPeriodNs) return;
    this.#lastProgressNs = nowNs;
    onProgress({
      issued: record.issuedSamples,
      completed: settledSamples(record),
      total: record.plan.sampleIndices.length,
    });
  }

  #recorderTrace(trace: Trace): RecorderTrace {
    const sample = (sampleId: number): TracedSample => {
      const columns = this.recorder.columns();
      return {
        sampleId,
        queryId: columns.queryId[sampleId]!,
        sampleIndex: columns.sampleIndex[sampleId]!,
        scheduledNs: columns.scheduledNs[sampleId]!,
        issuedNs: columns.issuedNs[sampleId]!,
      };
    };
    return {
      firstToken: (id, atNs) => trace.firstToken(sample(id), atNs),
      sampleComplete: (id, atNs) => trace.complete(sample(id), atNs),
      callComplete: (name, fromNs, toNs) => trace.span(name, fromNs, toNs),
    };
  }
}
