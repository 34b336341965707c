// What is every system asked in `npm run bench:peers`? One sequence: a prompt, then greedy tokens one at a time.

export const promptTokens = 512;
export const decodedTokens = 128;
export const contextTokens = 1024;

/** What a system's process prints as its last line, as JSON. */
export interface PeerSpeed {
  /** Prompt tokens over the time until the first token was known. */
  readonly prefillTokensPerSecond: number;
  /** Tokens after the first, over the time from it to the last. */
  readonly decodeTokensPerSecond: number;
  /** The kernels or library it ran with, in its own words. */
  readonly system: string;
}

/** Ids that every vocabulary here has, and that are no special tokens. */
export function makePrompt(): number[] {
  return Array.from({ length: promptTokens }, (_, i) => 1000 + ((i * 7919) % 30_000));
}

/** @param times in milliseconds: when it was asked, and when each token was known. */
export function speedOf(askedMs: number, tokenMs: readonly number[], system: string): PeerSpeed {
  const first = tokenMs[0] ?? Number.NaN;
  const last = tokenMs[decodedTokens] ?? Number.NaN;
  return {
    prefillTokensPerSecond: (1000 * promptTokens) / (first - askedMs),
    decodeTokensPerSecond: (1000 * decodedTokens) / (last - first),
    system,
  };
}
