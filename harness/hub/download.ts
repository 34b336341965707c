// How does one file get here whole? Into a .part file that the next try goes on with, checked before it gets its name.

import { createHash, type Hash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Hub, HubFile } from './hub.js';
import { BrokenConnection, HubError } from './hub-error.js';
import type { HubRepository } from './hub-name.js';
import { maxTries, pause, type RetryTerms } from './retry.js';

/** What became of a file: it was here already, or its bytes came now, all or the rest of them. */
export type FetchState = 'kept' | 'fetched' | 'resumed';

export interface DownloadTerms extends RetryTerms {
  readonly hub: Hub;
  readonly repository: HubRepository;
  readonly commit: string;
  readonly folder: string;
  /** Told how many bytes of the file are here. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * @throws HubError when tries are used up, or when the bytes are not the ones that the hub's list promises;
 * InputError when the hub has no such file.
 */
export async function downloadFile(file: HubFile, terms: DownloadTerms): Promise<FetchState> {
  const target = join(terms.folder, file.path);
  if (await isWhole(target, file)) {
    terms.onBytes(file.bytes);
    return 'kept';
  }
  mkdirSync(dirname(target), { recursive: true });
  // Named after what it is to become: another version of the file is not gone on with.
  const part = `${target}.${file.checksum.value.slice(0, 12)}.part`;
  const hadPart = existsSync(part) && statSync(part).size > 0;
  await fetchPart(file, part, terms);
  const found = await hashFile(part, file);
  if (found !== file.checksum.value) {
    rmSync(part);
    const message = `${file.path} has ${file.checksum.kind} ${found}; the hub's list says ${file.checksum.value}: it was thrown away`;
    throw new HubError(message);
  }
  renameSync(part, target);
  return hadPart ? 'resumed' : 'fetched';
}

/** Tries until the part has the file's length; a try that brought bytes starts the count anew. */
async function fetchPart(file: HubFile, part: string, terms: DownloadTerms): Promise<void> {
  for (let tries = 1; ; ) {
    const before = sizeOf(part);
    if (before === file.bytes && (file.bytes > 0 || existsSync(part))) return;
    try {
      await appendRest(file, part, before > file.bytes ? 0 : before, terms);
      if (sizeOf(part) === file.bytes) return;
      throw new BrokenConnection(`${file.path} ends at byte ${sizeOf(part)} of ${file.bytes}`);
    } catch (error) {
      if (!(error instanceof BrokenConnection) || terms.signal.aborted) throw error;
      tries = sizeOf(part) > before ? 1 : tries + 1;
      if (tries > maxTries) {
        throw new HubError(`${error.message}; what came of it is kept, and the next call goes on`);
      }
      terms.onRetry(error.message);
      await pause(tries, error, terms);
    }
  }
}

async function appendRest(
  file: HubFile,
  part: string,
  from: number,
  { hub, repository, commit, onBytes }: DownloadTerms,
): Promise<void> {
  const body = await hub.openFile(repository, commit, file.path, from);
  const handle = await open(part, body.offset > 0 ? 'r+' : 'w');
  try {
    let at = body.offset;
    for await (const chunk of body.chunks) {
      if (at + chunk.length > file.bytes) {
        throw new HubError(`${file.path} goes on after its ${file.bytes} bytes`);
      }
      await writeAll(handle, chunk, at);
      at += chunk.length;
      onBytes(at);
    }
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, at + done);
    done += bytesWritten;
  }
}

async function isWhole(path: string, file: HubFile): Promise<boolean> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile() || stat.size !== file.bytes) return false;
  return (await hashFile(path, file)) === file.checksum.value;
}

async function hashFile(path: string, { bytes, checksum }: HubFile): Promise<string> {
  const hash: Hash = createHash(checksum.kind === 'sha256' ? 'sha256' : 'sha1');
  if (checksum.kind === 'git-sha1') hash.update(`blob ${bytes}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
