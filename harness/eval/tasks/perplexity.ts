// Perplexity of wikitext-2 by four named protocols. They differ in what is joined, where windows begin, and which tokens
// count, so that their numbers can never be compared with one another: each score carries its rules.

import { openWikitext, type Wikitext } from '../../../datasets/index.js';
import { InputError } from '../../errors.js';
import type { WindowItem } from '../item.js';
import { prepend, type TextEncoder } from '../text-encoder.js';
import type { TaskDefinition } from './task.js';
import { wikitextData } from './task-data.js';

interface Protocol {
  readonly name: string;
  readonly contextTokens: number;
  /** Only the first so many windows; null takes all. */
  readonly maxWindows: number | null;
  /** What is made into tokens. */
  readonly source: string;
  readText(wikitext: Wikitext): string;
  cut(tokens: Int32Array, contextTokens: number, encoder: TextEncoder): TokenWindow[];
  readonly stride: number;
  readonly bosRule: string;
  readonly counted: string;
}

type TokenWindow = Pick<WindowItem, 'prompt' | 'continuation'>;

const joinedRows = ({ rows }: Wikitext) => rows.join('\n\n');

const protocols: readonly Protocol[] = [
  {
    name: 'notebook',
    contextTokens: 2048,
    maxWindows: 40,
    source: 'rows joined by two line breaks',
    readText: joinedRows,
    cut: cutWhole,
    stride: 2048,
    bosRule: 'once, at the head of the text',
    counted: 'all but the first token of a window',
  },
  {
    name: 'marlin',
    contextTokens: 4096,
    maxWindows: null,
    source: 'rows joined by two line breaks',
    readText: joinedRows,
    cut: cutWhole,
    stride: 4096,
    bosRule: 'once, at the head of the text',
    counted: 'all but the first token of a window',
  },
  {
    name: 'llamacpp',
    contextTokens: 512,
    maxWindows: null,
    source: 'the file as it is, less a line break at its end',
    readText: ({ text }) => (text.endsWith('\n') ? text.slice(0, -1) : text),
    cut: cutLaterHalf,
    stride: 512,
    bosRule: "in the place of every window's first token",
    counted: 'the later half of a window',
  },
  {
    name: 'loadmark',
    contextTokens: 2048,
    maxWindows: null,
    source: 'the file as it is',
    readText: ({ text }) => text,
    cut: cutOverlapping,
    stride: 1024,
    bosRule: 'at the head of every window',
    counted: 'every token once, after at least half a window (the first window: after BOS)',
  },
];

export const perplexityTasks: readonly TaskDefinition[] = protocols.map((protocol) => ({
  name: `perplexity:${protocol.name}`,
  data: wikitextData,
  defaultShots: 0,
  maxShots: 0,
  async build({ folder, limit, encoder, maxLength }) {
    const { name, contextTokens } = protocol;
    const task = `perplexity:${name}`;
    if (maxLength < contextTokens) {
      const message = `${task} reads ${contextTokens} tokens at once, and the model reads up to ${maxLength}; allowed: ${listAllowed(maxLength)}`;
      throw new InputError([{ where: '--tasks', message }]);
    }
    const text = protocol.readText(await openWikitext(folder));
    const tokens = encoder.encode(text);
    const all = protocol.cut(tokens, contextTokens, encoder);
    const windows = all.slice(0, Math.min(protocol.maxWindows ?? all.length, limit ?? all.length));
    if (windows.length === 0) {
      const message = `the text has ${tokens.length} tokens; allowed: at least ${contextTokens}, one window of ${task}`;
      throw new InputError([{ where: folder, message }]);
    }
    const items = windows.map(
      (window, at): WindowItem => ({ kind: 'window', id: `${task}/${at}`, task, ...window }),
    );
    const facts = {
      text: protocol.source,
      n_ctx: contextTokens,
      stride: protocol.stride,
      bos: encoder.addsBos ? protocol.bosRule : 'none: the tokenizer sets no BOS',
      counted: protocol.counted,
      windows: items.length,
      windowsInText: all.length,
      tokensInText: tokens.length,
      tokensCounted: items.reduce((sum, { continuation }) => sum + continuation.length, 0),
      error: 'over windows, by the delta rule',
    };
    return { leaves: [{ name: task, version: '1', shots: 0, items, facts }], groups: [] };
  },
}));

function listAllowed(maxLength: number): string {
  const fitting = protocols.filter(({ contextTokens }) => contextTokens <= maxLength);
  return fitting.map(({ name }) => `perplexity:${name}`).join(', ') || 'wikitext';
}

function cutWhole(tokens: Int32Array, size: number): TokenWindow[] {
  return listChunks(tokens, size).map((chunk) => ({
    prompt: chunk.slice(0, 1),
    continuation: chunk.slice(1),
  }));
}

function cutLaterHalf(tokens: Int32Array, size: number, encoder: TextEncoder): TokenWindow[] {
  return listChunks(tokens, size).map((chunk) => {
    const prompt = chunk.slice(0, size / 2 + 1);
    if (encoder.addsBos) prompt[0] = encoder.prefixId;
    return { prompt, continuation: chunk.slice(size / 2 + 1) };
  });
}

/** Whole chunks only: what is left at the end counts nowhere. */
function listChunks(tokens: Int32Array, size: number): Int32Array[] {
  return Array.from({ length: Math.floor(tokens.length / size) }, (_, at) =>
    tokens.slice(at * size, (at + 1) * size),
  );
}

function cutOverlapping(whole: Int32Array, size: number, encoder: TextEncoder): TokenWindow[] {
  const { addsBos, prefixId } = encoder;
  const head = addsBos ? 1 : 0;
  const tokens = whole.subarray(head);
  const body = size - head;
  const withHead = (part: Int32Array) => (addsBos ? prepend(prefixId, part) : part.slice());
  const windows: TokenWindow[] = [];
  // Without BOS nothing predicts the first token of the text.
  let done = 1 - head;
  for (; done < tokens.length; ) {
    const isFirst = windows.length === 0;
    const end = Math.min(tokens.length, isFirst ? body : done + size / 2);
    const begin = isFirst ? 0 : Math.max(0, end - body);
    windows.push({
      prompt: withHead(tokens.subarray(begin, done)),
      continuation: tokens.slice(done, end),
    });
    done = end;
  }
  return windows;
}
