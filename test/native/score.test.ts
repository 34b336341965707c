// Are scores the log-probabilities that transformers' logits give? Computed here from the golden logits in double.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Bench, goldenFolder, listGoldenModels, makeOptions, readGolden } from './golden-model.js';

function logProbability(logits: Float32Array, token: number): number {
  let largest = -Infinity;
  for (const logit of logits) largest = Math.max(largest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  return logits[token]! - largest - Math.log(sum);
}

function argmax(logits: Float32Array): number {
  return logits.reduce((best, logit, i) => (logit > logits[best]! ? i : best), 0);
}

describe.each(listGoldenModels())('%s', (model) => {
  const golden = readGolden(join(goldenFolder, model));
  // The longest prompt with logits, cut in two: every tail is a continuation with known logits.
  const index = golden.logitPrompts.at(-1)!;
  const text = golden.prompts[index]!;
  const firstRow = golden.logits.length / golden.vocabSize - text.length;
  const row = (position: number) =>
    golden.logits.subarray(
      (firstRow + position) * golden.vocabSize,
      (firstRow + position + 1) * golden.vocabSize,
    );

  test('continuations of one and of many tokens', async () => {
    const bench = await Bench.load(makeOptions(model));
    const cut = 20;
    const best = argmax(row(cut - 1));
    const continuations = [
      [text[cut]!],
      text.slice(cut),
      [best],
      [...Array(golden.vocabSize).keys()],
      text.slice(cut, cut + 2),
    ].flatMap((tokens, i) => (i === 3 ? tokens.map((token) => [token]) : [tokens]));
    const [result] = await bench.engine.score([
      {
        promptTokens: Int32Array.from(text.slice(0, cut)),
        continuations: continuations.map((tokens) => Int32Array.from(tokens)),
      },
    ]);
    let total = 0;
    for (const [i, tokens] of continuations.entries()) {
      const want = tokens.reduce(
        (sum, token, j) => sum + logProbability(row(cut - 1 + j), token),
        0,
      );
      expect(Math.abs(result!.logProbs[i]! - want)).toBeLessThan(1e-3 * tokens.length);
      const greedy = tokens.every((token, j) => argmax(row(cut - 1 + j)) === token);
      expect(result!.isGreedy[i]).toBe(greedy ? 1 : 0);
      if (tokens.length === 1 && i > 2) total += Math.exp(result!.logProbs[i]!);
    }
    expect(result!.isGreedy[2]).toBe(1);
    // Exponentials are fp32, their sum is double.
    expect(total).toBeCloseTo(1, 7);
    expect(result!.finishedNs).toBeLessThanOrEqual(Number(process.hrtime.bigint()));
    await bench.engine.close();
  });
});

test('single-token continuations of one prompt share one forward', async () => {
  const bench = await Bench.load(makeOptions('float32'));
  const promptTokens = Int32Array.from({ length: 30 }, (_, i) => i + 3);
  await bench.engine.score([
    { promptTokens, continuations: [1, 2, 3, 4].map((t) => Int32Array.of(t)) },
  ]);
  expect(bench.engine.stats()).toMatchObject({ steps: 1, promptTokens: 30, generatedTokens: 0 });
  await bench.engine.close();
});

test('requests that cannot be scored are refused by number', async () => {
  const bench = await Bench.load(makeOptions('float32'));
  const good = { promptTokens: Int32Array.of(1), continuations: [Int32Array.of(2)] };
  const refused = async (bad: object, message: RegExp) =>
    expect(bench.engine.score([good, { ...good, ...bad }])).rejects.toMatchObject({
      code: 'ERR_BAD_ARGUMENT',
      message: expect.stringMatching(message),
    });
  await refused(
    { promptTokens: new Int32Array(0) },
    /score request 1: promptTokens holds 0 tokens/,
  );
  await refused({ continuations: [] }, /score request 1: continuations is empty/);
  await refused({ continuations: [new Int32Array(0)] }, /score request 1: .*at least 1/);
  await refused(
    { continuations: [Int32Array.of(160)] },
    /score request 1: .* is 160; allowed: 0 to 159/,
  );
  await refused(
    { promptTokens: new Int32Array(129) },
    /129 prompt tokens and 1 .*at most 129 together/,
  );
  expect(await bench.engine.score([good])).toHaveLength(1);
  expect(await bench.engine.score([])).toEqual([]);
  await bench.engine.close();
});
