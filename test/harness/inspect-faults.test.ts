// Is what headers and configuration show to be wrong a fault of `bench inspect`, without --verify, and the one that the
// engine gives when it loads the model?

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exitCodes } from '../../harness/exit-codes.js';
import { formatInspection } from '../../harness/report/inspection.js';
import { Engine } from '../../native/index.js';
import { makeOptions } from '../native/golden-model.js';
import { callBench } from './bench-call.js';
import { edited, inspect } from './inspect-case.js';

/** A copy of a case whose tensors' names change; null: gone. */
function renamed(
  name: string,
  rename: (tensor: string) => string | null,
  add: Readonly<Record<string, Float32Array>> = {},
): string {
  const own = edited(name, () => {});
  const file = join(own, 'model.safetensors');
  const bytes = readFileSync(file);
  const data = 8 + Number(bytes.readBigUInt64LE(0));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: number[] }> =
    JSON.parse(bytes.toString('utf8', 8, data));
  const kept: typeof header = {};
  const parts: Buffer[] = [];
  let at = 0;
  const put = (tensor: string, dtype: string, shape: number[], content: Buffer) => {
    kept[tensor] = { dtype, shape, data_offsets: [at, at + content.length] };
    parts.push(content);
    at += content.length;
  };
  for (const [tensor, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (tensor === '__metadata__') continue;
    const [begin, end] = data_offsets as [number, number];
    const newName = rename(tensor);
    if (newName !== null) put(newName, dtype, shape, bytes.subarray(data + begin, data + end));
  }
  for (const [tensor, values] of Object.entries(add)) {
    put(tensor, 'F32', [values.length], Buffer.from(values.buffer));
  }
  const text = Buffer.from(JSON.stringify(kept));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(file, Buffer.concat([length, text, ...parts]));
  return own;
}

describe('faults that headers show', () => {
  const qBias = 'model.layers.0.self_attn.q_proj.bias';
  const without = (gone: string) => (tensor: string) => (tensor === gone ? null : tensor);
  test.each<[string, string, RegExp]>([
    [
      'a bias that the family has',
      renamed('../architectures/qwen2', without(qBias)),
      /lacks tensor "model\.layers\.0\.self_attn\.q_proj\.bias"/,
    ],
    [
      "the bias of GPT-J's fc_in",
      renamed('../architectures/gptj', without('transformer.h.1.mlp.fc_in.bias')),
      /lacks tensor "transformer\.h\.1\.mlp\.fc_in\.bias"/,
    ],
    [
      'biases that config.json asks for',
      edited('../architectures/llama2', (config) => (config.attention_bias = true)),
      /lacks tensor "model\.layers\.0\.self_attn\.q_proj\.bias"/,
    ],
    [
      'a bias too many',
      renamed('../architectures/llama2', (tensor) => tensor, {
        'model.layers.0.mlp.down_proj.bias': new Float32Array(128).fill(0.5),
      }),
      /down_proj\.bias holds 0\.5.*; allowed for this config\.json: no bias, or zeros/,
    ],
    [
      'groups of another size',
      edited('gptq-v2-sym', (config) => {
        (config.quantization_config as Record<string, unknown>).group_size = 64;
      }),
      /q_proj\.qzeros" has shape \[2, 8\]; config\.json asks for \[1, 8\]/,
    ],
    [
      'no zero points',
      renamed('gptq-v2-sym', without('model.layers.0.mlp.up_proj.qzeros')),
      /lacks tensor "model\.layers\.0\.mlp\.up_proj\.qzeros"/,
    ],
    [
      'no scales of bitsandbytes',
      renamed('nf4-bf16', without('model.layers.0.mlp.up_proj.weight.absmax')),
      /lacks tensor "model\.layers\.0\.mlp\.up_proj\.weight\.absmax"/,
    ],
  ])('%s, as the engine says', async (_, modelPath, fault) => {
    const { code, record } = await inspect(modelPath);
    expect(code).toBe(exitCodes.checkFailed);
    expect(record.faults).toContainEqual(expect.stringMatching(fault));
    const loading = Engine.load({ ...makeOptions('any'), modelPath }, { onEvents: () => {} });
    await expect(loading).rejects.toThrow(fault);
    for (const device of record.devices) {
      expect(device).toMatchObject({ tokensPerSecond: null, tokensPerSecondAtContext: null });
    }
    expect(formatInspection(record, false)).toMatch(/limit +none: the model would be refused/);
  });

  test('the linear at fault keeps its row', async () => {
    const path = renamed('gptq-v2-sym', without('model.layers.0.mlp.up_proj.qzeros'));
    expect((await callBench('inspect', path)).stdout).toMatch(/up_proj +1 +128 x 64 .*a fault/);
  });

  test('a bias of zeros is none', async () => {
    const zeros = { 'model.layers.0.mlp.down_proj.bias': new Float32Array(128) };
    const path = renamed('../architectures/llama2', (tensor) => tensor, zeros);
    expect((await inspect(path, '--verify')).code).toBe(exitCodes.ok);
  });
});
