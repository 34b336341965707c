// The native engine's settings, as a run's section `engine` has them. Which of its types a device has is device.ts's
// business.

import { optionalFaults } from './engine-fault.js';
import { listText } from './list-field.js';
import { choice, flag, number, optionalNumber, section } from './setting-fields.js';

const count = (max: number) => ({ min: 1, max, whole: true }) as const;

/** Settings `engine`. */
export const engineFields = section({
  /** `auto` (a GPU where the engine can use one, else the CPU), `cpu`, `cuda`, `cuda:N`, `cuda:all`, or a list of them. */
  device: listText('auto'),
  /** Devices that compute a worker's model together: so many neighbours in the list are a worker. */
  tensorParallel: number(count(64), 1),
  /** Threads of each worker; null shares the cores between those on the CPU. */
  threads: optionalNumber(count(1024)),
  /** Sequences in flight at once. */
  maxBatch: number(count(65_536), 64),
  /** Longest prompt + answer; null takes the model's own limit. */
  maxSequenceTokens: optionalNumber({ min: 2, max: 16_777_216, whole: true }),
  /** Tokens one step may compute: answers first, then pieces of prompts. */
  maxStepTokens: number(count(1_048_576), 512),
  /** Tokens a page of the KV cache holds. */
  pageTokens: number(count(65_536), 16),
  /** `auto`: fp16, or bf16 beside bf16 activations. Which of the others there are is the device's business. */
  kvCache: choice(['auto', 'fp32', 'fp16', 'bf16', 'fp8'], 'auto', ['int8']),
  /** 0 plans room for max_batch sequences of full length. */
  kvCacheBytes: number({ min: 0, max: Number.MAX_SAFE_INTEGER, whole: true }, 0),
  instructionSet: choice(['auto', 'plain', 'avx2', 'avx512'], 'auto'),
  /** On the CPU, how integer linears see their input: int8 (`auto`) or fp32. On a GPU: fp16 (`auto`) or bf16. */
  activations: choice(['auto', 'int8', 'fp32', 'fp16', 'bf16'], 'auto'),
  /** `int8` rounds float linears per output channel at load. */
  weights: choice(['checkpoint', 'int8'], 'checkpoint'),
  /** A GPU's steps that only decode run as CUDA graphs; false: their kernels are launched one by one. */
  cudaGraphs: flag(true),
  /** Steps whose kernels a GPU times one by one, which makes them slower; 0 is off. */
  profileSteps: number({ min: 0, max: 10_000, whole: true }, 0),
  /** The first of them: 0 is the first of the pass that is measured, any other counts from the load of the engine. */
  profileFirstStep: number({ min: 0, max: 1_000_000_000, whole: true }, 0),
  /** For tests of what comes after: which workers are made to fail, how and when (engine-fault.ts). Such a run is INVALID. */
  fault: optionalFaults(),
});
