// A profiled run through the real command, the CPU's engine standing in for a GPU's.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { EngineHandlers, EngineOptions, KernelTime } from '../../native/index.js';
import { callBench } from './bench-call.js';

const gpu = vi.hoisted(() => ({
  kernels: [] as KernelTime[],
  loaded: null as EngineOptions | null,
  asked: [] as { steps: number; from: number; afterSteps: number }[],
}));

vi.mock('../../native/index.js', async (importOriginal) => {
  const native = await importOriginal<typeof import('../../native/index.js')>();
  const device = { name: 'NVIDIA Stand-in', memoryBytes: 1, computeCapability: '9.0' };
  const devices = [{ ...device, multiprocessors: 1, peakBandwidthGBs: null }];
  const cuda = { built: true, architectures: 'sm_90a', devices, reason: null };
  const load = async (options: EngineOptions, handlers: EngineHandlers) => {
    gpu.loaded = options;
    const here = { device: 'cpu', activationType: 'int8' } as const;
    const engine = await native.Engine.load({ ...options, ...here }, handlers);
    const startProfile = (steps: number, from: number) => {
      gpu.asked.push({ steps, from, afterSteps: engine.stats().steps });
      native.Engine.prototype.startProfile.call(engine, steps, from);
    };
    // The steps are the engine's own, their kernels not.
    const profile = () => {
      const counted = native.Engine.prototype.profile.call(engine);
      return counted === null ? null : { ...counted, kernels: gpu.kernels };
    };
    return Object.assign(engine, { startProfile, profile });
  };
  return {
    ...native,
    hostFeatures: () => ({ instructionSets: [], best: 'plain', cuda }),
    Engine: { load },
  };
});

const norm = { name: 'norm', count: 40, milliseconds: 2, bytes: 4e6, flops: 0 };

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-kernels-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  gpu.kernels = [norm];
  gpu.asked = [];
});

function benchProfiled(name: string, ...argv: string[]) {
  const mode = argv.includes('--accuracy') ? [] : ['--mode', 'performance'];
  const quick = [...mode, '--samples', '8', '--min-duration', '0', '--quiet'];
  return callBench(...quick, '--output', join(folder, name), '--profile', ...argv);
}

function read(name: string, file: string) {
  return JSON.parse(readFileSync(join(folder, name, file), 'utf8'));
}

it('writes profile.json and prints the table below the summary', async () => {
  const { stdout } = await benchProfiled('table', '20', '--set', 'engine.profile_first_step=1');
  expect(gpu.loaded).toMatchObject({ device: 'cuda:0' });
  expect(gpu.asked).toEqual([{ steps: 20, from: 1, afterSteps: 0 }]);
  expect(read('table', 'profile.json')).toEqual({
    gpu: 'NVIDIA Stand-in',
    firstStep: 1,
    steps: 20,
    totalMs: 2,
    kernels: [{ ...kernelOf(norm), perStep: 2, meanUs: 50, share: 1, gbs: 2, tflops: null }],
  });
  expect(stdout).toMatch(
    /\nFiles .*\nReport .*\n\nKernels of steps 1 to 20, NVIDIA Stand-in\nkernel [\s\S]*\nsum of a step .*\n$/,
  );
  const [remark] = read('table', 'run.json').remarks;
  expect(remark).toMatch(
    /^profiled \(steps 1 to 20\).* throughput of this run is not to be quoted$/,
  );
  expect(stdout).toContain(`\n  ${remark}\n`);
});

function kernelOf({ name, count, milliseconds }: KernelTime) {
  return { name, count, totalMs: milliseconds };
}

it('prints run.json alone where JSON was asked for, and profiles 50 steps of the pass where nothing else was', async () => {
  const { stdout } = await benchProfiled('json', '--json', '--samples', '128');
  expect(JSON.parse(stdout).config.engine).toMatchObject({ profileSteps: 50, profileFirstStep: 0 });
  const [asked, ...more] = gpu.asked;
  expect(more).toEqual([]);
  expect(asked).toMatchObject({ steps: 50, from: 0 });
  expect(asked!.afterSteps).toBeGreaterThan(0);
  const firstStep = asked!.afterSteps + 1;
  expect(read('json', 'profile.json')).toMatchObject({ firstStep, steps: 50 });
  expect(read('json', 'run.json').remarks[0]).toContain(`steps ${firstStep} to ${firstStep + 49}`);
});

it('profiles the accuracy pass where that is the one that is measured', async () => {
  await benchProfiled('accuracy', '2', '--accuracy');
  expect(gpu.asked).toEqual([{ steps: 2, from: 0, afterSteps: 0 }]);
  expect(read('accuracy', 'profile.json')).toMatchObject({ firstStep: 1, steps: 2 });
});

it('says in one line that the run ended too soon', async () => {
  const { stdout } = await benchProfiled('short', '10000');
  expect(stdout).toMatch(
    /\n {2}no profile: the run ended after step \d+, before step 1\d{4}, .*\n/,
  );
  expect(stdout).not.toContain('Kernels of');
  expect(existsSync(join(folder, 'short', 'profile.json'))).toBe(false);
});

it('asks the engine for no profile where none was asked for', async () => {
  const quick = ['--mode', 'performance', '--samples', '8', '--min-duration', '0', '--quiet'];
  const { stdout } = await callBench(...quick, '--output', join(folder, 'without'));
  expect(gpu.asked).toEqual([]);
  expect(stdout).not.toMatch(/profile|Kernels of/);
  expect(existsSync(join(folder, 'without', 'profile.json'))).toBe(false);
});
