// A profiled run through the real command, the CPU's engine standing in for a GPU's.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { EngineHandlers, EngineOptions, KernelTime } from '../../native/index.js';
import { callBench } from './bench-call.js';

const gpu = vi.hoisted(() => ({
  kernels: [] as KernelTime[],
  asked: null as EngineOptions | null,
}));

vi.mock('../../native/index.js', async (importOriginal) => {
  const native = await importOriginal<typeof import('../../native/index.js')>();
  const device = { name: 'NVIDIA Stand-in', memoryBytes: 1, computeCapability: '9.0' };
  const devices = [{ ...device, multiprocessors: 1, peakBandwidthGBs: null }];
  const cuda = { built: true, architectures: 'sm_90a', devices, reason: null };
  const load = async (options: EngineOptions, handlers: EngineHandlers) => {
    gpu.asked = options;
    const here = { device: 'cpu', activationType: 'int8', profileSteps: 0 } as const;
    const engine = await native.Engine.load({ ...options, ...here }, handlers);
    return Object.assign(engine, { profile: () => gpu.kernels });
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
});

function benchProfiled(name: string, ...argv: string[]) {
  const quick = ['--mode', 'performance', '--samples', '8', '--min-duration', '0', '--quiet'];
  return callBench('--profile', ...argv, ...quick, '--output', join(folder, name));
}

function read(name: string, file: string) {
  return JSON.parse(readFileSync(join(folder, name, file), 'utf8'));
}

it('writes profile.json and prints the table below the summary', async () => {
  const { stdout } = await benchProfiled('table', '20', '--set', 'engine.profile_first_step=1');
  expect(gpu.asked).toMatchObject({ device: 'cuda:0', profileFirstStep: 1, profileSteps: 20 });
  expect(read('table', 'profile.json')).toEqual({
    gpu: 'NVIDIA Stand-in',
    firstStep: 1,
    steps: 20,
    totalMs: 2,
    kernels: [{ ...kernelOf(norm), perStep: 2, meanUs: 50, share: 1, gbs: 2, tflops: null }],
  });
  expect(stdout).toMatch(
    /\nFiles .*\n\nKernels of steps 1 to 20, NVIDIA Stand-in\nkernel [\s\S]*\nsum of a step .*\n$/,
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

it('prints run.json alone where JSON was asked for, and profiles 50 steps where no number was', async () => {
  const { stdout } = await benchProfiled('json', '--json');
  expect(gpu.asked).toMatchObject({ profileFirstStep: 100, profileSteps: 50 });
  expect(JSON.parse(stdout).config.engine).toMatchObject({ profileSteps: 50 });
  expect(existsSync(join(folder, 'json', 'profile.json'))).toBe(true);
});

it('says in one line that the run ended too soon', async () => {
  gpu.kernels = [];
  const { stdout } = await benchProfiled('short', '10000');
  expect(stdout).toMatch(/\n {2}no profile: the run ended after step \d+, before step 10100, .*\n/);
  expect(stdout).not.toContain('Kernels of');
  expect(existsSync(join(folder, 'short', 'profile.json'))).toBe(false);
});

it('asks the engine for no profile where none was asked for', async () => {
  const quick = ['--mode', 'performance', '--samples', '8', '--min-duration', '0', '--quiet'];
  const { stdout } = await callBench(...quick, '--output', join(folder, 'without'));
  expect(gpu.asked).toMatchObject({ profileFirstStep: 0, profileSteps: 0 });
  expect(stdout).not.toMatch(/profile|Kernels of/);
  expect(existsSync(join(folder, 'without', 'profile.json'))).toBe(false);
});
