// Brings a checkout (or an installed package) to the point where `bench` and the tests can run: packages, TypeScript,
// the native engine. Each part is skipped when nothing it depends on has changed. Plain JavaScript with node: imports
// only, because it runs before anything is installed.
//
//   node harness/prepare.mjs               packages, TypeScript, engine
//   node harness/prepare.mjs --checks      the same, and the native check programs that the tests run
//   node harness/prepare.mjs --cuda        the same, with the CUDA backend, wherever there is nvcc
//   node harness/prepare.mjs --native      the engine alone (npm's install step)
//   node harness/prepare.mjs --typescript  packages and TypeScript, from a clean dist/ (npm's prepack step)
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const native = join(root, 'native');
const nativeBuild = join(native, 'build');
const addon = join(nativeBuild, 'Release', 'loadmark.node');
const isWindows = process.platform === 'win32';

/** A fault the reader can mend: printed as one line, without a stack. */
class PrepareError extends Error {}

/** Prints progress to stderr: stdout belongs to `bench --json`. */
function say(text) {
  process.stderr.write(`loadmark: ${text}\n`);
}

function findOnPath(...names) {
  const suffixes = isWindows ? ['.exe', '.cmd', ''] : [''];
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      for (const suffix of suffixes) {
        const path = join(folder, name + suffix);
        if (folder !== '' && existsSync(path)) return path;
      }
    }
  }
  return undefined;
}

/** Runs a command quietly; its output is shown only when it fails. */
function runQuietly(what, command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    shell: isWindows,
    ...options,
  });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}\n`);
  throw new PrepareError(
    `${what} failed (${result.error?.message ?? `exit ${result.status ?? result.signal}`}); its output is above.`,
  );
}

/** A digest of the names, sizes and modification times of the files below some folders: what a build depends on. */
function fingerprint(folders, accept, extra = []) {
  const hash = createHash('sha256');
  for (const text of extra) hash.update(`${text}\n`);
  const visit = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) {
        if (!/^(build.*|node_modules|golden)$/.test(entry.name)) visit(child);
      } else if (accept(entry.name)) {
        const { size, mtimeMs } = statSync(child);
        hash.update(`${child} ${size} ${mtimeMs}\n`);
      }
    }
  };
  for (const folder of folders) if (existsSync(folder)) visit(folder);
  return hash.digest('hex');
}

function isFresh(stamp, value) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === value;
}

function preparePackages() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const value = createHash('sha256').update(lock).digest('hex');
  const stamp = join(root, 'node_modules', '.loadmark-stamp');
  if (isFresh(stamp, value)) return;
  say('installing packages (npm ci)');
  runQuietly('npm ci', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    shell: true,
  });
  writeFileSync(stamp, value);
}

function prepareTypeScript(clean) {
  const dist = join(root, 'dist');
  if (clean) rmSync(dist, { recursive: true, force: true });
  const folders = ['loadgen', 'harness', 'native', 'datasets', 'test'].map((room) =>
    join(root, room),
  );
  const value = fingerprint(folders, (name) => name.endsWith('.ts'), [
    readFileSync(join(root, 'tsconfig.json'), 'utf8'),
  ]);
  const stamp = join(dist, '.stamp');
  if (isFresh(stamp, value)) return;
  say('compiling TypeScript');
  const compiler = createRequire(import.meta.url).resolve('typescript/package.json');
  runQuietly('tsc', process.execPath, [join(dirname(compiler), 'bin', 'tsc'), '-p', root]);
  writeFileSync(stamp, value);
}

/** One line for what is missing, or nothing. */
function requireTools() {
  if (findOnPath('cmake') === undefined) {
    throw new PrepareError(
      'cmake is missing; the native engine needs it (3.18 or newer): `apt install cmake`, `dnf install cmake`, `brew install cmake` or `pip install cmake`.',
    );
  }
  const compiler = process.env.CXX ?? (isWindows ? 'cl' : undefined);
  if (compiler === undefined && findOnPath('c++', 'g++', 'clang++') === undefined) {
    throw new PrepareError(
      'a C++20 compiler is missing; the native engine needs one: `apt install g++` (12 or newer), `dnf install gcc-c++` or `xcode-select --install`.',
    );
  }
}

function hasGpuDriver() {
  const smi = findOnPath('nvidia-smi');
  return smi !== undefined && spawnSync(smi, ['-L'], { stdio: 'ignore' }).status === 0;
}

function wantsCuda(forced) {
  const nvcc = findOnPath('nvcc') ?? ['/usr/local/cuda/bin/nvcc'].find((path) => existsSync(path));
  if (nvcc === undefined) {
    if (forced) {
      throw new PrepareError(
        'nvcc is missing; the CUDA backend needs the CUDA toolkit (12.4 or newer) with nvcc on PATH: https://developer.nvidia.com/cuda-downloads, or `apt install nvidia-cuda-toolkit`.',
      );
    }
    return false;
  }
  return forced || readBuildOptions().cuda === true || hasGpuDriver();
}

const buildOptionsFile = join(nativeBuild, 'loadmark-options.json');

function readBuildOptions() {
  try {
    return JSON.parse(readFileSync(buildOptionsFile, 'utf8'));
  } catch {
    return {};
  }
}

function prepareNative({ checks, cuda: forceCuda }) {
  const before = readBuildOptions();
  const cuda = wantsCuda(forceCuda);
  const withChecks = checks || before.checks === true;
  const configuration = JSON.stringify({
    cuda,
    checks: withChecks,
    node: process.versions.modules,
    arch: process.arch,
  });
  const value = fingerprint(
    [native],
    (name) => /\.(h|cpp|cuh|cu|txt|cmake)$|^package\.json$/.test(name),
    [configuration],
  );
  const stamp = join(nativeBuild, '.stamp');
  if (existsSync(addon) && isFresh(stamp, value)) return;
  requireTools();
  const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/package.json');
  const cmakeJsArgs = (verb) => [
    join(dirname(cmakeJs), 'bin', 'cmake-js'),
    verb,
    '-d',
    native,
    '-B',
    'Release',
    '--parallel',
    String(Math.max(1, cpus().length)),
    `--CDLOADMARK_CHECKS=${withChecks ? 'ON' : 'OFF'}`,
    `--CDLOADMARK_CUDA=${cuda ? 'ON' : 'OFF'}`,
  ];
  say(
    `building the native engine${cuda ? ' with CUDA' : ''}${existsSync(addon) ? '' : ' (a minute or two the first time)'}`,
  );
  // `build` ignores changed options on a configured folder, so configuring is a step of its own; a build folder that a
  // moved checkout left behind cannot be configured again and is made anew.
  const configure = spawnSync(process.execPath, cmakeJsArgs('configure'), {
    cwd: root,
    encoding: 'utf8',
  });
  if (configure.status !== 0) {
    rmSync(nativeBuild, { recursive: true, force: true });
    runQuietly('configuring the native engine', process.execPath, cmakeJsArgs('configure'));
  }
  runQuietly('building the native engine', process.execPath, cmakeJsArgs('build'));
  mkdirSync(nativeBuild, { recursive: true });
  writeFileSync(buildOptionsFile, configuration);
  writeFileSync(stamp, value);
}

try {
  const flags = new Set(process.argv.slice(2));
  // An installed package has no lock file: its JavaScript is there already, and only the engine can be built.
  if (!existsSync(join(root, 'package-lock.json'))) flags.add('--native');
  const only = flags.has('--native') || flags.has('--typescript');
  if (!flags.has('--native')) preparePackages();
  if (!only || flags.has('--typescript')) prepareTypeScript(flags.has('--typescript'));
  if (!only || flags.has('--native')) {
    prepareNative({ checks: flags.has('--checks'), cuda: flags.has('--cuda') });
  }
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  process.stderr.write(`loadmark: ${error.message}\n`);
  process.exitCode = 1;
}
