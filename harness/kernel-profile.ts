// What took the time of the profiled steps? The engine's sums by kernel as profile.json has them, and what a reader has to
// know of a run that was profiled. Pure arithmetic; the steps are counted and timed by the engine.

import type { KernelTime } from '../native/index.js';
import type { EngineWork } from './sut/measured-sut.js';

/** One kernel for one purpose. */
export interface KernelRow {
  readonly name: string;
  readonly count: number;
  readonly perStep: number;
  readonly meanUs: number;
  readonly totalMs: number;
  /** Of the time of all kernels, 0..1. */
  readonly share: number;
  /** 10^9 bytes a second; null where the bytes are not known. */
  readonly gbs: number | null;
  /** 10^12 operations a second; null where the operations are not known. */
  readonly tflops: number | null;
}

/** profile.json */
export interface KernelProfile {
  readonly gpu: string;
  /** Counted from the load of the engine; 1 is its first. */
  readonly firstStep: number;
  readonly steps: number;
  readonly totalMs: number;
  /** The longest in sum first. */
  readonly kernels: readonly KernelRow[];
}

/** Which steps were to be profiled. */
export interface ProfileSettings {
  readonly profileSteps: number;
  readonly profileFirstStep: number;
}

/** null where the steps did not come to their end. */
export function buildProfile(
  times: readonly KernelTime[],
  gpu: string,
  { profileFirstStep: firstStep, profileSteps: steps }: ProfileSettings,
): KernelProfile | null {
  if (times.length === 0) return null;
  const totalMs = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const sorted = times.toSorted((a, b) => b.milliseconds - a.milliseconds);
  const kernels = sorted.map(({ name, count, milliseconds, bytes, flops }) => ({
    name,
    count,
    perStep: count / steps,
    meanUs: (milliseconds * 1e3) / count,
    totalMs: milliseconds,
    share: totalMs === 0 ? 0 : milliseconds / totalMs,
    gbs: rateOf(bytes, milliseconds, 1e9),
    tflops: rateOf(flops, milliseconds, 1e12),
  }));
  return { gpu, firstStep, steps, totalMs, kernels };
}

function rateOf(amount: number, milliseconds: number, unit: number): number | null {
  return amount === 0 || milliseconds === 0 ? null : (amount * 1e3) / (milliseconds * unit);
}

/** The engine's work in the passes; null for a pass that was not. */
export interface ProfiledPasses {
  readonly accuracy: EngineWork | null;
  readonly performance: EngineWork | null;
}

export function remarkOnProfile(
  { profileSteps, profileFirstStep }: ProfileSettings,
  profile: KernelProfile | null,
  { accuracy, performance }: ProfiledPasses,
): string[] {
  if (profileSteps === 0) return [];
  const end = profileFirstStep + profileSteps;
  const named = `steps ${profileFirstStep} to ${end - 1}`;
  const remarks = [
    `profiled (${named}), and profiled steps run slower: the throughput of this run is not to be quoted`,
  ];
  if (profile === null) {
    const last = performance ?? accuracy;
    const ended = last === null ? '' : ` after step ${last.stepsBefore + last.steps}`;
    remarks.push(
      `no profile: the run ended${ended}, before step ${end}, with which the profile is complete`,
    );
  } else if (performance !== null && performance.stepsBefore >= end - 1) {
    remarks.push(
      `the profiled steps came before the performance pass, whose first is step ${performance.stepsBefore + 1} (engine.profile_first_step)`,
    );
  }
  return remarks;
}
