// How does a long accuracy log go into a submission? Its digest and its two ends, as MLCommons' truncation leaves them;
// the whole log stays with the run.

import { createHash } from 'node:crypto';
import { closeSync, copyFileSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';

const endBytes = 4096;
const gap = '\n\n...\n\n';
/** What a truncated log has; a log that is no longer than that goes as it is. */
const truncatedBytes = 2 * endBytes + gap.length;
const chunkBytes = 1 << 20;

/** sha256 of a file, which may be larger than memory. */
export function digestFile(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(chunkBytes);
    for (;;) {
      const count = readSync(file, chunk);
      if (count === 0) return hash.digest('hex');
      hash.update(chunk.subarray(0, count));
    }
  } finally {
    closeSync(file);
  }
}

/** Writes the log's first and last 4096 bytes; an accuracy log is ASCII. */
export function writeTruncated(from: string, to: string): void {
  const file = openSync(from, 'r');
  try {
    const { size } = fstatSync(file);
    if (size <= truncatedBytes) {
      copyFileSync(from, to);
      return;
    }
    writeFileSync(
      to,
      Buffer.concat([readEnd(file, 0), Buffer.from(gap), readEnd(file, size - endBytes)]),
    );
  } finally {
    closeSync(file);
  }
}

function readEnd(file: number, position: number): Buffer {
  const bytes = Buffer.alloc(endBytes);
  for (let filled = 0; filled < endBytes; ) {
    const count = readSync(file, bytes, filled, endBytes - filled, position + filled);
    if (count === 0) throw new Error('the accuracy log became shorter while it was read');
    filled += count;
  }
  return bytes;
}

/** accuracy.txt with the line that ties it to the whole log. */
export function appendDigest(accuracyText: string, digest: string): string {
  return `${accuracyText.replace(/\n*$/, '\n')}\nhash=${digest}\n`;
}
