// The types at LoadGen's door: what a test may be given besides its settings, and all that it hands back.
// Numbers here carry their unit in the name; an absent number is null (or NaN inside a typed array), never 0.

import type { Clock } from './clock.js';
import type { EffectiveSettings } from './effective-settings.js';
import type { TestSettings } from './settings.js';

/** How far a series has come. */
export interface Progress {
  /** Samples issued so far. */
  readonly issued: number;
  /** Samples answered (or given up) so far. */
  readonly completed: number;
  /** Samples generated for the series; a run may end before all are issued. */
  readonly total: number;
}

/**
 * Hears of every sample when it happens, on the thread that issues: keep it to a few stores. Times are ns since the start
 * of the test.
 */
export interface SampleObserver {
  /** @param startedAtNs reading of the clock that the other times count from. */
  testStarted(startedAtNs: number): void;
  /** A query of so many samples went out, so late. */
  issued(samples: number, lagNs: number): void;
  completed(sampleId: number, scheduledNs: number, completedNs: number, tokenCount: number): void;
  failed(): void;
}

/** What a test may be given besides its settings. */
export interface TestOptions {
  /** The monotonic clock of this machine when left out. */
  readonly clock?: Clock;
  /** Aborting ends the run early: nothing more is issued or waited for, and the outcome is INVALID. */
  readonly signal?: AbortSignal;
  /** Called at most every 100 ms, between queries, on the thread that issues: keep it cheap. */
  readonly onProgress?: (progress: Progress) => void;
  /** Told of every sample besides the record. */
  readonly observer?: SampleObserver;
  /** Ends the run with an error when nothing is answered for `idleMs` while samples are outstanding. */
  readonly watchdog?: { readonly idleMs: number };
  /** Who the detail log says wrote it. */
  readonly writer: { readonly name: string; readonly version: string };
  /** Text of an auditor's file: its settings override the requested ones, with a warning. */
  readonly auditConf?: string;
  /** What a ConfLoader that read the settings found wrong; counted among the errors of the test. */
  readonly confErrors?: readonly LoggedFault[];
  /** Fills the trace log (Chrome trace events); false by default. */
  readonly trace?: boolean;
}

/** A distribution by LoadGen's percentile rule: element trunc(n * p) of the sorted values, mean truncated. */
export interface Distribution {
  readonly count: number;
  readonly minNs: number;
  readonly meanNs: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p95Ns: number;
  readonly p97Ns: number;
  readonly p99Ns: number;
  readonly p99_9Ns: number;
  readonly maxNs: number;
}

/** The figures of the reported series, as LoadGen computes them. */
export interface Metrics {
  /** From the scheduled instant to the answer, per sample (MultiStream: per query). */
  readonly latency: Distribution;
  /** From the scheduled instant to the first token; null where the system under test reported none. */
  readonly ttft: Distribution | null;
  /** Per output token after the first; null where no first token was reported. */
  readonly tpot: Distribution | null;
  /** Issued minus scheduled instant, per query: how late the client itself was. */
  readonly issueLag: Distribution;
  /** Queries issued. */
  readonly queryCount: number;
  /** Samples recorded. */
  readonly sampleCount: number;
  /** Output tokens recorded; null without token latencies. */
  readonly tokenCount: number | null;
  /** From the start of the series to its last answer. */
  readonly durationNs: number;
  /** The scenario's own samples per second: Offline `Samples per second`, Server `Completed samples per second`. */
  readonly samplesPerSecond: number;
  /** Server: rate at which queries were due; null elsewhere. */
  readonly scheduledSamplesPerSecond: number | null;
  /** The scenario's own tokens per second, measured; null without token latencies. */
  readonly tokensPerSecond: number | null;
  /** Tokens per second derived from samples per second; null unless asked for. */
  readonly inferredTokensPerSecond: number | null;
  /** Server: queries above the target latency; null elsewhere. */
  readonly overlatencyQueryCount: number | null;
}

/** A sample that was issued and not answered. */
export interface FailedSample {
  readonly sampleId: number;
  readonly sampleIndex: number;
  readonly reason: string;
}

/** One series: one loaded set, issued from its start to its last answer. */
export interface SeriesOutcome {
  readonly mode: 'accuracy' | 'performance';
  /** Its samples are the ids firstSampleId .. firstSampleId + sampleCount - 1. */
  readonly firstSampleId: number;
  readonly sampleCount: number;
  /** Since the start of the test. */
  readonly startNs: number;
  /** Since the start of the test; its last answer. */
  readonly endNs: number;
}

/**
 * Raw evidence, one row a sample in the order of sample ids, over all series of the test; rows never issued are cut off.
 * Times are ns since the start of the test, NaN where the thing never happened.
 */
export interface SampleColumns {
  readonly count: number;
  /** Row of the sample library. */
  readonly sampleIndex: Uint32Array;
  readonly queryId: Uint32Array;
  /** Position in TestOutcome.series. */
  readonly series: Uint16Array;
  readonly scheduledNs: Float64Array;
  readonly issuedNs: Float64Array;
  readonly firstTokenNs: Float64Array;
  readonly completedNs: Float64Array;
  /** As the system under test passed it. */
  readonly tokenCount: Int32Array;
}

/** One rate that find-peak tried. */
export interface PeakProbe {
  /** Queries a second. */
  readonly qps: number;
  /** The latency limits were kept. */
  readonly passed: boolean;
  /** Position in TestOutcome.series. */
  readonly series: number;
}

/** What find-peak found out. */
export interface PeakSearch {
  /** The highest rate that kept the latency limits, to the decimals asked for; null when the search did not end. */
  readonly peakQps: number | null;
  /** In the order in which they were tried. */
  readonly probes: readonly PeakProbe[];
}

/** An answer that went to the accuracy log. */
export interface LoggedResponse {
  readonly sampleId: number;
  readonly sampleIndex: number;
  readonly data: Uint8Array;
  readonly tokenCount: number;
}

/** The texts of LoadGen's four files; written to disk by whoever called. */
export interface LogTexts {
  readonly summary: string;
  readonly detail: string;
  readonly accuracy: string;
  readonly trace: string;
}

/** An error or warning of the detail log. */
export interface LoggedFault {
  /** LoadGen's key, such as error_runtime. */
  readonly key: string;
  readonly message: string;
  /** Since the start of the test. */
  readonly atNs: number;
}

/** Everything a test hands back. */
export interface TestOutcome {
  /** True when the result counts; an accuracy run counts when every sample was answered. */
  readonly valid: boolean;
  /** Why not, in LoadGen's words where it has any. */
  readonly invalidReasons: readonly string[];
  /** What a reader should know although it does not decide whether the result counts. */
  readonly remarks: readonly string[];
  readonly errors: readonly LoggedFault[];
  readonly warnings: readonly LoggedFault[];
  /** Where the system under test broke its contract, in LoadGen's words; LoadGen calls a run VALID in spite of them. */
  readonly sutFaults: readonly LoggedFault[];
  /** The signal was aborted before the end. */
  readonly interrupted: boolean;
  /** The system under test left samples unanswered until patience ran out. */
  readonly stalled: boolean;
  /** As asked for, after the audit. */
  readonly requested: TestSettings;
  readonly effective: EffectiveSettings;
  /** The reported series' figures; null when nothing was completed. */
  readonly metrics: Metrics | null;
  readonly series: readonly SeriesOutcome[];
  /** The series that the metrics are of: the last one, except where find-peak tried a rate too many. */
  readonly reported: SeriesOutcome | null;
  /** null in the other modes. */
  readonly peakSearch: PeakSearch | null;
  readonly samples: SampleColumns;
  readonly failed: readonly FailedSample[];
  /** In the order in which they completed. */
  readonly responses: readonly LoggedResponse[];
  readonly logs: LogTexts;
  /** Reading of the clock at the start of the test: add it to get readings back. */
  readonly startedAtNs: number;
  /** UTC of that instant. */
  readonly startedAt: Date;
}
