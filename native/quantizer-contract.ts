// What is the quantizer asked, and what does it tell? What values these may have is checked in quantize-arguments.ts.
import type { InstructionSet } from './engine-contract.js';

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
