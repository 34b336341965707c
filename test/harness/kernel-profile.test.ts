import { describe, expect, it } from 'vitest';
import { askForProfile, buildProfile, remarkOnProfile } from '../../harness/kernel-profile.js';
import type { WorkerWork } from '../../harness/sut/measured-sut.js';

const settings = { profileFirstStep: 100, profileSteps: 50 };
const hundredth = { firstStep: 100, steps: 50 };

describe('buildProfile', () => {
  it('tells rates and shares, the longest kernel first', () => {
    const times = [
      { name: 'norm', count: 100, milliseconds: 1, bytes: 0, flops: 0 },
      { name: 'gate_up: int4', count: 50, milliseconds: 3, bytes: 6e9, flops: 1.5e12 },
    ];
    expect(buildProfile({ ...hundredth, kernels: times }, 'a GPU')).toEqual({
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
    const profile = buildProfile({ ...hundredth, kernels: [timeless] }, 'a GPU');
    expect(profile?.kernels[0]).toMatchObject({ share: 0, gbs: null, tflops: null });
    expect(buildProfile({ ...hundredth, kernels: [] }, 'a GPU')).toBeNull();
    expect(buildProfile(null, 'a GPU')).toBeNull();
  });
});

describe('remarkOnProfile', () => {
  const norm = { name: 'norm', count: 50, milliseconds: 1, bytes: 0, flops: 0 };
  const profile = buildProfile({ ...hundredth, kernels: [norm] }, 'a GPU');
  const measured = 'performance';
  const slower =
    'profiled (steps 100 to 149), and profiled steps run slower: the throughput of this run is not to be quoted';

  type Work = Pick<WorkerWork, 'stepsBefore' | 'steps'>;

  function work(stepsBefore: number, steps: number): Work {
    return { stepsBefore, steps };
  }

  it('says nothing of a run that was not profiled', () => {
    const passes = { accuracy: null, performance: work(0, 9), measured } as const;
    expect(remarkOnProfile({ ...settings, profileSteps: 0 }, null, passes)).toEqual([]);
  });

  it('warns of the throughput, and of steps that were none of the performance pass', () => {
    const at = (stepsBefore: number) =>
      remarkOnProfile(settings, profile, {
        accuracy: null,
        performance: work(stepsBefore, 500),
        measured,
      });
    expect(at(0)).toEqual([slower]);
    expect(at(148)).toEqual([slower]);
    expect(at(149)).toEqual([
      slower,
      'the profiled steps came before the performance pass, whose first is step 150 (engine.profile_first_step)',
    ]);
  });

  it('says when the run ended too soon', () => {
    const ended = (accuracy: Work | null, performance: Work | null) =>
      remarkOnProfile(settings, null, { accuracy, performance, measured })[1];
    const rest = ', before step 149, with which the profile is complete';
    expect(ended(work(0, 80), work(80, 40))).toBe(
      `no profile: the run ended after step 120${rest}`,
    );
    expect(ended(work(0, 80), null)).toBe(`no profile: the run ended after step 80${rest}`);
    expect(ended(null, null)).toBe(`no profile: the run ended${rest}`);
  });

  it('counts from the pass that is measured where no first step is set', () => {
    const first = { profileSteps: 50, profileFirstStep: 0 };
    const [slow] = remarkOnProfile(first, profile, {
      accuracy: null,
      performance: work(99, 500),
      measured,
    });
    expect(slow).toBe(slower);
    const short = { accuracy: work(0, 80), performance: work(80, 40), measured } as const;
    expect(remarkOnProfile(first, null, short)).toEqual([
      slower.replace('100 to 149', '81 to 130'),
      'no profile: the run ended after step 120, before step 130, with which the profile is complete',
    ]);
    expect(remarkOnProfile(first, null, { ...short, measured: 'accuracy' })[0]).toContain(
      'steps 1 to 50',
    );
    expect(remarkOnProfile(first, null, { ...short, performance: null })).toEqual([
      slower.replace('steps 100 to 149', 'the first 50 steps'),
      'no profile: the run ended after step 80, before the pass that is measured',
    ]);
  });
});

describe('askForProfile', () => {
  function listAsked(profileSteps: number, profileFirstStep: number) {
    const asked: string[] = [];
    for (const isMeasuredPass of [false, true]) {
      const when = isMeasuredPass ? 'before the pass' : 'once loaded';
      const startProfile = (steps: number, first: number) =>
        asked.push(`${when}: ${steps} from ${first}`);
      askForProfile({ startProfile }, { profileSteps, profileFirstStep }, isMeasuredPass);
    }
    return asked;
  }

  it('waits for the measured pass, unless a step is named', () => {
    expect(listAsked(50, 0)).toEqual(['before the pass: 50 from 0']);
    expect(listAsked(50, 7)).toEqual(['once loaded: 50 from 7']);
    expect(listAsked(0, 0)).toEqual([]);
    expect(listAsked(0, 7)).toEqual([]);
  });
});
