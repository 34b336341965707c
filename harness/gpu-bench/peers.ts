// How fast are others? Measured on another day, on one NVIDIA H200 with random INT4 weights; never in the run that they
// are printed beside.

export interface DecodePeers {
  /** gpt-fast, INT4 in groups of 128, torch.compile and CUDA graphs. */
  readonly gptFast: number;
  /** llama.cpp v0.5.0, Q4_0, flash attention. */
  readonly llamaCpp: number;
}

export const peersMachine = 'one NVIDIA H200, 2026-11-22';

const decode: Readonly<Record<string, DecodePeers>> = {
  'llama-2-7b': { gptFast: 334, llamaCpp: 360 },
  'llama-3-8b': { gptFast: 290, llamaCpp: 340 },
  'llama-2-70b': { gptFast: 48.2, llamaCpp: 58.3 },
};

/** llama.cpp v0.5.0, Q4_0, prompt 222 and 128 new tokens, prefill included; by batch. */
const batched: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  'llama-3-8b': { 8: 1061, 32: 2173, 64: 2691, 128: 3000, 256: 3092 },
};

/** Tokens a second at batch 1 and 384 tokens of context; null where nobody was measured. */
export function decodePeers(model: string): DecodePeers | null {
  return decode[model] ?? null;
}

/** llama.cpp's generated tokens a second; null where it was not measured. */
export function batchedPeer(model: string, batch: number): number | null {
  return batched[model]?.[batch] ?? null;
}
