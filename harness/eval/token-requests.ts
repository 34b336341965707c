// Which tokens does an item ask for? Where context and continuation part, what is cut off on the left, and how a long text
// is walked through in windows: to the token as lm-evaluation-harness 0.4 does (api/model.py, utils.py).

import { stripEnd } from '../python-text.js';
import type { EvalItem, TextRequest } from './item.js';
import type { TextEncoder } from './text-encoder.js';

/** A continuation to be weighed after a prompt; at most maxLength + 1 tokens together. */
export interface TokenRequest {
  readonly prompt: Int32Array;
  readonly continuation: Int32Array;
}

/** @throws RangeError where a continuation has no tokens, or more than the model reads. */
export function listTokenRequests(
  item: Exclude<EvalItem, { readonly kind: 'generation' }>,
  encoder: TextEncoder,
  maxLength: number,
): TokenRequest[] {
  if (item.kind === 'window') return [item];
  if (item.kind === 'rolling') return listWindows(encoder.encode(item.text), encoder, maxLength);
  const contexts = new Map<string, Int32Array>();
  return item.requests.map((request) => {
    const { prompt, continuation } = encodePair(request, encoder, contexts);
    if (continuation.length === 0 || prompt.length === 0 || continuation.length > maxLength) {
      throw new RangeError(
        `${item.id}: a continuation of ${continuation.length} tokens after ${prompt.length}; allowed: at least 1 each, and up to ${maxLength} of a continuation`,
      );
    }
    return truncate(prompt, continuation, maxLength);
  });
}

/** Blanks at the end of the context belong to the continuation; both are encoded as one text, and then cut. */
function encodePair(
  { context, continuation }: TextRequest,
  encoder: TextEncoder,
  contexts: Map<string, Int32Array>,
): TokenRequest {
  if (context === '') {
    const tokens = encoder.encodePlain(continuation);
    return tokens[0] === encoder.prefixId
      ? { prompt: tokens.slice(0, 1), continuation: tokens.slice(1) }
      : { prompt: Int32Array.of(encoder.prefixId), continuation: tokens };
  }
  const bare = stripEnd(context);
  let prompt = contexts.get(bare);
  if (prompt === undefined) {
    prompt = encoder.encode(bare);
    contexts.set(bare, prompt);
  }
  const whole = encoder.encode(context + continuation);
  return { prompt, continuation: whole.slice(prompt.length) };
}

/** The last maxLength + 1 tokens: the last one is predicted and never read. */
function truncate(prompt: Int32Array, continuation: Int32Array, maxLength: number): TokenRequest {
  const surplus = prompt.length + continuation.length - (maxLength + 1);
  return { prompt: surplus > 0 ? prompt.slice(surplus) : prompt, continuation };
}

/** Every token is predicted once: the first window from the prefix, each later one from the token before it. */
function listWindows(tokens: Int32Array, encoder: TextEncoder, maxLength: number): TokenRequest[] {
  const windows: TokenRequest[] = [];
  for (let done = 0; done < tokens.length; ) {
    const count = Math.min(maxLength, tokens.length - done);
    const end = done + count;
    // A short last window is filled up with what stands before it.
    const begin = done === 0 ? 0 : end - maxLength - 1;
    const prompt = done === 0 ? Int32Array.of(encoder.prefixId) : tokens.slice(begin, end - count);
    windows.push({ prompt, continuation: tokens.slice(done, end) });
    done = end;
  }
  return windows;
}

/** The prompt of a generation, cut on the left so that the answer has room. */
export function encodePrompt(
  prompt: string,
  encoder: TextEncoder,
  maxLength: number,
  maxNewTokens: number,
): Int32Array {
  const tokens = encoder.encode(prompt);
  const room = maxLength - maxNewTokens;
  return tokens.length > room ? tokens.slice(tokens.length - room) : tokens;
}
