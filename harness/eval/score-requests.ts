// Which texts to be weighed go to the engine as one request? It computes once what neighbours in a request begin with
// alike: the scene of an item's endings, the sentence up to a gap, the solved examples before one question after another.

import type { ScoreRequest } from '../../native/index.js';
import type { TokenRequest } from './token-requests.js';

/** Where the answer to a text stands: of which request, which continuation. */
export interface Place {
  readonly request: number;
  readonly at: number;
}

export interface SharedRequests {
  readonly requests: readonly ScoreRequest[];
  /** One a text, in their order. */
  readonly places: readonly Place[];
}

/** Texts of a request follow one another, so that too few requests would leave steps half empty. */
const maxTexts = 32;
/** Of a text, what it must have in common with the request: less is not worth the wait for the one before. */
const minShare = 0.25;

interface Group {
  readonly texts: TokenRequest[];
  /** Tokens that the prompts of all begin with. */
  shared: number;
}

export function shareRequests(texts: readonly TokenRequest[]): SharedRequests {
  const groups: Group[] = [];
  const places = texts.map((text): Place => {
    addText(groups, text);
    return { request: groups.length - 1, at: groups.at(-1)!.texts.length - 1 };
  });
  return { requests: groups.map(makeRequest), places };
}

/** Items that the engine is asked together, and how many sequences they are. */
export interface ItemCall<Item> {
  readonly items: readonly Item[];
  readonly sequences: number;
}

/** As many calls as the sharing allows: items are of one call only where one's texts join the request of the one before. */
export function cutCalls<Item extends { readonly requests: readonly TokenRequest[] }>(
  all: readonly Item[],
): ItemCall<Item>[] {
  const calls: { readonly items: Item[]; readonly groups: Group[]; texts: number }[] = [];
  for (const item of all) {
    const { requests } = item;
    const last = calls.at(-1);
    const joins =
      last !== undefined &&
      requests.length > 0 &&
      last.texts + requests.length <= maxTexts &&
      isShared(last.groups.at(-1), requests[0]!);
    const call = joins ? last : { items: [], groups: [], texts: 0 };
    if (call !== last) calls.push(call);
    call.items.push(item);
    call.texts += requests.length;
    for (const text of requests) addText(call.groups, text);
  }
  return calls.map(({ items, groups }) => ({ items, sequences: groups.length }));
}

/** To the last group where it has enough in common with it, else as a group of its own. */
function addText(groups: Group[], text: TokenRequest): void {
  const group = groups.at(-1);
  if (group !== undefined && isShared(group, text)) {
    group.shared = countShared(group, text);
    group.texts.push(text);
  } else {
    groups.push({ texts: [text], shared: text.prompt.length });
  }
}

function isShared(group: Group | undefined, text: TokenRequest): boolean {
  if (group === undefined || group.texts.length >= maxTexts) return false;
  const length = text.prompt.length + text.continuation.length;
  return countShared(group, text) >= minShare * length;
}

function countShared({ texts, shared }: Group, { prompt }: TokenRequest): number {
  const first = texts[0]!.prompt;
  const most = Math.min(shared, prompt.length);
  let count = 0;
  while (count < most && first[count] === prompt[count]) count++;
  return count;
}

function makeRequest({ texts, shared }: Group): ScoreRequest {
  return {
    promptTokens: texts[0]!.prompt.slice(0, shared),
    continuations: texts.map(({ prompt, continuation }) =>
      Int32Array.from([...prompt.subarray(shared), ...continuation]),
    ),
    contextTokens: texts.map(({ prompt }) => prompt.length - shared),
  };
}
