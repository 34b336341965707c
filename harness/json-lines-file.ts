// Reads a file of one JSON object a line, piece by piece: evidence of a long run is larger than a string can be.

import { closeSync, openSync, readSync } from 'node:fs';
import { messageOf } from './errors.js';

const pieceBytes = 1 << 20;
const newline = 0x0a;

/**
 * Every line's object, in order; empty lines are passed over.
 * @throws Error with the file and the line that is no JSON object.
 */
export function* readJsonLines<Row extends object>(file: string): Generator<Row> {
  const handle = openSync(file, 'r');
  try {
    const piece = Buffer.alloc(pieceBytes);
    let rest: Buffer[] = [];
    let line = 0;
    for (;;) {
      const count = readSync(handle, piece);
      if (count === 0) break;
      let start = 0;
      for (
        let end = piece.indexOf(newline);
        end >= 0 && end < count;
        end = piece.indexOf(newline, start)
      ) {
        line++;
        rest.push(piece.subarray(start, end));
        yield* parse<Row>(Buffer.concat(rest), file, line);
        rest = [];
        start = end + 1;
      }
      rest.push(Buffer.from(piece.subarray(start, count)));
    }
    yield* parse<Row>(Buffer.concat(rest), file, line + 1);
  } finally {
    closeSync(handle);
  }
}

function* parse<Row extends object>(bytes: Buffer, file: string, line: number): Generator<Row> {
  const text = bytes.toString('utf8').trim();
  if (text === '') return;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${file}, line ${line}: ${messageOf(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${file}, line ${line} is no JSON object`);
  }
  yield value as Row;
}
