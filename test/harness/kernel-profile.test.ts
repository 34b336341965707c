import { describe, expect, it } from 'vitest';
import { buildProfile, remarkOnProfile } from '../../harness/kernel-profile.js';
import type { EngineWork } from '../../harness/sut/measured-sut.js';

const settings = { profileFirstStep: 100, profileSteps: 50 };

describe('buildProfile', () => {
  it('tells rates and shares, the longest kernel first', () => {
    const times = [
      { name: 'norm', count: 100, milliseconds: 1, bytes: 0, flops: 0 },
      { name: 'gate_up: int4', count: 50, milliseconds: 3, bytes: 6e9, flops: 1.5e12 },
    ];
    expect(buildProfile(times, 'a GPU', settings)).toEqual({
      gpu: 'a GPU',
      firstStep: 100,
      steps: 50,
      totalMs: 4,
      kernels: [
        {
          name: 'gate_up: int4',
          count: 50,
          perStep: 1,
          meanUs: 60,
          totalMs: 3,
          share: 0.75,
          gbs: 2000,
          tflops: 500,
        },
        {
          name: 'norm',
          count: 100,
          perStep: 2,
          meanUs: 10,
          totalMs: 1,
          share: 0.25,
          gbs: null,
          tflops: null,
        },
      ],
    });
  });

  it('divides by no time, and is null where the steps were not through', () => {
    const timeless = { name: 'copy', count: 2, milliseconds: 0, bytes: 8, flops: 8 };
    const profile = buildProfile([timeless], 'a GPU', settings);
    expect(profile?.kernels[0]).toMatchObject({ share: 0, gbs: null, tflops: null });
    expect(buildProfile([], 'a GPU', settings)).toBeNull();
  });
});

describe('remarkOnProfile', () => {
  const profile = buildProfile(
    [{ name: 'norm', count: 50, milliseconds: 1, bytes: 0, flops: 0 }],
    'a GPU',
    settings,
  );
  const slower =
    'profiled (steps 100 to 149), and profiled steps run slower: the throughput of this run is not to be quoted';

  function work(stepsBefore: number, steps: number): EngineWork {
    const rest = { occupancy: 1, kvPeakShare: 0, preemptions: 0, deviceBusyShare: null };
    return { stepsBefore, steps, ...rest };
  }

  it('says nothing of a run that was not profiled', () => {
    const passes = { accuracy: null, performance: work(0, 9) };
    expect(remarkOnProfile({ ...settings, profileSteps: 0 }, null, passes)).toEqual([]);
  });

  it('warns of the throughput, and of steps that were none of the performance pass', () => {
    const at = (stepsBefore: number) =>
      remarkOnProfile(settings, profile, { accuracy: null, performance: work(stepsBefore, 500) });
    expect(at(0)).toEqual([slower]);
    expect(at(148)).toEqual([slower]);
    expect(at(149)).toEqual([
      slower,
      'the profiled steps came before the performance pass, whose first is step 150 (engine.profile_first_step)',
    ]);
  });

  it('says when the run ended too soon', () => {
    const ended = (accuracy: EngineWork | null, performance: EngineWork | null) =>
      remarkOnProfile(settings, null, { accuracy, performance })[1];
    const rest = ', before step 150, with which the profile is complete';
    expect(ended(work(0, 80), work(80, 40))).toBe(
      `no profile: the run ended after step 120${rest}`,
    );
    expect(ended(work(0, 80), null)).toBe(`no profile: the run ended after step 80${rest}`);
    expect(ended(null, null)).toBe(`no profile: the run ended${rest}`);
  });
});
