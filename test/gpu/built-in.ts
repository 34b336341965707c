// What the engine's tests on a GPU share: whether there is one, the built-in models on it and on the CPU (the oracle:
// fp32 activations, fp32 KV cache), their datasets in tokens, and when an answer counts as the CPU's.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTokenizer, openDataset } from '../../datasets/index.js';
import { DatasetLibrary } from '../../harness/sample-library.js';
import {
  type Engine,
  type EngineOptions,
  eventStatus,
  type GenerateRequest,
  hostFeatures,
} from '../../native/index.js';
import { type Answer, Bench, makeOptions, makeRequest } from '../native/golden-model.js';

/** How far a logit may be from the CPU's, by the type of activations on the GPU. */
export const logitBounds = { fp16: 0.08, bf16: 0.6 } as const;

export const builtInModels = ['tiny', 'tiny-int4'] as const;
export const activationTypes = ['fp16', 'bf16'] as const;
export type BuiltInModel = (typeof builtInModels)[number];
export type GpuActivations = (typeof activationTypes)[number];

/** Both models'. */
export const eosToken = 1;
export const vocabSize = 1024;

/** Whether there is a GPU to test; says why these tests are skipped where there is none. */
export function hasGpu(): boolean {
  const { devices, reason } = hostFeatures().cuda;
  if (devices.length === 0) console.warn(`skipped, since there is no GPU: ${reason}`);
  return devices.length > 0;
}

function folderOf(model: BuiltInModel): string {
  return fileURLToPath(new URL(`../../configs/models/${model}`, import.meta.url));
}

export function cpuOptions(
  model: BuiltInModel,
  changes: Partial<EngineOptions> = {},
): EngineOptions {
  return makeOptions(model, {
    modelPath: folderOf(model),
    maxBatch: 64,
    maxSequenceTokens: 256,
    maxStepTokens: 512,
    ...changes,
  });
}

export function gpuOptions(
  model: BuiltInModel,
  activationType: GpuActivations,
  changes: Partial<EngineOptions> = {},
): EngineOptions {
  return cpuOptions(model, {
    device: 'cuda:0',
    kvCacheType: activationType,
    activationType,
    ...changes,
  });
}

/** Loads, hands over, closes whatever happens: a failed test must not hold the GPU's memory. */
export async function withBench<T>(
  options: EngineOptions,
  use: (bench: Bench) => Promise<T>,
): Promise<T> {
  const bench = await Bench.load(options);
  try {
    return await use(bench);
  } finally {
    await bench.engine.close();
  }
}

/** The options with a KV cache of so many pages. */
export async function withPages(options: EngineOptions, pages: number): Promise<EngineOptions> {
  const tokenBytes = await withBench(options, async ({ engine }) => engine.info.kvBytesPerToken);
  return { ...options, kvCacheBytes: pages * options.pageTokens * tokenBytes };
}

/** The first samples of a built-in dataset's test split. */
export async function loadSamples(name: 'tiny-orca' | 'tiny-mmlu', count: number) {
  const tokenizer = await loadTokenizer(join(folderOf('tiny')));
  const library = new DatasetLibrary(openDataset(name, 'test'), tokenizer, count);
  const indices = Array.from({ length: count }, (_, index) => index);
  library.loadSamplesToRam(indices);
  return indices.map((index) => library.tokens(index));
}

/** tiny-orca's questions, greedily answered to the end of sequence. */
export async function loadRequests(count: number): Promise<GenerateRequest[]> {
  const samples = await loadSamples('tiny-orca', count);
  const stopTokens = Int32Array.of(eosToken);
  return samples.map(({ promptTokens }, id) =>
    makeRequest(id, { promptTokens, maxNewTokens: 96, stopTokens }),
  );
}

/** An answer's tokens with the stop token that ended it: where it ends is part of it. */
export function endedTokens({ tokens, status }: Answer): number[] {
  if (status === eventStatus.stop) return [...tokens, eosToken];
  if (status !== eventStatus.length) throw new Error(`an answer ended with status ${status}`);
  return tokens;
}

/** Answers of requests that stop at the end of sequence only. */
export async function answerAll(
  bench: Bench,
  requests: readonly GenerateRequest[],
): Promise<number[][]> {
  await bench.run(requests);
  return requests.map(({ id }) => endedTokens(bench.answers.get(id)!));
}

/** How answers compare with the CPU's: `faults` has a sentence for each that differs and not by a tie. */
export interface Comparison {
  readonly same: number;
  readonly ties: number;
  readonly faults: readonly string[];
}

/**
 * An answer is the CPU's, or its first token that differs is a tie: the CPU's own logits of both tokens are no further
 * apart than two errors of `bound`. What follows is then another text.
 */
export async function compareAnswers(
  cpu: Engine,
  requests: readonly GenerateRequest[],
  want: readonly (readonly number[])[],
  got: readonly (readonly number[])[],
  bound: number,
): Promise<Comparison> {
  let same = 0;
  let ties = 0;
  const faults: string[] = [];
  for (const [i, { id, promptTokens }] of requests.entries()) {
    const [right, answer] = [want[i]!, got[i]!];
    const at = right.findIndex((token, position) => token !== answer[position]);
    if (at === -1 && answer.length === right.length) {
      same++;
      continue;
    }
    const [expected, token] = [right[at], answer[at]];
    if (expected === undefined || token === undefined) {
      faults.push(`request ${id}: ${answer.length} tokens, ${right.length} on the CPU`);
      continue;
    }
    const text = Int32Array.from([...promptTokens, ...right.slice(0, at)]);
    const logits = (await cpu.forwardLogits(text)).subarray(-vocabSize);
    const gap = Math.abs(logits[expected]! - logits[token]!);
    if (gap <= 2 * bound) ties++;
    else faults.push(`request ${id}: token ${at} is ${token}, ${expected} on the CPU, gap ${gap}`);
  }
  return { same, ties, faults };
}
