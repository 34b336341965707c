// A folder that is not there yet, and those above it.

import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Level by level: node's own recursive form never returns where a file system refuses new folders (/proc).
 * @returns those that were made, the outermost first
 * @throws Error of the operating system where one cannot be made
 */
export function makeFolders(path: string): string[] {
  if (existsSync(path)) return [];
  const outer = makeFolders(dirname(path));
  mkdirSync(path);
  return [...outer, path];
}
