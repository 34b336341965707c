// Where does the peer of `npm run bench:peers` come from? npm installs node-llama-cpp with its prebuilt llama.cpp into the
// cache folder, once; a C++ compiler builds our small program against the same libraries, whose headers the package
// carries as a git bundle.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCacheFolder } from '../cache-folder.js';
import { collectOutput } from '../child-output.js';
import { InputError, messageOf } from '../errors.js';

const version = '3.22.1';

/** The package with llama.cpp's CPU libraries, by platform and architecture. */
const libraries: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'mac-x64',
  'darwin-arm64': 'mac-arm64-metal',
  'win32-x64': 'win-x64',
};

export interface Installation {
  /** node-llama-cpp with its version, and llama.cpp's. */
  readonly name: string;
  readonly folder: string;
  /** null where it could not be built, which `absentBecause` says. */
  readonly direct: { readonly program: string; readonly libraries: string } | null;
  readonly absentBecause: string | null;
}

/** @throws InputError when there is no package for this machine, or it cannot be fetched. */
export async function installPeer(root: string): Promise<Installation> {
  const platform = `${process.platform}-${process.arch}`;
  const library = libraries[platform];
  if (library === undefined) {
    const message = `there is no llama.cpp for ${platform}; allowed: ${Object.keys(libraries).join(', ')}`;
    throw new InputError([{ where: 'node-llama-cpp', message }]);
  }
  const folder = join(findCacheFolder(), 'peers', `node-llama-cpp-${version}`);
  if (!existsSync(folder)) await installPackages(folder, library);
  const name = `node-llama-cpp ${version}`;
  try {
    return { name, folder, direct: await buildDirect(root, folder, library), absentBecause: null };
  } catch (error) {
    return { name, folder, direct: null, absentBecause: messageOf(error) };
  }
}

/** The folder appears whole or not at all. */
async function installPackages(folder: string, library: string): Promise<void> {
  const draft = `${folder}.partial-${process.pid}`;
  mkdirSync(draft, { recursive: true });
  writeFileSync(join(draft, 'package.json'), '{"private":true}\n');
  const packages = [`node-llama-cpp@${version}`, `@node-llama-cpp/${library}@${version}`];
  // Its optional packages are llama.cpp for every GPU.
  const how = ['--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
  try {
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    await collectOutput(npm, ['install', '--prefix', draft, ...how, ...packages]);
    renameSync(draft, folder);
  } catch (error) {
    const message = `npm cannot install ${packages.join(' and ')}: ${messageOf(error)}; allowed: a registry that has them`;
    throw new InputError([{ where: folder, message }]);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function buildDirect(root: string, folder: string, library: string) {
  const modules = join(folder, 'node_modules');
  const bins = join(modules, '@node-llama-cpp', library, 'bins', library);
  const program = join(folder, 'llama-cpp-speed');
  const source = join(folder, 'llama.cpp');
  const bundle = join(modules, 'node-llama-cpp', 'llama', 'gitRelease.bundle');
  if (!existsSync(source)) {
    await collectOutput('git', ['-c', 'advice.detachedHead=false', 'clone', '-q', bundle, source]);
  }
  const linked = readdirSync(bins).filter((name) =>
    /^lib(llama|ggml|ggml-base)\.[\w.]*(so|dylib)$/.test(name),
  );
  await collectOutput('c++', [
    '-std=c++17',
    '-O2',
    ...['include', join('ggml', 'include')].map((path) => `-I${join(source, path)}`),
    join(root, 'harness', 'peers', 'llama-cpp-speed.cpp'),
    '-o',
    program,
    ...linked.map((name) => join(bins, name)),
    `-Wl,-rpath,${bins}`,
  ]);
  return { program, libraries: bins };
}
