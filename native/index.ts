// The only door to the native engine: types its whole surface, checks every argument, loads the addon.
// Tokens in, tokens out; text never crosses.

export type KvCacheType = 'fp32' | 'fp16' | 'bf16';
/** `auto` picks the best the CPU has; a named set that the CPU lacks is refused. `plain` is the reference. */
export type InstructionSet = 'auto' | 'plain' | 'avx2' | 'avx512';
/** How int4 and int8 linears see their input: rounded to int8 per (row, group), or as fp32. */
export type ActivationType = 'int8' | 'fp32';

export interface EngineOptions {
  /** Folder in Hugging Face layout: config.json and *.safetensors. */
  readonly modelPath: string;
  readonly device: 'cpu';
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
  /** Bytes for the KV cache; 0 plans maxBatch x maxSequenceTokens. */
  readonly kvCacheBytes: number;
  readonly kvCacheType: KvCacheType;
  readonly instructionSet: InstructionSet;
  readonly activationType: ActivationType;
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
  /** Each is scored as the continuation of the prompt. */
  readonly continuations: readonly Int32Array[];
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

export interface EngineStats {
  readonly steps: number;
  readonly promptTokens: number;
  readonly generatedTokens: number;
  /** Sum over steps of the sequences in the step: divide by steps for the mean occupancy. */
  readonly occupancySum: number;
  readonly peakKvPages: number;
  readonly preemptions: number;
}
