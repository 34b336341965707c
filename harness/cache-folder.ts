// Where do models and datasets lie that were fetched once? One folder for all runs of this user; what is in it never
// changes a result, since runs record what they read.

import { homedir } from 'node:os';
import { join } from 'node:path';

/** $LOADMARK_CACHE, else $XDG_CACHE_HOME/loadmark, else ~/.cache/loadmark. */
export function findCacheFolder(): string {
  const { LOADMARK_CACHE, XDG_CACHE_HOME } = process.env;
  if (LOADMARK_CACHE) return LOADMARK_CACHE;
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'loadmark');
}
