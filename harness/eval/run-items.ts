// Asks every item that has no answer yet, with enough of them in flight that the engine is never idle, and keeps each
// answer as it comes. An interruption ends what the engine has not finished; nothing that was answered is lost.

import { messageOf, SystemUnderTestError } from '../errors.js';
import type { EvalEngine } from './eval-engine.js';
import type { EvalFolder, ItemEvidence } from './evidence.js';
import type { EvalItem, GenerationItem } from './item.js';
import { judgeText, judgeWeighed, type Weighed } from './judge.js';
import { cutCalls } from './score-requests.js';
import type { TextEncoder } from './text-encoder.js';
import { encodePrompt, listTokenRequests, type TokenRequest } from './token-requests.js';

export type WeighedItem = Exclude<EvalItem, GenerationItem>;

/** An item with its tokens. */
export type TokenizedItem =
  | { readonly item: WeighedItem; readonly requests: readonly TokenRequest[] }
  | { readonly item: GenerationItem; readonly prompt: Int32Array };

export interface RunTerms {
  readonly encoder: TextEncoder;
  readonly maxLength: number;
  /** Sequences the engine has in flight at once. */
  readonly maxBatch: number;
  /** Tokens that end an answer, and how the model's own end is spelt. */
  readonly stopTokens: Int32Array;
  readonly endText: string;
}

/** @throws RangeError as listTokenRequests() does, or where a prompt leaves no room for an answer. */
export function tokenizeItem(item: EvalItem, { encoder, maxLength }: RunTerms): TokenizedItem {
  if (item.kind !== 'generation') {
    return { item, requests: listTokenRequests(item, encoder, maxLength) };
  }
  if (maxLength <= item.maxNewTokens) {
    throw new RangeError(
      `${item.id}: an answer of up to ${item.maxNewTokens} tokens; allowed: fewer than the ${maxLength} that the model reads`,
    );
  }
  return { item, prompt: encodePrompt(item.prompt, encoder, maxLength, item.maxNewTokens) };
}

/** Tokens that the engine reads of the longest sequence: all but the last of a continuation. */
export function findLongest(items: readonly TokenizedItem[]): number {
  return items.reduce((longest, entry) => {
    if ('prompt' in entry) return Math.max(longest, entry.prompt.length + entry.item.maxNewTokens);
    const lengths = entry.requests.map((r) => r.prompt.length + r.continuation.length - 1);
    return Math.max(longest, ...lengths);
  }, 2);
}

type WeighedEntry = Extract<TokenizedItem, { readonly requests: unknown }>;
type GenerationEntry = Extract<TokenizedItem, { readonly prompt: unknown }>;

/** One request of the engine and what is to be done about it. */
interface Work {
  /** Places it takes in the engine's batch. */
  readonly sequences: number;
  answer(): Promise<void>;
}

/** Sequences that wait in the engine beside those it has places for, so that one that ends is replaced in the same step. */
const waitingShare = 0.25;

export class ItemRunner {
  answered = 0;
  /** Tokens read for what has been answered. */
  tokens = 0;
  #failure: Error | null = null;

  constructor(
    readonly engine: EvalEngine,
    readonly folder: EvalFolder,
    readonly terms: RunTerms,
    readonly signal: AbortSignal,
    readonly onEvidence: (row: ItemEvidence) => void,
  ) {}

  /**
   * Resolves when all are answered, or the signal has ended it; the engine is closed then.
   * @throws SystemUnderTestError naming the item that the engine could not answer.
   */
  async run(items: readonly TokenizedItem[]): Promise<void> {
    const end = () => void this.engine.close();
    this.signal.addEventListener('abort', end, { once: true });
    try {
      await this.#workThrough(this.#listWork(items));
      if (this.#failure !== null && !this.signal.aborted) {
        await this.engine.close();
        throw this.engine.brokenBy ?? this.#failure;
      }
    } finally {
      this.signal.removeEventListener('abort', end);
    }
  }

  async #workThrough(list: readonly Work[]): Promise<void> {
    const most = Math.ceil(this.terms.maxBatch * (1 + waitingShare));
    const inFlight = new Set<Promise<void>>();
    let sequences = 0;
    for (const work of list) {
      while (inFlight.size > 0 && sequences + work.sequences > most) await Promise.race(inFlight);
      if (this.signal.aborted || this.#failure !== null) break;
      sequences += work.sequences;
      const flight = work
        .answer()
        .catch((error) => this.#fail(error))
        .finally(() => {
          sequences -= work.sequences;
          inFlight.delete(flight);
        });
      inFlight.add(flight);
    }
    await Promise.all(inFlight);
  }

  /** The first failure counts; those that follow are of what it ended. */
  #fail(error: Error): void {
    this.#failure ??= error;
    void this.engine.close();
  }

  #listWork(items: readonly TokenizedItem[]): Work[] {
    const weighed = cutCalls(items.filter((entry) => 'requests' in entry));
    const generated = items.filter((entry) => 'prompt' in entry);
    return [
      ...weighed.map(({ items: call, sequences }) => ({
        sequences,
        answer: () => this.#weigh(call),
      })),
      ...generated.map((entry) => ({ sequences: 1, answer: () => this.#generate(entry) })),
    ];
  }

  async #weigh(call: readonly WeighedEntry[]): Promise<void> {
    let results: Weighed[][];
    try {
      results = await this.engine.weigh(call.map(({ requests }) => requests));
    } catch (error) {
      if (call.length === 1 || this.engine.isClosed) throw describeFailure(call[0]!.item, error);
      // Each alone, so that the answers of the others are kept and the failing one is named.
      for (const entry of call) await this.#weigh([entry]);
      return;
    }
    for (const [at, entry] of call.entries()) {
      if (!results[at]!.every(({ logProb }) => Number.isFinite(logProb))) {
        throw describeFailure(entry.item, new Error('a log-probability is not finite'));
      }
      this.#keep(entry, judgeWeighed(entry.item, results[at]!));
    }
  }

  async #generate(entry: GenerationEntry): Promise<void> {
    const { item, prompt } = entry;
    const { stopTokens, endText } = this.terms;
    const stops = [...item.until, endText];
    const asked = { prompt, maxNewTokens: item.maxNewTokens, stopTokens, stops };
    let text: string;
    try {
      text = await this.engine.generate(asked);
    } catch (error) {
      throw describeFailure(item, error);
    }
    this.#keep(entry, judgeText(item, text, stops));
  }

  #keep(entry: TokenizedItem, row: ItemEvidence): void {
    this.folder.append(row);
    this.onEvidence(row);
    this.answered++;
    this.tokens += countTokens(entry);
  }
}

function describeFailure({ id }: EvalItem, error: unknown): Error {
  const reason = messageOf(error).replace(/^score request \d+: /, '');
  return new SystemUnderTestError(`${id}: the native engine has no answer: ${reason}`);
}

function countTokens(entry: TokenizedItem): number {
  if ('prompt' in entry) return entry.prompt.length;
  return entry.requests.reduce((sum, r) => sum + r.prompt.length + r.continuation.length, 0);
}
