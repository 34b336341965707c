// What may the quantizer be asked? Checks every argument of quantizeModel() before the addon sees it; what only the
// checkpoint knows (shapes, vocabulary) is checked there.
import { checkChoice, checkInteger, checkNumber, NativeError } from './arguments.js';
import type { QuantizeOptions } from './quantizer-contract.js';

/** What crosses to the addon: the texts as one array of tokens and one of lengths. */
export interface PackedQuantizeOptions extends Omit<QuantizeOptions, 'sequences' | 'signal'> {
  readonly tokens: Int32Array;
  readonly lengths: Int32Array;
}

export function packQuantizeOptions(options: QuantizeOptions): PackedQuantizeOptions {
  const { sequences, signal: _signal, ...rest } = options;
  checkPath('modelPath', options.modelPath);
  checkPath('outputFile', options.outputFile);
  checkChoice('method', options.method, ['rtn', 'gptq']);
  checkChoice('checkpointFormat', options.checkpointFormat, ['gptq', 'gptq_v2']);
  checkChoice('instructionSet', options.instructionSet, ['auto', 'plain', 'avx2', 'avx512']);
  // What readers of the format, ours included, take.
  if (![-1, 32, 64, 128].includes(options.groupSize)) {
    refuse(`groupSize is ${String(options.groupSize)}; allowed: 32, 64, 128, -1`);
  }
  checkNumber('damp', options.damp, 0, 1);
  checkInteger('threads', options.threads, 1, 1024);
  for (const name of ['symmetric', 'descAct', 'mse'] as const) {
    if (typeof options[name] !== 'boolean') {
      refuse(`${name} is ${String(options[name])}; allowed: true, false`);
    }
  }
  if (options.method === 'gptq' && sequences.length === 0) {
    refuse('sequences is empty; allowed: at least 1 for gptq');
  }
  return { ...rest, ...packSequences(sequences) };
}

function packSequences(sequences: readonly Int32Array[]) {
  for (const [i, sequence] of sequences.entries()) {
    if (!(sequence instanceof Int32Array)) refuse(`sequences[${i}] is not an Int32Array`);
  }
  const lengths = Int32Array.from(sequences, (sequence) => sequence.length);
  const tokens = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
  let start = 0;
  for (const sequence of sequences) {
    tokens.set(sequence, start);
    start += sequence.length;
  }
  return { tokens, lengths };
}

function checkPath(name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '')
    refuse(`${name} is ${String(value)}; allowed: a path`);
}

function refuse(message: string): never {
  throw new NativeError('ERR_BAD_ARGUMENT', message);
}
