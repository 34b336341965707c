// What `npm run bench:peers` does by itself, without a peer: the file it writes is one that the engine reads, its own part
// prints both speeds, and ratios follow from medians.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../../harness/peers/random-gguf.js';
import { describeSystems } from '../../../harness/peers/record.js';
import { type PeerSpeed, speedOf } from '../../../harness/peers/workload.js';
import { decodeLinear, inspectModel } from '../../../native/index.js';

const shape = {
  layers: 2,
  hidden: 64,
  intermediate: 160,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  vocabSize: 32_000,
  positions: 1024,
  ropeTheta: 10_000,
};

let folder = '';
let file = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-peers-'));
  file = join(folder, 'random.gguf');
  writeRandomGguf(file, shape);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a GGUF file of random weights', () => {
  it('holds Q4_0 linears and one Q8_0 table, which the engine keeps as they are', () => {
    const { architecture, linears, tensors } = inspectModel(file, true);
    expect(architecture).toBe('LlamaForCausalLM');
    expect(tensors).toHaveLength(2 + 2 * 9);
    const held = linears.map((linear) => `${linear.stored} as ${linear.held} g${linear.groupSize}`);
    expect(held.slice(0, -1)).toEqual(Array.from({ length: 14 }, () => 'Q4_0 as int4 g32'));
    expect(held.at(-1)).toBe('Q8_0 as int8 g32');
  });

  it('keeps the size of what goes through it, and never writes over a file', () => {
    const [n, k] = [160, 64];
    const weights = decodeLinear(file, 'model.layers.1.mlp.gate_proj');
    expect(weights).toHaveLength(n * k);
    // A row's sum of squares is the share of the input's variance that goes on.
    const squares = weights.reduce((sum, w) => sum + w * w, 0) / n;
    expect(squares).toBeGreaterThan(0.9);
    expect(squares).toBeLessThan(1.1);
    expect(() => writeRandomGguf(file, shape)).toThrow(/EEXIST/);
  });
});

it("loadmark's own part answers in a process of its own", () => {
  const program = resolve(import.meta.dirname, '../../../dist/harness/peers/own-speed.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, file, '2'], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const speed = JSON.parse(stdout) as PeerSpeed;
  expect(speed.prefillTokensPerSecond).toBeGreaterThan(0);
  expect(speed.decodeTokensPerSecond).toBeGreaterThan(0);
  expect(speed.system).toMatch(/int4 g32 \(Q4_0\)/);
});

describe('speeds', () => {
  it('are 512 prompt tokens until the first is known, and 128 tokens after it', () => {
    const tokenMs = Array.from({ length: 129 }, (_, i) => 1512 + 10 * i);
    expect(speedOf(1000, tokenMs, 'x')).toEqual({
      prefillTokensPerSecond: 1000,
      decodeTokensPerSecond: 100,
      system: 'x',
    });
  });

  it('are compared by medians, loadmark over the other', () => {
    const runs = (...values: number[]) =>
      values.map((value) => ({
        prefillTokensPerSecond: 10 * value,
        decodeTokensPerSecond: value,
        system: '',
      }));
    const [own, peer] = describeSystems([
      { name: 'loadmark', runs: runs(30, 10, 20) },
      { name: 'peer', runs: runs(40, 5, 8) },
    ]);
    expect(own).toMatchObject({ prefill: 200, decode: 20, prefillRatio: 1, decodeRatio: 1 });
    expect(peer).toMatchObject({ prefill: 80, decode: 8, prefillRatio: 2.5, decodeRatio: 2.5 });
  });
});
