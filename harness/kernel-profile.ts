// What took the time of the profiled steps? The engine's sums by kernel as profile.json has them, and what a reader has to
// know of a run that was profiled. Pure arithmetic; the steps are counted and timed by the engine.

import type { EngineProfile } from '../native/index.js';
import type { MeasuredSut, WorkerWork } from './sut/measured-sut.js';
import type { PassName } from './test-settings.js';

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

/** Which steps are to be profiled. */
export interface ProfileSettings {
  readonly profileSteps: number;
  /** 0: the first of the measured pass. */
  readonly profileFirstStep: number;
}

/** Asks for the profile when its time has come: once the engine is loaded, or before the pass that is measured. */
export function askForProfile(
  sut: Pick<MeasuredSut, 'startProfile'>,
  { profileSteps, profileFirstStep }: ProfileSettings,
  isMeasuredPass: boolean,
): void {
  if (profileSteps === 0 || isMeasuredPass !== (profileFirstStep === 0)) return;
  sut.startProfile(profileSteps, profileFirstStep);
}

/** null where the steps did not come to their end, or have no kernels. */
export function buildProfile(profile: EngineProfile | null, gpu: string): KernelProfile | null {
  if (profile === null || profile.kernels.length === 0) return null;
  const { firstStep, steps, kernels: times } = profile;
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

type ProfiledWork = Pick<WorkerWork, 'stepsBefore' | 'steps'>;

/** The work of the first worker, which is the one profiled, in the passes; null for a pass that was not. */
export interface ProfiledPasses {
  readonly accuracy: ProfiledWork | null;
  readonly performance: ProfiledWork | null;
  /** The one that the run is about. */
  readonly measured: PassName;
}

export function remarkOnProfile(
  settings: ProfileSettings,
  profile: KernelProfile | null,
  passes: ProfiledPasses,
): string[] {
  if (settings.profileSteps === 0) return [];
  const steps = profile?.steps ?? settings.profileSteps;
  const first = profile?.firstStep ?? expectFirstStep(settings, passes);
  const last = first === null ? null : first + steps - 1;
  const named = last === null ? `the first ${steps} steps` : `steps ${first} to ${last}`;
  const remarks = [
    `profiled (${named}), and profiled steps run slower: the throughput of this run is not to be quoted`,
  ];
  const { accuracy, performance } = passes;
  if (profile === null) {
    const work = performance ?? accuracy;
    const ended = work === null ? '' : ` after step ${work.stepsBefore + work.steps}`;
    const before =
      last === null
        ? 'the pass that is measured'
        : `step ${last}, with which the profile is complete`;
    remarks.push(`no profile: the run ended${ended}, before ${before}`);
  } else if (performance !== null && last !== null && performance.stepsBefore >= last) {
    remarks.push(
      `the profiled steps came before the performance pass, whose first is step ${performance.stepsBefore + 1} (engine.profile_first_step)`,
    );
  }
  return remarks;
}

/** null where the measured pass did not begin. */
function expectFirstStep(
  { profileFirstStep }: ProfileSettings,
  passes: ProfiledPasses,
): number | null {
  if (profileFirstStep > 0) return profileFirstStep;
  const pass = passes[passes.measured];
  return pass === null ? null : pass.stepsBefore + 1;
}
