// Was the same asked? A digest of what an item asks, by which answers of different calls and tools are held together.

import { createHash } from 'node:crypto';
import type { EvalItem } from './item.js';

/** sha256 over the item's requests, context and continuation apart by \x01, requests by \x00; 16 hex digits. */
export function digestItem(item: EvalItem): string {
  const hash = createHash('sha256');
  if (item.kind === 'choice') {
    const requests = item.requests.map((r) => `${r.context}\x01${r.continuation}`);
    hash.update(requests.join('\x00'));
  } else if (item.kind === 'rolling') {
    hash.update(item.text);
  } else if (item.kind === 'generation') {
    hash.update(item.prompt);
  } else {
    hash.update(`${item.prompt.join(' ')}\x01${item.continuation.join(' ')}`);
  }
  return hash.digest('hex').slice(0, 16);
}
