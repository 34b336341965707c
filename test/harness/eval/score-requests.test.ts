// Which texts go to the engine as one request, and does each find its own tokens again?
import { expect, test } from 'vitest';
import { cutCalls, shareRequests } from '../../../harness/eval/score-requests.js';
import type { TokenRequest } from '../../../harness/eval/token-requests.js';

const text = (prompt: readonly number[], ...continuation: number[]): TokenRequest => ({
  prompt: Int32Array.from(prompt),
  continuation: Int32Array.from(continuation),
});
const shots = Array.from({ length: 20 }, (_, at) => at);

/** What the engine reads and scores for a text. */
function readBack(texts: readonly TokenRequest[]) {
  const { requests, places } = shareRequests(texts);
  const read = places.map(({ request, at }) => {
    const { promptTokens, continuations, contextTokens } = requests[request]!;
    const context = contextTokens![at]!;
    return text(
      [...promptTokens, ...continuations[at]!.subarray(0, context)],
      ...continuations[at]!.subarray(context),
    );
  });
  return { read, requests, shares: requests.map((r) => r.promptTokens.length) };
}

test('endings of one scene, contexts of one ending, questions after the same examples', () => {
  const endings = [text(shots, 90, 91), text(shots, 92), text(shots, 90, 93, 94)];
  const contexts = [text([...shots, 50], 95), text([...shots, 51], 95)];
  const question = [text([...shots, 60, 61], 7), text([...shots, 60, 61], 8)];
  const texts = [...endings, ...contexts, ...question];
  const { read, shares } = readBack(texts);
  expect(read).toEqual(texts);
  expect(shares).toEqual([20]);
});

test('texts that have little in common stay apart', () => {
  const texts = [
    text([1, 2, ...shots], 90),
    text([1, 2, ...shots], 91),
    text([1, 2, 70, 71, 72, 73, 74, 75, 76], 90),
    text([1], ...shots),
    text([1], ...shots),
  ];
  const { read, shares } = readBack(texts);
  expect(read).toEqual(texts);
  expect(shares).toEqual([22, 9, 1, 1]);
});

test('a request takes 32 texts', () => {
  const texts = Array.from({ length: 70 }, (_, at) => text(shots, 100 + at));
  expect(readBack(texts).requests.map((r) => r.continuations.length)).toEqual([32, 32, 6]);
});

test('a call has the items that share a request, and no others', () => {
  const item = (...requests: readonly TokenRequest[]) => ({ requests });
  const question = (at: number) =>
    item(
      text([...shots, 100 + at], 7),
      text([...shots, 100 + at], 8),
      text([...shots, 100 + at], 9),
    );
  const alike = Array.from({ length: 12 }, (_, at) => question(at));
  const alone = item(text([1, 2, 3], 4), text([5, 6, 7], 4));
  const empty = item();
  const items = [...alike, alone, empty, ...alike.slice(0, 2)];
  const calls = cutCalls(items);
  expect(calls.flatMap((call) => call.items)).toEqual(items);
  // 32 texts are the most of a request: ten questions of three.
  expect(calls.map((call) => [call.items.length, call.sequences])).toEqual([
    [10, 1],
    [2, 1],
    [1, 2],
    [1, 0],
    [2, 1],
  ]);
  for (const call of calls) {
    const { requests } = shareRequests(call.items.flatMap((entry) => entry.requests));
    expect(requests.length).toBe(call.sequences);
  }
});
