// What a script leaves to chance, drawn from its seed alone: the same row and sample meet the same fate in every run.

import type { WhichSamples } from '../script-config.js';

/** A number in [0, 1) for a purpose and a row (or sample): murmur3's final mix over both, seeded. */
export function draw(seed: bigint, purpose: string, index: number): number {
  let hash = Number(BigInt.asUintN(32, seed ^ (seed >> 32n)));
  for (let i = 0; i < purpose.length; i++) hash = mix(hash ^ purpose.charCodeAt(i));
  return mix(mix(hash ^ (index >>> 0)) ^ 0x9e3779b9) / 2 ** 32;
}

/** https://github.com/aappleby/smhasher, MurmurHash3.cpp, fmix32 */
function mix(value: number): number {
  let hash = value >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The pass that is running, as faults name it; null in a warm-up, where none happens. */
export type ScriptedPass = 'accuracy' | 'performance' | null;

/** Whether the fault of that name befalls the sample. */
export function isStruck(
  which: WhichSamples,
  name: string,
  sampleId: number,
  { seed, pass }: { readonly seed: bigint; readonly pass: ScriptedPass },
): boolean {
  if (pass === null || (which.pass !== 'any' && which.pass !== pass)) return false;
  if (which.sample !== null) return which.sample === sampleId;
  return which.probability !== null && draw(seed, name, sampleId) < which.probability;
}
