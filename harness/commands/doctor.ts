// `bench doctor`: what does this machine have for loadmark, and what is missing? Each fact is found by trying it.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { HostFeatures } from '../../native/index.js';
import { findCacheFolder } from '../cache-folder.js';
import { describeSystem, type System } from '../environment.js';
import { messageOf } from '../errors.js';
import { taskData } from '../eval/tasks/task-data.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { defaultEndpoint } from '../hub/hub.js';
import { findPackageRoot } from '../package-root.js';
import { formatDoctorReport } from '../report/doctor.js';
import type { Streams } from './run.js';

interface Tool {
  readonly name: string;
  /** First line of its own version text; null when it is not there. */
  readonly version: string | null;
  /** What to do about it; null when nothing. */
  readonly advice: string | null;
}

interface EngineCheck {
  readonly works: boolean;
  /** Why not; null when it works. */
  readonly reason: string | null;
  readonly instructionSets: readonly string[];
  readonly best: string | null;
  /** What the addon's CUDA backend sees; null when there is no addon. */
  readonly cuda: HostFeatures['cuda'] | null;
  /** Built-in models that were loaded and computed one token. */
  readonly models: readonly string[];
}

/** What --json prints. */
export interface DoctorReport {
  readonly schema: 'loadmark/doctor/1';
  readonly version: string;
  readonly system: System;
  readonly tools: readonly Tool[];
  readonly engine: EngineCheck;
  readonly backends: { readonly cpu: string; readonly cuda: string };
  readonly cache: CacheCheck;
}

/** What `bench pull` and the user have put where runs look for it. */
interface CacheCheck {
  readonly folder: string;
  /** Of the hub that `bench pull` asks. */
  readonly endpoint: string;
  /** owner/name */
  readonly models: readonly string[];
  readonly datasets: readonly string[];
}

export async function runDoctor(
  options: { readonly json: boolean },
  streams: Streams,
): Promise<ExitCode> {
  const [system, engine] = await Promise.all([describeSystem(), checkEngine()]);
  const report: DoctorReport = {
    schema: 'loadmark/doctor/1',
    version: findPackageRoot().version,
    system,
    tools: findTools(engine.works),
    engine,
    backends: describeBackends(system, engine),
    cache: listCache(),
  };
  streams.stdout.write(
    options.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : formatDoctorReport(report, streams.stdout.isTTY === true),
  );
  return engine.works ? exitCodes.ok : exitCodes.sutFailed;
}

function findTools(engineWorks: boolean): Tool[] {
  const needed = engineWorks
    ? 'only needed to build the engine anew'
    : 'needed to build the engine';
  const cuda = 'only needed to build the CUDA backend: https://developer.nvidia.com/cuda-downloads';
  return [
    findTool('C++ compiler', [process.env.CXX ?? 'c++', 'g++', 'clang++'], {
      advice: `${needed}: apt install g++, or xcode-select --install`,
    }),
    findTool('cmake', ['cmake'], { advice: `${needed}: apt install cmake, or brew install cmake` }),
    findTool('nvcc', ['nvcc', '/usr/local/cuda/bin/nvcc'], { advice: cuda, line: /release.*/ }),
  ];
}

function findTool(
  name: string,
  commands: readonly string[],
  { advice, line = /.+/ }: { readonly advice: string; readonly line?: RegExp },
): Tool {
  for (const command of commands) {
    const { status, stdout } = spawnSync(command, ['--version'], {
      encoding: 'utf8',
      timeout: 10_000,
    });
    if (status === 0) return { name, version: line.exec(stdout)?.[0] ?? 'found', advice: null };
  }
  return { name, version: null, advice };
}

/** Loads the addon, then every built-in checkpoint, and has each compute one token. */
async function checkEngine(): Promise<EngineCheck> {
  const missing = { instructionSets: [], best: null, cuda: null, models: [] };
  try {
    const { hostFeatures } = await import('../../native/index.js');
    const { instructionSets, best, cuda } = hostFeatures();
    const models: string[] = [];
    const found = { instructionSets, best, cuda, models };
    try {
      for (const folder of listCheckpoints()) models.push(await tryCheckpoint(folder));
      return { works: true, reason: null, ...found };
    } catch (error) {
      return { works: false, reason: messageOf(error), ...found };
    }
  } catch (error) {
    return { works: false, reason: messageOf(error), ...missing };
  }
}

function listCache(): CacheCheck {
  const folder = findCacheFolder();
  const list = (path: string): string[] =>
    existsSync(path) && statSync(path).isDirectory() ? readdirSync(path).sort() : [];
  const under = (room: string): string[] =>
    list(join(folder, room)).flatMap((owner) =>
      // A task's folder that somebody filled by hand has no owner above it.
      isTaskFolder(owner)
        ? [owner]
        : list(join(folder, room, owner)).map((name) => `${owner}/${name}`),
    );
  const endpoint = process.env.HF_ENDPOINT || defaultEndpoint;
  return { folder, endpoint, models: under('models'), datasets: under('datasets') };
}

function isTaskFolder(name: string): boolean {
  return taskData.some(({ folders }) => folders.includes(name));
}

function listCheckpoints(): string[] {
  const models = join(findPackageRoot().folder, 'configs', 'models');
  if (!existsSync(models)) return [];
  return readdirSync(models)
    .map((name) => join(models, name))
    .filter((folder) => existsSync(join(folder, 'config.json')))
    .sort();
}

async function tryCheckpoint(folder: string): Promise<string> {
  const { Engine } = await import('../../native/index.js');
  const engine = await Engine.load(
    {
      modelPath: folder,
      device: 'cpu',
      threads: availableParallelism(),
      maxBatch: 1,
      maxSequenceTokens: 16,
      maxStepTokens: 16,
      pageTokens: 16,
      kvCacheBytes: 0,
      kvCacheType: 'fp32',
      instructionSet: 'auto',
      activationType: 'int8',
    },
    { onEvents: () => {} },
  );
  try {
    const logits = await engine.forwardLogits(Int32Array.of(1));
    if (!logits.every(Number.isFinite))
      throw new Error(`${folder} computes logits that are not finite`);
    return `${folder} (${engine.info.weightFormat})`;
  } finally {
    await engine.close();
  }
}

function describeBackends(system: System, engine: EngineCheck): DoctorReport['backends'] {
  const built =
    engine.cuda?.built === true
      ? `built for ${engine.cuda.architectures}`
      : 'not built (npm run build:cuda)';
  const here = describeGpus(system, engine.cuda);
  return {
    cpu: engine.works ? `works, ${engine.best ?? ''}` : `does not work: ${engine.reason}`,
    cuda: `${built}; ${here}`,
  };
}

/** As the backend sees them; without one, as nvidia-smi does. */
function describeGpus(system: System, cuda: HostFeatures['cuda'] | null): string {
  if (cuda?.built !== true) return system.gpusAbsentBecause ?? `${system.gpus.length} GPUs`;
  if (cuda.devices.length === 0) return cuda.reason ?? 'no device';
  const list = cuda.devices
    .map((gpu, index) => {
      const memory = `${(gpu.memoryBytes / 2 ** 30).toFixed(1)} GiB`;
      const bandwidth =
        gpu.peakBandwidthGBs === null ? '' : `, ${gpu.peakBandwidthGBs.toFixed(0)} GB/s`;
      const cores = `${gpu.multiprocessors} multiprocessors`;
      return `cuda:${index} ${gpu.name} (compute ${gpu.computeCapability}, ${cores}, ${memory}${bandwidth})`;
    })
    .join(', ');
  return cuda.devices.length < 2 ? list : `${list}; a worker on each: --device cuda:all`;
}
