// Is the forward pass the one transformers computes? Logits and greedy tokens of small checkpoints in every format.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { largestDifference } from './difference.js';
import {
  Bench,
  type Golden,
  goldenFolder,
  listGoldenModels,
  makeOptions,
  makeRequest,
  readGolden,
} from './golden-model.js';

/** A draw whose best two logits lie closer than this is a tie: from there on the answers may differ. */
const tie = 1e-3;

function expectSameUpToTies(
  name: string,
  got: readonly number[],
  golden: Golden,
  prompt: number,
): void {
  const want = golden.greedy[prompt]!;
  for (let i = 0; i < Math.max(want.length, got.length); i++) {
    if (got[i] === want[i]) continue;
    expect(golden.margins[prompt]![i], `${name}, prompt ${prompt}, token ${i}`).toBeLessThan(tie);
    return;
  }
}

async function largestLogitDifference(bench: Bench, golden: Golden): Promise<number> {
  let at = 0;
  let largest = 0;
  for (const index of golden.logitPrompts) {
    const prompt = Int32Array.from(golden.prompts[index]!);
    let logits = await bench.engine.forwardLogits(prompt);
    if (golden.logitRows === 'last') logits = logits.subarray(-golden.vocabSize);
    const expected = golden.logits.subarray(at, at + logits.length);
    largest = Math.max(largest, largestDifference(logits, expected));
    at += logits.length;
  }
  expect(at).toBe(golden.logits.length);
  return largest;
}

describe.each(listGoldenModels())('%s', (model) => {
  const golden = readGolden(join(goldenFolder, model));

  test.each(['auto', 'plain'] as const)('logits on %s', async (instructionSet) => {
    const bench = await Bench.load(makeOptions(model, { instructionSet }));
    const largest = await largestLogitDifference(bench, golden);
    console.log(
      `${model} ${bench.engine.info.instructionSet}: largest logit difference ${largest}`,
    );
    expect(largest).toBeLessThanOrEqual(1e-3);
    await bench.engine.close();
  });

  test('greedy tokens', async () => {
    const bench = await Bench.load(makeOptions(model));
    const requests = golden.prompts.map((prompt, id) =>
      makeRequest(id, { promptTokens: Int32Array.from(prompt), maxNewTokens: golden.newTokens }),
    );
    const answers = await bench.run(requests);
    for (const [i, answer] of answers.entries()) expectSameUpToTies(model, answer, golden, i);
    await bench.engine.close();
  });
});

// Rounding to int8 is an approximation: small against the logits' spread, and not nothing.
test.each([
  ['weights', 'float32', { weightFormat: 'int8' }, 0.03],
  ['weights and activations', 'float32', { weightFormat: 'int8', activationType: 'int8' }, 0.05],
  ['activations of int4', 'gptq-v1-g32-sym', { activationType: 'int8' }, 0.05],
] as const)('int8 %s', async (_, model, changes, bound) => {
  const golden = readGolden(join(goldenFolder, model));
  const bench = await Bench.load(makeOptions(model, changes));
  const prompt = golden.prompts[golden.logitPrompts.at(-1)!]!;
  const logits = await bench.engine.forwardLogits(Int32Array.from(prompt));
  const want = golden.logits.subarray(-logits.length);
  let error = 0;
  let power = 0;
  for (const [i, logit] of logits.entries()) {
    error += (logit - want[i]!) ** 2;
    power += want[i]! ** 2;
  }
  console.log(`int8 ${_}: relative error of the logits ${Math.sqrt(error / power)}`);
  expect(Math.sqrt(error / power)).toBeLessThan(bound);
  expect(error).toBeGreaterThan(0);
  await bench.engine.close();
});

// The built-in checkpoints. Their golden values are made by make.py --checkpoint whenever they are trained anew.
describe.each(['tiny', 'tiny-int4'])('built-in model %s', (name) => {
  const modelPath = join(goldenFolder, '../../../configs/models', name);
  const folder = join(goldenFolder, name);
  test('logits and greedy tokens', async () => {
    const golden = readGolden(folder);
    const longest = Math.max(...golden.prompts.map((prompt) => prompt.length));
    const bench = await Bench.load({
      ...makeOptions(name, {
        maxBatch: 64,
        maxStepTokens: 256,
        maxSequenceTokens: longest + golden.newTokens,
      }),
      modelPath,
    });
    const largest = await largestLogitDifference(bench, golden);
    console.log(`${name}: largest logit difference ${largest}, ${golden.prompts.length} prompts`);
    expect(largest).toBeLessThanOrEqual(1e-3);
    const answers = await bench.run(
      golden.prompts.map((prompt, id) =>
        makeRequest(id, {
          promptTokens: Int32Array.from(prompt),
          stopTokens: Int32Array.from(golden.stopTokens),
          maxNewTokens: golden.newTokens,
        }),
      ),
    );
    for (const [i, answer] of answers.entries()) expectSameUpToTies(name, answer, golden, i);
    await bench.engine.close();
  });
});
