// Writes the built-in data for the training script, which knows no generator: JSON lines of training documents, one
// file a kind, and the rows that the checkpoint is judged on. Run as node dist/datasets/tiny/write-corpus.js --out DIR.

import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Dataset } from '../dataset.js';
import { type DocumentKind, documentKinds, makeDocument } from './corpus.js';
import { openTinyMmlu } from './tiny-mmlu.js';
import { openTinyOrca, removeContext } from './tiny-orca.js';

function* makeLines(kind: DocumentKind, seed: number, count: number): Generator<string> {
  let chunk = '';
  for (let i = 0; i < count; i++) {
    chunk += `${JSON.stringify(makeDocument(kind, seed, i).map(([text, learnt]) => [text, learnt ? 1 : 0]))}\n`;
    if (chunk.length > 1 << 20) {
      yield chunk;
      chunk = '';
    }
  }
  yield chunk;
}

function writeRows(dataset: Dataset): string {
  const lines: string[] = [];
  for (let i = 0; i < dataset.length; i++) {
    const row = dataset.sample(i);
    const extra = row.kind === 'generation' ? { unread: removeContext(row.prompt) } : {};
    lines.push(JSON.stringify({ ...row, ...extra }));
  }
  return `${lines.join('\n')}\n`;
}

async function writeCorpus(arguments_: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...arguments_],
    options: {
      out: { type: 'string', default: 'results/tiny-corpus' },
      seed: { type: 'string', default: '1' },
      orca: { type: 'string', default: '400000' },
      facts: { type: 'string', default: '200000' },
      choice: { type: 'string', default: '300000' },
    },
  });
  const toInteger = (name: 'seed' | DocumentKind): number => {
    const value = Number(values[name]);
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`--${name} ${values[name]}: must be a whole number >= 0`);
    }
    return value;
  };
  const seed = toInteger('seed');
  const counts = documentKinds.map((kind) => [kind, toInteger(kind)] as const);
  await mkdir(values.out, { recursive: true });
  for (const [kind, count] of counts) {
    const file = createWriteStream(join(values.out, `train-${kind}.jsonl`));
    await pipeline(Readable.from(makeLines(kind, seed, count)), file);
  }
  await writeFile(join(values.out, 'test-orca.jsonl'), writeRows(openTinyOrca('test')));
  for (const split of ['calibration', 'test'] as const) {
    await writeFile(join(values.out, `${split}-mmlu.jsonl`), writeRows(openTinyMmlu(split)));
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await writeCorpus(process.argv.slice(2));
}
