// When the next query may go: the one question in which the four scenarios differ while a series runs.

import type { Recorder } from '../recorder.js';
import type { SeriesRecord } from '../series-record.js';
import type { Scenario } from '../settings.js';
import type { Waiter } from '../waiter.js';
import { awaitMultiStreamTurn } from './multi-stream.js';
import { awaitOfflineTurn } from './offline.js';
import { awaitServerTurn } from './server.js';
import { awaitSingleStreamTurn } from './single-stream.js';

/** A query about to go. */
export interface Turn {
  readonly query: number;
  /** Queries that may be in flight together with it, itself included: of a closed loop. */
  readonly maxInFlight: number;
  readonly series: SeriesRecord;
  readonly recorder: Recorder;
  readonly waiter: Waiter;
}

/**
 * Waits until the query may go (or the test is stopped).
 * Resolves with the instant its latency counts from, or null when that is the moment it is issued.
 */
export type AwaitTurn = (turn: Turn) => Promise<number | null>;

const turns: Readonly<Record<Scenario, AwaitTurn>> = {
  SingleStream: awaitSingleStreamTurn,
  MultiStream: awaitMultiStreamTurn,
  Server: awaitServerTurn,
  Offline: awaitOfflineTurn,
};

/** The rule of a scenario. */
export function turnRule(scenario: Scenario): AwaitTurn {
  return turns[scenario];
}
