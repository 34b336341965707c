// Is every architecture the one transformers computes? Logits past the sliding window and in every region of the rotary
// scaling, and 64 greedy tokens of each prompt; then the same bits however the rows of a step are arranged.
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { largestDifference } from './difference.js';
import { Bench, listCheckpoints, makeOptions, makeRequest, readGolden } from './golden-model.js';

const folder = fileURLToPath(new URL('../golden/architectures', import.meta.url));
const checkpoints = listCheckpoints(folder);
const instructionSets = ['auto', 'avx2', 'plain'] as const;

const load = (model: string, changes = {}) =>
  Bench.load({ ...makeOptions(model, changes), modelPath: join(folder, model) });

test('every architecture is there', () => {
  expect(checkpoints).toHaveLength(12 + 4);
});

describe.each(checkpoints)('%s', (model) => {
  const golden = readGolden(join(folder, model));
  const prompts = golden.prompts.map((prompt) => Int32Array.from(prompt));
  const requests = prompts.map((promptTokens, id) =>
    makeRequest(id, { promptTokens, maxNewTokens: golden.newTokens }),
  );

  test.each(instructionSets)('logits on %s', async (instructionSet) => {
    let bench: Bench;
    try {
      bench = await load(model, { instructionSet, maxSequenceTokens: 136 });
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_UNSUPPORTED_CPU') throw error;
      return console.warn(`not tested: this CPU has no ${instructionSet}`);
    }
    const logits = await bench.engine.forwardLogits(prompts[0]!);
    await bench.engine.close();
    expect(logits.length).toBe(golden.logits.length);
    const largest = largestDifference(logits, golden.logits);
    console.log(`${model}, ${instructionSet}: largest logit difference ${largest}`);
    expect(largest).toBeLessThanOrEqual(1e-3);
  });

  test('greedy tokens', async () => {
    const bench = await load(model, { maxSequenceTokens: 136 });
    const answers = await bench.run(requests);
    await bench.engine.close();
    expect(answers).toEqual(golden.greedy);
  });

  // Pages of 5 cut the cache's blocks anywhere, 7 rows a step cut prompts anywhere, 3 threads the work.
  test('the same bits in other batches, chunks and pages', async () => {
    const one = await load(model, { maxSequenceTokens: 136, maxBatch: 1, maxStepTokens: 128 });
    const want = await one.engine.forwardLogits(prompts[0]!);
    await one.engine.close();
    const changes = { maxSequenceTokens: 136, pageTokens: 5, maxStepTokens: 7, threads: 3 };
    const other = await load(model, changes);
    const [, got] = await Promise.all([
      other.run(requests),
      other.engine.forwardLogits(prompts[0]!),
    ]);
    await other.engine.close();
    expect(Buffer.from(got.buffer, got.byteOffset, got.byteLength)).toEqual(
      Buffer.from(want.buffer, want.byteOffset, want.byteLength),
    );
  });
});

// What a family's config.json must say, and what it may not: never guessed from transformers' defaults.
describe('config.json', () => {
  const unsupported = 'ERR_UNSUPPORTED_MODEL';
  test.each<[string, Record<string, unknown>, RegExp, string?]>([
    ['mistral', { sliding_window: undefined }, /sliding_window is missing; allowed: an integer/],
    ['mistral', { sliding_window: 0 }, /sliding_window is 0; allowed: an integer from 1/],
    ['mistral', { num_key_value_heads: undefined }, /num_key_value_heads is missing/],
    ['mistral', { attention_bias: true }, /attention_bias is true; allowed: false/, unsupported],
    ['mistral', { num_local_experts: 8 }, /num_local_experts is 8/, unsupported],
    [
      'qwen2-window',
      { max_window_layers: undefined },
      /max_window_layers is missing; allowed: an integer/,
    ],
    ['qwen2-window', { sliding_window: null }, /sliding_window is null; allowed: an integer/],
    [
      'qwen2-window',
      { layer_types: ['full_attention', 'chunked_attention'] },
      /layer_types is .*"chunked_attention".*; allowed: "full_attention" or/,
      unsupported,
    ],
    [
      'qwen2',
      { layer_types: ['full_attention', 'sliding_attention'] },
      /layer_types is/,
      unsupported,
    ],
    ['qwen2', { use_mrope: true }, /use_mrope is true; allowed: null, or nothing/, unsupported],
    ['qwen3', { head_dim: undefined }, /head_dim is missing; allowed: an even number/],
    ['qwen3', { attention_bias: true }, /self_attn\.q_proj\.bias/],
    ['gptj', { rotary_dim: undefined }, /rotary_dim is missing; allowed: an integer from 2 to 64/],
    ['gptj', { n_inner: null }, /fc_in\.weight" has shape \[80, 128\]; .*\[512, 128\]/],
    ['gptj', { rotary_dim: 7 }, /rotary_dim is 7; allowed: an even number/],
    ['gptj', { rotary_dim: 66 }, /rotary_dim is 66; allowed: an integer from 2 to 64/],
    ['gptj', { n_head: 3 }, /n_head is 3; allowed: a divisor of n_embd, which is 128/],
    [
      'gptj',
      { activation_function: 'gelu' },
      /activation_function is "gelu"; allowed: "gelu_new"/,
      unsupported,
    ],
    ['gptj', { scale_attn_weights: false }, /scale_attn_weights is false/, unsupported],
    ['llama3', { attention_bias: true }, /self_attn\.q_proj\.bias/],
    [
      'llama-linear-biases',
      { attention_bias: false },
      /self_attn\.q_proj\.bias holds .*; allowed for this config\.json: no bias, or zeros/,
      unsupported,
    ],
    ['aquila', { model_type: 'llama' }, /model_type is "llama"; allowed: "aquila"/, unsupported],
  ])('%s with %j', async (model, changes, message, code = 'ERR_BAD_CHECKPOINT') => {
    const changed = mkdtempSync(join(tmpdir(), 'loadmark-'));
    try {
      const config = JSON.parse(readFileSync(join(folder, model, 'config.json'), 'utf8'));
      writeFileSync(join(changed, 'config.json'), JSON.stringify({ ...config, ...changes }));
      symlinkSync(join(folder, model, 'model.safetensors'), join(changed, 'model.safetensors'));
      const loading = Bench.load({ ...makeOptions(model), modelPath: changed });
      await expect(loading).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    } finally {
      rmSync(changed, { recursive: true });
    }
  });

  test('layer_types place the window as max_window_layers does', async () => {
    const golden = readGolden(join(folder, 'qwen2-window'));
    const changed = mkdtempSync(join(tmpdir(), 'loadmark-'));
    try {
      const config = JSON.parse(readFileSync(join(folder, 'qwen2-window/config.json'), 'utf8'));
      config.layer_types = ['full_attention', 'sliding_attention'];
      config.max_window_layers = 0;
      writeFileSync(join(changed, 'config.json'), JSON.stringify(config));
      symlinkSync(
        join(folder, 'qwen2-window/model.safetensors'),
        join(changed, 'model.safetensors'),
      );
      const bench = await Bench.load({ ...makeOptions(''), modelPath: changed });
      const logits = await bench.engine.forwardLogits(Int32Array.from(golden.prompts[0]!));
      await bench.engine.close();
      const largest = largestDifference(logits, golden.logits);
      expect(largest).toBeLessThanOrEqual(1e-3);
    } finally {
      rmSync(changed, { recursive: true });
    }
  });
});
