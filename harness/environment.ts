// On which machine, by which code and beside how much other work was this measured? Reads what the system tells
// without privileges; what it does not tell is null.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import {
  arch,
  availableParallelism,
  cpus,
  hostname,
  loadavg,
  release,
  totalmem,
  type,
} from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from './errors.js';
import { findDatasheet } from './peak-rates.js';

export interface Gpu {
  readonly name: string;
  readonly memoryBytes: number;
  readonly driver: string;
  /** By the datasheet, 10^9 bytes a second; null: not listed. */
  readonly peakBandwidthGBs: number | null;
  /** By the datasheet, 10^12 dense bf16 operations a second; null: not listed. */
  readonly peakTflops: number | null;
}

export interface System {
  readonly host: string;
  readonly os: string;
  readonly cpu: string;
  /** Logical processors this process may use. */
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
  readonly gpus: readonly Gpu[];
  /** Why `gpus` is empty; null when it is not. */
  readonly gpusAbsentBecause: string | null;
}

/** What else the machine did during a pass. */
export interface MachineLoad {
  /** Mean runnable tasks over the last minute, at the end of the pass; null where the system has no such figure. */
  readonly loadAverage1m: number | null;
  /** Share of processor time that the hypervisor gave to others, 0..1; null where it cannot be read. */
  readonly stealShare: number | null;
  /** Share of processor time that was in use by anybody, 0..1. */
  readonly busyShare: number | null;
}

const run = promisify(execFile);

export async function describeSystem(): Promise<System> {
  const survey = await findGpus();
  return {
    host: hostname(),
    os: describeOs(),
    cpu: cpus()[0]?.model.trim() ?? arch(),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.version,
    ...survey,
  };
}

/** The GPUs that NVIDIA's own tool lists, or the reason there are none. */
export async function findGpus(): Promise<Pick<System, 'gpus' | 'gpusAbsentBecause'>> {
  const fields = '--query-gpu=name,memory.total,driver_version';
  try {
    const { stdout } = await run('nvidia-smi', [fields, '--format=csv,noheader,nounits'], {
      timeout: 10_000,
    });
    const gpus = stdout.split('\n').filter(Boolean).map(readGpu);
    return { gpus, gpusAbsentBecause: gpus.length > 0 ? null : 'nvidia-smi lists no GPU' };
  } catch (error) {
    return { gpus: [], gpusAbsentBecause: explainNoGpu(error) };
  }
}

/** The commit of a checkout, "-dirty" when tracked files differ from it; null outside a checkout. */
export async function readCommit(root: string): Promise<string | null> {
  if (!existsSync(join(root, '.git'))) return null;
  try {
    const options = { cwd: root, timeout: 10_000 };
    const head = await run('git', ['rev-parse', 'HEAD'], options);
    const status = await run('git', ['status', '--porcelain', '--untracked-files=no'], options);
    return head.stdout.trim() + (status.stdout.trim() === '' ? '' : '-dirty');
  } catch {
    return null;
  }
}

/** Counters to compare with later ones. */
export interface MachineSnapshot {
  /** Clock ticks of all processors: total, idle, stolen; null where /proc/stat cannot be read. */
  readonly ticks: { readonly total: number; readonly idle: number; readonly steal: number } | null;
}

export function takeSnapshot(): MachineSnapshot {
  const line = readSystemFile('/proc/stat')?.split('\n')[0];
  if (line === undefined) return { ticks: null };
  // user nice system idle iowait irq softirq steal guest guest_nice; guests are counted in user and nice already.
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, count) => sum + count, 0);
  return { ticks: { total, idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), steal: ticks[7] ?? 0 } };
}

export function measureLoad(before: MachineSnapshot): MachineLoad {
  const loadAverage1m = type() === 'Windows_NT' ? null : (loadavg()[0] ?? null);
  const after = takeSnapshot();
  if (before.ticks === null || after.ticks === null) {
    return { loadAverage1m, stealShare: null, busyShare: null };
  }
  const total = after.ticks.total - before.ticks.total;
  if (total <= 0) return { loadAverage1m, stealShare: null, busyShare: null };
  return {
    loadAverage1m,
    stealShare: (after.ticks.steal - before.ticks.steal) / total,
    busyShare: 1 - (after.ticks.idle - before.ticks.idle) / total,
  };
}

function describeOs(): string {
  const name = /^PRETTY_NAME="?([^"\n]*)"?/m.exec(readSystemFile('/etc/os-release') ?? '')?.[1];
  const kernel = `${type()} ${release()} ${arch()}`;
  return name === undefined ? kernel : `${name} (${kernel})`;
}

function readGpu(line: string): Gpu {
  const [name = '', memoryMiB = '', driver = ''] = line.split(',').map((field) => field.trim());
  return { name, memoryBytes: Number(memoryMiB) * 2 ** 20, driver, ...findDatasheet(name) };
}

function explainNoGpu(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'no NVIDIA driver is installed (nvidia-smi was not found)';
  const stdout = error instanceof Error && 'stdout' in error ? String(error.stdout).trim() : '';
  return `nvidia-smi failed: ${(stdout || messageOf(error)).split('\n')[0]}`;
}

function readSystemFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
