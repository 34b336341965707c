// What is an engine asked, and what does it tell? The types of a load, of requests, of a step's news and of the figures
// beside them; what values they may have is checked in arguments.ts.
import type { NativeError } from './arguments.js';

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

/**
 * How a step can be made to fail: `exception` is thrown; `out-of-memory` asks for more than there is, on a GPU of the GPU;
 * `device-fault` runs a kernel that traps, after which its GPU serves this process no more (not on the CPU);
 * `thread-death` ends the thread that computes, which tells nobody.
 */
export type FaultKind = (typeof faultKinds)[number];
export const faultKinds = ['exception', 'out-of-memory', 'device-fault', 'thread-death'] as const;

export interface EngineOptions {
  /** Folder in Hugging Face layout: config.json and *.safetensors; a .gguf file; or synthetic:<shape>:<seed>, random weights. */
  readonly modelPath: string;
  readonly device: DeviceName;
  /**
   * Devices that share every layer of the model (tensor parallelism), all of one kind, `device` the first; left out or one
   * name: `device` alone. On the CPU `cpu` N times: N groups of threads, each with a shard of the weights.
   */
  readonly tensorParallelDevices?: readonly DeviceName[];
  /** Threads of the engine's pool, the stepping thread included; of all ranks on the CPU, each of which has one at least. */
  readonly threads: number;
  /** Sequences in flight at once. */
  readonly maxBatch: number;
  /** Longest prompt + output, in tokens. */
  readonly maxSequenceTokens: number;
  /** Tokens a step may compute (decode rows first, then prompt chunks). */
  readonly maxStepTokens: number;
  /** Tokens a page of the KV cache holds. */
  readonly pageTokens: number;
  /**
   * Bytes for the KV cache, on all devices together; 0 plans what maxBatch sequences of maxSequenceTokens hold at most (where every layer has a
   * window: that, a step's tokens and a page), on a GPU what is free where that is less.
   */
  readonly kvCacheBytes: number;
  readonly kvCacheType: KvCacheType;
  readonly instructionSet: InstructionSet;
  readonly activationType: ActivationType;
  /** Left out: `checkpoint`. */
  readonly weightFormat?: WeightFormat;
  /**
   * Steps that only decode run as CUDA graphs; false: the same kernels over the same rows are launched one by one, and no
   * graph is captured. Left out: true; on the CPU nothing else.
   */
  readonly cudaGraphs?: boolean;
  /** Fault injection for tests: the step of this number (1 is the first) fails, which breaks the engine; 0: none does. */
  readonly faultAtStep?: number;
  /** How that step fails, or the one after `failNextStep()`. Left out: `exception`. */
  readonly faultKind?: FaultKind;
  /** In this rank of tensor parallelism alone. -1, or left out: in the thread that steps, which is rank 0's. */
  readonly faultRank?: number;
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

/** Bytes are those of all devices together. */
export interface EngineInfo {
  readonly architecture: string;
  /** Devices, or groups of threads, that share every layer; 1: none do. */
  readonly tensorParallel: number;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly parameters: number;
  /** Of the layers' linears, which every token is multiplied with: without head, norms and biases. */
  readonly linearParameters: number;
  /** Last positions that a row of each layer sees; 0: all. */
  readonly windows: Int32Array;
  /** Bytes of every tensor held for compute. */
  readonly weightBytes: number;
  /** Weight bytes one decode step reads, norms and biases too (the embedding table counts as the output head, if it is). */
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
  /** In use when the last step was counted; after the last answer that is what it held. */
  readonly usedKvPages: number;
  readonly peakKvPages: number;
  readonly preemptions: number;
  /** How long steps took a GPU, and how long it waited between steps that followed one another; 0 on the CPU. */
  readonly deviceNs: number;
  readonly deviceGapNs: number;
  /** Of each rank of tensor parallelism, whose means the two above are; empty on the CPU. */
  readonly rankDeviceNs: Float64Array;
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
  /** "0000:0f:00.0" */
  readonly pciBusId: string;
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
