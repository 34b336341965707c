// Reads every import and include of the house and fails on a wrong arrow, a second door, or a stranger at the top level.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const rooms = ['loadgen', 'harness', 'native', 'datasets', 'configs', 'results', 'test'] as const;

/** TypeScript: who may import whom (a room may always import itself). */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  loadgen: [],
  native: [],
  datasets: [],
  harness: ['loadgen', 'native', 'datasets'],
  test: ['loadgen', 'native', 'datasets', 'harness'],
};

/** Packages with one door: only these files may import them. */
const packageDoors: Readonly<Record<string, (path: string) => boolean>> = {
  commander: (path) => path === 'harness/cli.ts',
  yaml: (path) => path === 'harness/config.ts',
  '@huggingface/tokenizers': (path) => path === 'datasets/tokenizer.ts',
  hyparquet: (path) => path === 'datasets/parquet.ts',
  'hyparquet-compressors': (path) => path === 'datasets/parquet.ts',
  '@huggingface/jinja': (path) => path === 'datasets/chat-template.ts',
  'd3-scale': (path) => path === 'harness/report/html/charts/scale.ts',
  'd3-shape': (path) => path.startsWith('harness/report/html/charts/'),
  picocolors: (path) => path.startsWith('harness/report/'),
};

/** C++: addon -> engine -> model -> ops -> quant -> base, each may include what stands to its right. */
const layers = ['addon', 'engine', 'model', 'ops', 'quant', 'base'] as const;

/** C++: beside the engine, not under it: it includes base/ alone, and of the layers only addon/ includes it. */
const besideEngine = 'telemetry';

const topLevel =
  /^(package\.json|package-lock\.json|tsconfig\.json|README\.md|ARCHITECTURE\.md|CHANGELOG\.md|LICENSE|biome\.json|vitest\.config\.ts|\..*)$/;

function listFiles(folder: string, accept: RegExp): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      return /^(node_modules|build.*|golden)$/.test(entry.name) ? [] : listFiles(path, accept);
    }
    return accept.test(entry.name) ? [path] : [];
  });
}

function importsOf(path: string): string[] {
  const source = readFileSync(join(root, path), 'utf8');
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]|(?:^|\n)import\s*['"]([^'"]+)['"]/g;
  return [...source.matchAll(pattern)].map((match) => (match[1] ?? match[2] ?? match[3]) as string);
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function typescriptFaults(path: string): string[] {
  const room = path.split('/')[0] as string;
  return importsOf(path).flatMap((specifier) => {
    if (specifier.startsWith('.')) {
      const target = relative(root, resolve(root, dirname(path), specifier));
      const targetRoom = target.split('/')[0] as string;
      if (targetRoom === room || mayImport[room]?.includes(targetRoom)) return [];
      return [
        `${path} imports ${target}: ${room} may import ${mayImport[room]?.join(', ') || 'no other room'}`,
      ];
    }
    if (specifier.startsWith('node:')) return [];
    const name = packageName(specifier);
    if (room === 'test') return [];
    if (room === 'loadgen')
      return [`${path} imports ${specifier}: loadgen imports node: modules only`];
    const door = packageDoors[name];
    if (door === undefined)
      return [`${path} imports ${specifier}, which has no door in the architecture`];
    return door(path) ? [] : [`${path} imports ${specifier}, whose door is elsewhere`];
  });
}

/** Another room is entered through its index.ts (datasets has two more doors: the interface and the tokenizer). */
function secondDoors(path: string): string[] {
  const room = path.split('/')[0] as string;
  if (room === 'test') return [];
  return importsOf(path).flatMap((specifier) => {
    if (!specifier.startsWith('.')) return [];
    const target = relative(root, resolve(root, dirname(path), specifier));
    const targetRoom = target.split('/')[0] as string;
    if (targetRoom === room) return [];
    const doors = [`${targetRoom}/index.js`, 'datasets/dataset.js', 'datasets/tokenizer.js'];
    return doors.includes(target) ? [] : [`${path} imports ${target}, not ${targetRoom}'s door`];
  });
}

function includeFaults(path: string): string[] {
  const source = readFileSync(join(root, path), 'utf8');
  const own = path.split('/')[1] as string;
  const rank = layers.indexOf(own as (typeof layers)[number]);
  const faults: string[] = [];
  for (const match of source.matchAll(/^\s*#\s*include\s*["<]([^">]+)[">]/gm)) {
    const target = match[1] as string;
    if (/^napi\.h$|^node_api\.h$/.test(target) && own !== 'addon')
      faults.push(`${path} includes ${target}: only addon/ may`);
    if (/^cuda|^cublas|^nccl/.test(target) && !path.startsWith('native/ops/'))
      faults.push(`${path} includes ${target}: CUDA types stay in ops/`);
    const layer = layers.indexOf(target.split('/')[0] as (typeof layers)[number]);
    if (own !== 'check' && layer >= 0 && layer < rank)
      faults.push(`${path} includes ${target}: ${own} may not reach up`);
    const folder = target.split('/')[0] as string;
    if (own === besideEngine && layer >= 0 && folder !== 'base')
      faults.push(`${path} includes ${target}: ${besideEngine} includes base only`);
    if (folder === besideEngine && ![besideEngine, 'addon', 'check'].includes(own))
      faults.push(`${path} includes ${target}: only addon/ may`);
    if (own === 'ops' && target.startsWith('quant/') && !/^quant\/int[48]_format\.h$/.test(target))
      faults.push(`${path} includes ${target}: ops knows of quant its format only`);
  }
  return faults;
}

describe('architecture', () => {
  const sources = Object.keys(mayImport).flatMap((room) => listFiles(room, /\.ts$/));
  const native = listFiles('native', /\.(h|cpp|cuh|cu)$/);

  it('reads the whole house', () => {
    expect(sources.length).toBeGreaterThan(40);
    expect(native.length).toBeGreaterThan(30);
  });

  it('has no wrong arrow and no package outside its door', () => {
    expect(sources.flatMap(typescriptFaults)).toEqual([]);
  });

  it('enters rooms by their doors', () => {
    expect(sources.flatMap(secondDoors)).toEqual([]);
  });

  it('keeps the layers of the native engine', () => {
    expect(native.flatMap(includeFaults)).toEqual([]);
  });

  it('loads the addon in one place', () => {
    const loaders = sources.filter(
      (path) =>
        !path.startsWith('test/') &&
        /createRequire|process\.dlopen/.test(readFileSync(join(root, path), 'utf8')),
    );
    expect(loaders).toEqual(['native/index.ts']);
  });

  it('has nothing at the top but the seven rooms and tool configuration', () => {
    const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n');
    const entries = [
      ...new Set(tracked.filter((path) => path !== '').map((path) => path.split('/')[0] as string)),
    ];
    const strangers = entries.filter(
      (entry) => !(rooms as readonly string[]).includes(entry) && !topLevel.test(entry),
    );
    expect(strangers).toEqual([]);
  });
});
