// Which file of a folder holds which split? Looks for the names a dataset's files have where it is distributed.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatasetError, fileReason } from './error.js';

/** Paths below a folder, three levels deep, with / between their parts; sorted. */
export function listFiles(folder: string): string[] {
  const files: string[] = [];
  const visit = (below: string, depth: number) => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < 3) visit(path, depth + 1);
      } else files.push(path);
    }
  };
  try {
    visit('', 1);
  } catch (error) {
    throw new DatasetError('dataset-not-found', `"${folder}" cannot be read: ${fileReason(error)}`);
  }
  return files.sort();
}

/**
 * The files of the first pattern that any of a folder's files match.
 * @throws DatasetError 'dataset-not-found' naming what may lie there.
 */
export function findFiles(
  folder: string,
  patterns: readonly RegExp[],
  wanted: readonly string[],
): string[] {
  const files = listFiles(folder);
  for (const pattern of patterns) {
    const found = files.filter((file) => pattern.test(file));
    if (found.length > 0) return found.map((file) => join(folder, file));
  }
  const message = `"${folder}" holds none of: ${wanted.join(', ')}`;
  throw new DatasetError('dataset-not-found', message);
}
