// The only door to the native engine: types its whole surface and loads the addon, when it is first needed.
// Tokens in, tokens out; text never crosses. What an argument may be is checked in arguments.ts.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  checkIds,
  checkOptions,
  checkProfile,
  checkRequests,
  checkScoreRequests,
  checkTokens,
  NativeError,
  packRequests,
  packScoreRequests,
} from './arguments.js';
import { packQuantizeOptions } from './quantize-arguments.js';

export { deviceTypes, NativeError } from './arguments.js';

export type DeviceName = 'cpu' | `cuda:${number}`;
/** `deviceTypes` tells which of these a device has; so for activations. */
export type KvCacheType = 'fp32' | 'fp16' | 'bf16' | 'fp8';
/** `auto` picks the best the CPU has; a named set that the CPU lacks is refused. `plain` is the reference. */
export type InstructionSet = 'auto' | 'plain' | 'avx2' | 'avx512';
/** `checkpoint` computes with what the file holds; `int8` rounds float linears per output channel at load. */
export type WeightFormat = 'checkpoint' | 'int8';
/**
 * On the CPU, how int4 and int8 linears see their input: rounded to int8 per (row, group), or as fp32. On a GPU, the type
 * of everything between two operators.
 */
export type ActivationType = 'int8' | 'fp32' | 'fp16' | 'bf16';

export interface EngineOptions {
  /** Folder in Hugging Face layout: config.json and *.safetensors; a .gguf file; or synthetic:<shape>:<seed>, random weights. */
  readonly modelPath: string;
  readonly device: DeviceName;
  /** Threads of the engine's pool, the stepping thread included. */
  readonly threads: number;
  /** Sequences in flight at once. */
  readonly maxBatch: number;
  /** Longest prompt + output, in tokens. */
  readonly maxSequenceTokens: number;
  /** Tokens a step may compute (decode rows first, then prompt chunks). */
  readonly maxStepTokens: number;
  /** Tokens a page of the KV cache holds. */
  readonly pageTokens: number;
  /** Bytes for the KV cache; 0 plans maxBatch x maxSequenceTokens, on a GPU what is free where that is less. */
  readonly kvCacheBytes: number;
  readonly kvCacheType: KvCacheType;
  readonly instructionSet: InstructionSet;
  readonly activationType: ActivationType;
  /** Left out: `checkpoint`. */
  readonly weightFormat?: WeightFormat;
  /** Fault injection for tests: the step of this number (1 is the first) fails, which breaks the engine. */
  readonly faultAtStep?: number;
  /** For tests: the CPU takes this many steps (0 or 1) ahead of results, as a GPU does. */
  readonly stepLag?: number;
}

export interface GenerateRequest {
  /** Chosen by the caller, unique among unfinished requests, an int32 >= 0. */
  readonly id: number;
  readonly promptTokens: Int32Array;
  readonly maxNewTokens: number;
  /** Stop tokens cannot be drawn before this many tokens are out. */
  readonly minNewTokens: number;
  /** A drawn stop token ends the answer and is not part of it. */
  readonly stopTokens: Int32Array;
  /** 0 is greedy. */
  readonly temperature: number;
  /** 0 is off. */
  readonly topK: number;
  /** 1 is off. */
  readonly topP: number;
  /** Seeds this request's own generator, so that its answer does not depend on its neighbours. */
  readonly seed: bigint;
}

/** running: one token more; stop and length: finished; failed and cancelled: finished without a further token. */
export const eventStatus = { running: 0, stop: 1, length: 2, failed: 3, cancelled: 4 } as const;

/** One engine step's news, all arrays of one length. */
export interface EventBatch {
  readonly requestIds: Int32Array;
  /** The new token, or -1 when this event carries none (a stop token, a failure). */
  readonly tokens: Int32Array;
  /** Tokens out so far, the new one included. */
  readonly tokenCounts: Int32Array;
  /** One of `eventStatus`. */
  readonly statuses: Uint8Array;
  /** When the step's tokens were known, CLOCK_MONOTONIC nanoseconds. */
  readonly timestampNs: number;
}

export interface ScoreRequest {
  readonly promptTokens: Int32Array;
  /**
   * Each is scored as the continuation of the prompt. They are computed one after another, and what one has in common with
   * the one before is computed once: likeness counts between neighbours.
   */
  readonly continuations: readonly Int32Array[];
  /** Leading tokens of each continuation that are read and not scored, as a prompt of its own; absent: none. */
  readonly contextTokens?: readonly number[];
}

export interface ScoreResult {
  /** Sum of log-probabilities (natural) of each continuation's tokens. */
  readonly logProbs: Float64Array;
  /** 1 where every token of the continuation was the argmax. */
  readonly isGreedy: Uint8Array;
  /** CLOCK_MONOTONIC nanoseconds. */
  readonly finishedNs: number;
}

export interface EngineInfo {
  readonly architecture: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly parameters: number;
  /** Bytes of every tensor held for compute. */
  readonly weightBytes: number;
  /** Weight bytes one decode step reads (the embedding table does not count, the output head does). */
  readonly weightBytesPerToken: number;
  /** e.g. "bf16", "int4 g64 sym (gptq)". */
  readonly weightFormat: string;
  readonly kvBytesPerToken: number;
  readonly kvPages: number;
  readonly kvCacheBytes: number;
  /** Everything planned at load: weights, KV cache, activations, scratch. */
  readonly plannedBytes: number;
  readonly instructionSet: string;
  /** Kernel by operator, e.g. { int4_linear: "avx512-vnni, int8 activations" }. */
  readonly kernels: Readonly<Record<string, string>>;
}

/** What a kernel took in the profiled steps, by what it was for. */
export interface KernelTime {
  /** "gate_up: int4_linear_few_rows" */
  readonly name: string;
  readonly count: number;
  readonly milliseconds: number;
  /** Of the work it was given; 0 where that is not known. */
  readonly bytes: number;
  readonly flops: number;
}

export interface EngineProfile {
  /** Counted from the load of the engine; 1 is its first. */
  readonly firstStep: number;
  readonly steps: number;
  /** Empty on a device without kernels. */
  readonly kernels: readonly KernelTime[];
}

export interface EngineStats {
  readonly steps: number;
  readonly promptTokens: number;
  readonly generatedTokens: number;
  /** Sum over steps of the sequences in the step: divide by steps for the mean occupancy. */
  readonly occupancySum: number;
  readonly peakKvPages: number;
  readonly preemptions: number;
  /** How long steps took a GPU, and how long it waited between steps that followed one another; 0 on the CPU. */
  readonly deviceNs: number;
  readonly deviceGapNs: number;
}

export interface HostFeatures {
  /** What `instructionSet` may name on this CPU, `auto` left out. */
  readonly instructionSets: readonly InstructionSet[];
  /** What `auto` means here, with the facts that matter, e.g. "avx512-vnni". */
  readonly best: string;
  readonly cuda: {
    /** Compiled with the CUDA backend. */
    readonly built: boolean;
    /** Whose code the build holds, e.g. "sm_80, sm_90a"; empty without the CUDA backend. */
    readonly architectures: string;
    readonly devices: readonly GpuDevice[];
    /** Why there is no device; null when there is one. */
    readonly reason: string | null;
  };
}

/** A GPU as the CUDA driver describes it. */
export interface GpuDevice {
  readonly name: string;
  readonly memoryBytes: number;
  /** e.g. "9.0" */
  readonly computeCapability: string;
  readonly multiprocessors: number;
  /** The datasheet's figure, 10^9 bytes a second; null where the driver hides it. */
  readonly peakBandwidthGBs: number | null;
}

export interface EngineHandlers {
  /** One call a step that had news. */
  onEvents(batch: EventBatch): void;
  /** The stepping thread failed: every unfinished request has had its `failed` event before this call. */
  onBroken?(error: NativeError): void;
}

/** What is in a checkpoint, and what the engine would make of it. */
export interface ModelInspection {
  readonly container: 'safetensors' | 'gguf';
  readonly architecture: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly tiedHead: boolean;
  readonly parameters: number;
  /** Of all layers, K and V, at 16 bits a value. */
  readonly kvBytesPerToken16: number;
  /** As config.json says; null where it says nothing. `checkpointFormat` null: the data tell. */
  readonly quantization: {
    readonly method: string;
    readonly bits: number;
    readonly groupSize: number;
    readonly symmetric: boolean;
    readonly actOrder: boolean;
    readonly checkpointFormat: 'gptq' | 'gptq_v2' | null;
  } | null;
  /** The layers' linears, then the head. */
  readonly linears: readonly InspectedLinear[];
  readonly tensors: readonly InspectedTensor[];
  /** Held by the CPU's engine, without KV cache. */
  readonly weightBytes: number;
  /** What a step reads: without the embedding table. */
  readonly weightBytesPerToken: number;
  /** Why the engine would refuse it; empty where it would not, as far as was read. */
  readonly faults: readonly string[];
  readonly doubts: readonly string[];
}

export interface InspectedLinear {
  readonly path: string;
  readonly n: number;
  readonly k: number;
  /** "bf16", "gptq", "Q4_K", ...; null, and nothing below, where a fault says why. */
  readonly stored: string | null;
  readonly storedBytes?: number;
  readonly held?: 'fp32' | 'bf16' | 'fp16' | 'int8' | 'int4';
  readonly heldBytes?: number;
  readonly groupSize?: number | null;
  /** Why it is not held as it is stored; null where it is. */
  readonly reason?: string | null;
  /** On this CPU with activations rounded to int8, and in fp32. */
  readonly cpuKernel?: string;
  readonly cpuKernelFp32?: string;
}

export interface InspectedTensor {
  /** As the file calls it, and by Hugging Face's names. */
  readonly name: string;
  readonly module: string;
  readonly file: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** Whether the engine reads it. */
  readonly used: boolean;
}

/** What the addon exports: plain typed arrays, no checks. */
interface Addon {
  hostFeatures(): HostFeatures;
  inspectModel(path: string, verify: boolean): string;
  decodeLinear(path: string, module: string): Float32Array;
  measureReadRate(threads: number): number;
  loadEngine(
    options: Required<EngineOptions>,
    onEvents: (batch: EventBatch) => void,
    onBroken: (code: string, message: string) => void,
  ): Promise<AddonEngine>;
}

interface AddonEngine {
  readonly info: EngineInfo;
  stats(): EngineStats;
  startProfile(steps: number, firstStep: number): void;
  profile(): EngineProfile | null;
  submit(packed: ReturnType<typeof packRequests>): void;
  cancel(ids: Int32Array): void;
  score(packed: ReturnType<typeof packScoreRequests>): Promise<ScoreResult[]>;
  forwardLogits(tokens: Int32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

let addon: Addon | undefined;

/** Walks up from this file (native/ or dist/native/) to native/build/Release/loadmark.node. */
function findAddon(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  const root = parse(start).root;
  for (let folder = start; folder !== root; folder = dirname(folder)) {
    const candidate = join(folder, 'native', 'build', 'Release', 'loadmark.node');
    if (existsSync(candidate)) return candidate;
  }
  throw new NativeError(
    'ERR_NATIVE_MISSING',
    `the native engine is not built: no native/build/Release/loadmark.node above ${start}; run \`npm run build\``,
  );
}

function loadAddon(): Addon {
  if (addon === undefined) {
    const path = findAddon();
    try {
      addon = createRequire(import.meta.url)(path) as Addon;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new NativeError(
        'ERR_NATIVE_MISSING',
        `${path} does not load: ${reason}; run \`npm run build\``,
      );
    }
  }
  return addon;
}

/** The addon's errors carry `code`; what has none is a bug. */
function asNativeError(error: unknown): NativeError {
  if (error instanceof NativeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null)?.code;
  return new NativeError(typeof code === 'string' ? code : 'ERR_INTERNAL', message);
}

function translate<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asNativeError(error);
  }
}

export function hostFeatures(): HostFeatures {
  return translate(() => loadAddon().hostFeatures());
}

/** Of a folder or a .gguf file. `verify` reads every weight, which takes as long as reading the file. */
export function inspectModel(path: string, verify = false): ModelInspection {
  return translate(() => JSON.parse(loadAddon().inspectModel(path, verify)) as ModelInspection);
}

/** (n, k): a linear's values in fp32 as its format's reference decodes them, by module path. */
export function decodeLinear(path: string, module: string): Float32Array {
  return translate(() => loadAddon().decodeLinear(path, module));
}

/** 10^9 bytes a second that so many threads read from memory, the best of a few reads. */
export function measureReadRate(threads: number): number {
  return translate(() => loadAddon().measureReadRate(threads));
}

/** A loaded model and the thread that steps it. Close it; one forgotten does not keep the process alive. */
export class Engine {
  readonly info: EngineInfo;
  readonly #native: AddonEngine;

  private constructor(native: AddonEngine) {
    this.#native = native;
    this.info = native.info;
  }

  /** Reads the checkpoint and plans memory off this thread; rejects with a NativeError. */
  static async load(options: EngineOptions, handlers: EngineHandlers): Promise<Engine> {
    const checked = checkOptions(options);
    const onBroken = (code: string, message: string) =>
      handlers.onBroken?.(new NativeError(code, message));
    try {
      const native = await loadAddon().loadEngine(
        checked,
        (batch) => handlers.onEvents(batch),
        onBroken,
      );
      return new Engine(native);
    } catch (error) {
      throw asNativeError(error);
    }
  }

  stats(): EngineStats {
    return translate(() => this.#native.stats());
  }

  /**
   * Times every kernel of so many steps, which are slower for it: from `firstStep` on, 1 being the first since the load,
   * or from the next where that has begun. An earlier profile is forgotten.
   */
  startProfile(steps: number, firstStep = 0): void {
    checkProfile(steps, firstStep);
    translate(() => this.#native.startProfile(steps, firstStep));
  }

  /** null before the steps asked for are through. */
  profile(): EngineProfile | null {
    return translate(() => this.#native.profile());
  }

  /** Takes all of them or, with an error naming the request, none. */
  submit(requests: readonly GenerateRequest[]): void {
    checkRequests(requests);
    translate(() => this.#native.submit(packRequests(requests)));
  }

  /** Unknown and finished ids are ignored: they may have finished while this call was on its way. */
  cancel(ids: Int32Array): void {
    checkIds(ids);
    translate(() => this.#native.cancel(ids));
  }

  /** One result a request, in order. */
  async score(requests: readonly ScoreRequest[]): Promise<ScoreResult[]> {
    checkScoreRequests(requests);
    if (requests.length === 0) return [];
    try {
      return await this.#native.score(packScoreRequests(requests));
    } catch (error) {
      throw asNativeError(error);
    }
  }

  /** Logits (tokens, vocabSize) of a whole text, between steps of whatever else runs: for checks and inspection. */
  async forwardLogits(tokens: Int32Array): Promise<Float32Array> {
    checkTokens(tokens, 'forwardLogits', 'tokens');
    try {
      return await this.#native.forwardLogits(tokens);
    } catch (error) {
      throw asNativeError(error);
    }
  }

  /** Cancels what is unfinished (its events still come), joins the thread; a second call changes nothing. */
  async close(): Promise<void> {
    await this.#native.close();
  }
}

// ---- quantizer ----

/** How a float checkpoint is made into an INT4 one in GPTQ format. */
export interface QuantizeOptions {
  /** Folder of the float checkpoint. */
  readonly modelPath: string;
  /** The safetensors file to write; it must not exist. A failed or cancelled call may leave a part of it. */
  readonly outputFile: string;
  readonly method: 'rtn' | 'gptq';
  /** Columns a scale covers; -1 is one scale a row. */
  readonly groupSize: number;
  readonly symmetric: boolean;
  /** Quantize columns by falling activation energy; the checkpoint then carries g_idx. */
  readonly descAct: boolean;
  /** Search each group's range for the least error instead of taking the largest weight. */
  readonly mse: boolean;
  /** Share of the mean diagonal added to the Hessian. */
  readonly damp: number;
  /** How zero points are stored: less one (gptq), or as they are (gptq_v2). */
  readonly checkpointFormat: 'gptq' | 'gptq_v2';
  /** Calibration texts as tokens. Empty (rtn only) measures no output errors. */
  readonly sequences: readonly Int32Array[];
  readonly threads: number;
  readonly instructionSet: InstructionSet;
  /** Aborting makes the call reject with ERR_CANCELLED, between two calibration texts or linears. */
  readonly signal?: AbortSignal;
}

/** Output errors are ||XW - XWq||^2 / ||XW||^2 on the calibration inputs, null where not measured. */
export interface QuantizedLinear {
  readonly name: string;
  readonly layer: number;
  readonly outputs: number;
  readonly inputs: number;
  /** ||W - Wq||^2 / ||W||^2 */
  readonly rtnWeightError: number;
  readonly rtnOutputError: number | null;
  readonly gptqWeightError: number | null;
  readonly gptqOutputError: number | null;
  /** The damping used: larger than asked for where that did not make the Hessian positive definite. 0 for rtn. */
  readonly damp: number;
  /** Inputs that were 0 in every calibration row. */
  readonly deadColumns: number;
  readonly seconds: number;
}

export interface QuantizeReport {
  readonly layers: number;
  readonly sequences: number;
  readonly tokens: number;
  /** Bytes of the quantized linears before and after. */
  readonly sourceBytes: number;
  readonly linearBytes: number;
  readonly fileBytes: number;
  readonly linears: readonly QuantizedLinear[];
}

/** Linears quantized so far, linears in all, layers in all: every layer has equally many. */
export interface QuantizeProgress {
  readonly done: number;
  readonly total: number;
  readonly layers: number;
}

interface Addon {
  startQuantize(
    options: ReturnType<typeof packQuantizeOptions>,
    onLinear: (linear: QuantizedLinear, progress: QuantizeProgress) => void,
  ): { readonly promise: Promise<QuantizeReport>; cancel(): void };
}

/**
 * Quantizes a checkpoint's linears on a thread of its own and writes their tensors, the others copied as they are.
 * Rejects with a NativeError, or with what `onLinear` throws.
 */
export async function quantizeModel(
  options: QuantizeOptions,
  onLinear?: (linear: QuantizedLinear, progress: QuantizeProgress) => void,
): Promise<QuantizeReport> {
  const packed = packQuantizeOptions(options);
  let thrown: { readonly error: unknown } | undefined;
  const job = translate(() =>
    loadAddon().startQuantize(packed, (linear, progress) => {
      if (thrown !== undefined) return;
      try {
        onLinear?.(linear, progress);
      } catch (error) {
        thrown = { error };
        job.cancel();
      }
    }),
  );
  const cancel = () => job.cancel();
  if (options.signal?.aborted === true) cancel();
  options.signal?.addEventListener('abort', cancel);
  try {
    return await job.promise;
  } catch (error) {
    throw thrown === undefined ? asNativeError(error) : thrown.error;
  } finally {
    options.signal?.removeEventListener('abort', cancel);
  }
}
