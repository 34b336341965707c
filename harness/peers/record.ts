// The record that `npm run bench:peers` keeps: every run of every system, and ratios of medians.

import type { MachineLoad, System } from '../environment.js';
import { median } from '../median.js';
import type { PeerSpeed } from './workload.js';

export interface PeerBenchmark {
  readonly schema: 'loadmark/bench-peers/1';
  readonly date: string;
  readonly command: readonly string[];
  readonly commit: string | null;
  readonly machine: System;
  /** Over the whole of it, our own processes included. */
  readonly load: MachineLoad;
  readonly threads: number;
  readonly promptTokens: number;
  readonly decodedTokens: number;
  readonly files: readonly FileTimes[];
  /** Why llama.cpp is missing, measured without its binding; null where it is not. */
  readonly directAbsentBecause: string | null;
}

export interface FileTimes {
  /** "SmolLM2-135M-Instruct, Q4_1" */
  readonly name: string;
  readonly bytes: number;
  readonly systems: readonly SystemTimes[];
}

export interface SystemTimes {
  readonly name: string;
  /** In the order they ran, the systems taking turns. */
  readonly runs: readonly PeerSpeed[];
  readonly prefill: number;
  readonly decode: number;
  /** loadmark's median over this one's; 1 for loadmark itself. */
  readonly prefillRatio: number;
  readonly decodeRatio: number;
}

/** loadmark's runs come first. */
export function describeSystems(
  measured: readonly { readonly name: string; readonly runs: readonly PeerSpeed[] }[],
): SystemTimes[] {
  const medians = measured.map(({ name, runs }) => ({
    name,
    runs,
    prefill: median(runs.map((run) => run.prefillTokensPerSecond)),
    decode: median(runs.map((run) => run.decodeTokensPerSecond)),
  }));
  const [own] = medians;
  return medians.map((system) => ({
    ...system,
    prefillRatio: (own?.prefill ?? Number.NaN) / system.prefill,
    decodeRatio: (own?.decode ?? Number.NaN) / system.decode,
  }));
}
