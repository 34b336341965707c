// Asks every item that has no answer yet, with enough of them in flight that the engine is never idle, and keeps each
// answer as it comes. An interruption ends it between answers.

import type { EvalEngine } from './eval-engine.js';
import type { EvalFolder, ItemEvidence } from './evidence.js';
import type { EvalItem, GenerationItem } from './item.js';
import { judgeText, judgeWeighed } from './judge.js';
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

export class ItemRunner {
  answered = 0;
  /** Tokens read for what has been answered. */
  tokens = 0;

  constructor(
    readonly engine: EvalEngine,
    readonly folder: EvalFolder,
    readonly terms: RunTerms,
    readonly signal: AbortSignal,
  ) {}

  /** Resolves when all are answered, or the signal has ended it. */
  async run(
    items: readonly TokenizedItem[],
    onEvidence: (row: ItemEvidence) => void,
  ): Promise<void> {
    const keep = (rows: readonly ItemEvidence[], tokens: number) => {
      this.folder.append(rows);
      for (const row of rows) onEvidence(row);
      this.answered += rows.length;
      this.tokens += tokens;
    };
    const queue = this.#cutBatches(items);
    const work = async () => {
      for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
        if (this.signal.aborted) return;
        const rows = await this.#answer(batch);
        if (rows !== null)
          keep(
            rows,
            batch.reduce((sum, entry) => sum + countTokens(entry), 0),
          );
      }
    };
    // Two batches at a time: while the last sequences of one end, those of the next fill their places.
    await Promise.all([work(), work()]);
  }

  /** Batches of a kind, of as many sequences as the engine has places for: the choices of an item share one. */
  #cutBatches(items: readonly TokenizedItem[]): TokenizedItem[][] {
    const batches: TokenizedItem[][] = [];
    let sequences = 0;
    for (const entry of items) {
      const last = batches.at(-1);
      const isLong = 'requests' in entry && entry.item.kind === 'rolling';
      const size = isLong ? entry.requests.length : 1;
      const isSameKind = last !== undefined && 'prompt' in last[0]! === 'prompt' in entry;
      if (last !== undefined && isSameKind && sequences + size <= this.terms.maxBatch) {
        last.push(entry);
        sequences += size;
      } else {
        batches.push([entry]);
        sequences = size;
      }
    }
    return batches;
  }

  /** null where the interruption came first. */
  async #answer(batch: readonly TokenizedItem[]): Promise<ItemEvidence[] | null> {
    const weighed = batch.filter((entry) => 'requests' in entry);
    if (weighed.length > 0) {
      const results = await this.engine.weigh(weighed.map(({ requests }) => requests));
      return weighed.map(({ item }, at) => judgeWeighed(item, results[at]!));
    }
    const { stopTokens, endText } = this.terms;
    const onAbort = () => this.engine.cancelAll();
    this.signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.all(
        batch
          .filter((entry) => 'prompt' in entry)
          .map(async ({ item, prompt }) => {
            const { maxNewTokens } = item;
            const stops = [...item.until, endText];
            const generation = { prompt, maxNewTokens, stopTokens, stops };
            return judgeText(item, await this.engine.generate(generation), stops);
          }),
      );
    } catch (error) {
      if (this.signal.aborted) return null;
      throw error;
    } finally {
      this.signal.removeEventListener('abort', onAbort);
    }
  }
}

function countTokens(entry: TokenizedItem): number {
  if ('prompt' in entry) return entry.prompt.length;
  return entry.requests.reduce((sum, r) => sum + r.prompt.length + r.continuation.length, 0);
}
