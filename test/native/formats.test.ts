// Does the engine read what other people's quantizers wrote? Every linear of the checkpoints in golden/formats against the
// values that the format's own tool decodes, to the bit, and the whole model's logits against transformers on those values.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { decodeLinear } from '../../native/index.js';
import { Bench, makeOptions, readGolden } from './golden-model.js';

const formatsFolder = join(dirname(fileURLToPath(import.meta.url)), '../golden/formats');
const cases = readdirSync(formatsFolder).filter((name) =>
  existsSync(join(formatsFolder, name, 'golden.json')),
);

/** A folder, or the one GGUF file in it. */
function modelPath(name: string): string {
  const file = join(formatsFolder, name, 'model.gguf');
  return existsSync(file) ? file : join(formatsFolder, name);
}

/** What the engine holds each checkpoint's linears as. */
const heldAs: Readonly<Record<string, string>> = {
  'awq-g32': 'int4 g32 asym (awq)',
  'compressed-channel-asym-fp32': 'fp32 (decoded from compressed-tensors)',
  'compressed-g32-asym-bf16': 'int4 g32 asym (compressed-tensors)',
  'compressed-g32-sym-act-order': 'int4 g32 sym act-order (compressed-tensors)',
  'gguf-k-blocks': 'fp16 (decoded from Q4_K), fp16 (decoded from Q5_K), fp16 (decoded from Q6_K)',
  'gguf-q4_0': 'int4 g32 (Q4_0)',
  'gguf-qwen2': 'int4 g32 (Q4_0)',
  'gguf-small-blocks':
    'int4 g32 (Q4_1), int8 g32 (Q8_0), fp16 (decoded from Q5_1), fp16, fp16 (decoded from Q5_0), bf16, fp32',
  'gptq-v1-asym-act-order': 'int4 g32 asym act-order (gptq)',
  'gptq-v1-sym': 'int4 g32 sym (gptq)',
  'gptq-v2-asym-act-order': 'int4 g32 asym act-order (gptq)',
  'gptq-v2-sym': 'int4 g32 sym (gptq)',
  'llm-int8': 'int8 (llm.int8)',
  'marlin-g128': 'int4 g128 sym (marlin)',
  'marlin-row': 'int4 row sym (marlin)',
  'nf4-bf16': 'bf16 (decoded from nf4)',
  'nf4-double-fp16': 'fp16 (decoded from nf4, double quantized)',
};

/** -0 as 0: int4's product of a scale and 0 has the scale's sign in some tools. */
function digest(values: Float32Array): string {
  const plain = values.map((value) => value + 0);
  return createHash('sha256').update(new Uint8Array(plain.buffer)).digest('hex');
}

test('every case is known', () => expect(cases.sort()).toEqual(Object.keys(heldAs).sort()));

describe.each(cases)('%s', (name) => {
  const golden: {
    decoded: Record<string, { shape: [number, number]; sha256: string }>;
    roundedBy: number;
  } = JSON.parse(readFileSync(join(formatsFolder, name, 'golden.json'), 'utf8'));

  test.each(Object.entries(golden.decoded))('%s to the bit', (path, { shape, sha256 }) => {
    const values = decodeLinear(modelPath(name), path);
    expect(values.length).toBe(shape[0] * shape[1]);
    expect(digest(values)).toBe(sha256);
  });

  test.each(['auto', 'plain'] as const)('logits on %s', async (instructionSet) => {
    const expected = readGolden(join(formatsFolder, name));
    const options = { ...makeOptions(name, { instructionSet }), modelPath: modelPath(name) };
    const bench = await Bench.load(options);
    expect(bench.engine.info.weightFormat).toBe(heldAs[name]);
    let at = 0;
    let largest = 0;
    let peak = 0;
    for (const index of expected.logitPrompts) {
      const logits = await bench.engine.forwardLogits(Int32Array.from(expected.prompts[index]!));
      for (const logit of logits) {
        peak = Math.max(peak, Math.abs(logit));
        largest = Math.max(largest, Math.abs(logit - expected.logits[at++]!));
      }
    }
    await bench.engine.close();
    console.log(`${name} ${instructionSet}: largest logit difference ${largest}`);
    expect(at).toBe(expected.logits.length);
    // These two hold fp16 roundings of blocks that the CPU keeps as they are: what the rounding costs is known.
    const isExact = name === 'gguf-q4_0' || name === 'gguf-small-blocks';
    expect(largest).toBeLessThanOrEqual(1e-3 + (isExact ? golden.roundedBy * peak : 0));
  });
});
