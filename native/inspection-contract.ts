// What is told of a checkpoint that is looked at and not loaded? Written by engine/inspect_model.cpp.

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
  /** Over how many devices it can be split (tensor parallelism); empty where a fault stands in the way. */
  readonly tensorParallel: readonly number[];
  /** Last positions that a row of each layer sees; 0: all. */
  readonly windows: readonly number[];
  readonly norm: 'rms' | 'layer';
  readonly normEpsilon: number;
  readonly mlp: 'silu gated' | 'gelu';
  /** Attention and MLP read one norm's output. */
  readonly parallel: boolean;
  /** An RMSNorm over each head of q and k. */
  readonly qkNorm: boolean;
  /** Modules of a layer, and the head, that have one: "q_proj", "lm_head". */
  readonly biases: readonly string[];
  readonly rope: {
    readonly theta: number;
    /** Of a head's dimensions, from the first on. */
    readonly dims: number;
    /** Whether neighbours are a pair, or a dimension and the one half of `dims` behind it. */
    readonly interleaved: boolean;
    readonly scaling: 'none' | 'linear' | 'llama3' | 'by factors of the file';
    /** 1 where nothing scales. */
    readonly factor: number;
  };
  /** Why no GPU's kernels take it; null where they do. */
  readonly gpuRefusal: string | null;
  /** As config.json says; null where it says nothing. `checkpointFormat` null: the data tell. */
  readonly quantization: {
    readonly method: string;
    readonly bits: number;
    /** -1: a row; null, as `symmetric`, where the method leaves no choice and config.json no word. */
    readonly groupSize: number | null;
    readonly symmetric: boolean | null;
    readonly actOrder: boolean;
    readonly checkpointFormat: 'gptq' | 'gptq_v2' | null;
  } | null;
  /** The layers' linears, then the head. */
  readonly linears: readonly InspectedLinear[];
  /** null where a fault says why. */
  readonly embedding: InspectedTable | null;
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
  /** Of int4 and int8 as they are held; null: a row. */
  readonly groupSize?: number | null;
  /** By a GPU, which has no kernel for some of what a CPU holds as integers. */
  readonly gpuHeld?: '16 bits' | 'int8' | 'int4';
  readonly gpuHeldBytes?: number;
  /** Of a decode's one row and of a prompt's many, by compute capability. */
  readonly gpuKernels?: readonly {
    /** 10 * major + minor: 80 and 90. */
    readonly architecture: number;
    readonly oneRow: string;
    readonly manyRows: string;
  }[];
  /** Why it is not held as it is stored; null where it is. */
  readonly reason?: string | null;
  /** On this CPU with activations rounded to int8, and in fp32. */
  readonly cpuKernel?: string;
  readonly cpuKernelFp32?: string;
}

/** The embedding's, of `n` tokens, looked up and never multiplied; of a tied head it is stored once and held twice. */
export interface InspectedTable {
  readonly path: string;
  readonly n: number;
  readonly k: number;
  readonly stored: string;
  readonly storedBytes: number;
  readonly held: 'fp32' | 'bf16' | 'fp16';
  readonly heldBytes: number;
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
