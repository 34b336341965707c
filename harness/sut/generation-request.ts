// What is the engine asked for a sample that is answered in tokens? The terms that all samples share, and what a sample's own
// prompt and length make of them.

import type { GenerateRequest } from '../../native/index.js';
import type { TokenizedSample } from '../sample-library.js';

/**
 * How answers are generated, the same for every sample that has no length of its own. Each sample's generator is seeded with `seed` plus its index:
 * the same sample draws the same answer.
 */
export type GenerationTerms = Omit<GenerateRequest, 'id' | 'promptTokens'>;

const noTokens = new Int32Array(0);

export function makeRequest(
  id: number,
  index: number,
  { promptTokens, newTokens }: TokenizedSample,
  { seed, ...terms }: GenerationTerms,
  maxSequenceTokens: number,
): GenerateRequest {
  const drawn = { id, promptTokens, ...terms, seed: BigInt.asUintN(64, seed + BigInt(index)) };
  if (newTokens !== null) {
    const exactly = { maxNewTokens: newTokens, minNewTokens: newTokens };
    return { ...drawn, ...exactly, stopTokens: noTokens };
  }
  // A sequence ends where the model's positions do; a prompt that leaves no room is the engine's to refuse.
  const room = Math.max(1, maxSequenceTokens - promptTokens.length);
  const maxNewTokens = Math.min(terms.maxNewTokens, room);
  return { ...drawn, maxNewTokens, minNewTokens: Math.min(terms.minNewTokens, maxNewTokens) };
}
