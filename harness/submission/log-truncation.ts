// How is an accuracy log cut for a submission? First and last characters are kept around dots, and its hash stands for
// the rest, as MLCommons' truncation script has it.

import { createHash } from 'node:crypto';

/** Kept at each end. */
export const keptCharacters = 4096;
const gap = '\n\n...\n\n';
/** Of a log that was cut. */
export const truncatedLength = 2 * keptCharacters + gap.length;
/** Logs below this are submitted whole: the script cuts what MLCommons' checker would refuse. */
const smallestCut = 10_240;

export function isTruncated(log: string): boolean {
  return log.length === truncatedLength && log.slice(keptCharacters, -keptCharacters) === gap;
}

/** The log as it is submitted, and the sha256 of the whole one. */
export function truncateLog(log: string): { readonly text: string; readonly hash: string } {
  const hash = createHash('sha256').update(log).digest('hex');
  if (log.length < smallestCut) return { text: log, hash };
  return { text: `${log.slice(0, keptCharacters)}${gap}${log.slice(-keptCharacters)}`, hash };
}
