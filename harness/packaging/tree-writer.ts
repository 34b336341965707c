// How does a planned submission come to the disk? In a folder beside the tree that takes the tree's name when it is
// whole, so that there is never half a submission.

import { copyFileSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError, messageOf } from '../errors.js';
import type { PlannedFile } from './submission-plan.js';
import { writeTruncated } from './truncated-log.js';

export interface WrittenFile {
  /** Relative to the tree. */
  readonly path: string;
  readonly bytes: number;
}

/** @throws InputError when the tree cannot be written; what was begun is taken away. */
export function writeTree(out: string, files: readonly PlannedFile[]): WrittenFile[] {
  const staging = `${out}.writing-${process.pid}`;
  try {
    mkdirSync(dirname(out), { recursive: true });
    mkdirSync(staging);
    const written = files.map((file) => writeFile(staging, file));
    // Takes the place of an empty folder, and of nothing else.
    renameSync(staging, out);
    return written;
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    const message = `"${out}" cannot be written: ${messageOf(error)}`;
    throw new InputError([{ where: '--out', message }]);
  }
}

function writeFile(root: string, { path, content }: PlannedFile): WrittenFile {
  const to = join(root, path);
  mkdirSync(dirname(to), { recursive: true });
  if (content.kind === 'text') writeFileSync(to, content.text);
  else if (content.kind === 'truncated') writeTruncated(content.from, to);
  else copyFileSync(content.from, to);
  return { path, bytes: statSync(to).size };
}
