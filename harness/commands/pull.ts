// `bench pull`: a model or a dataset from a hub into the cache folder, whole and checked, and gone on with where the last
// call broke off. What MLCommons distributes elsewhere, it says where to get and where to put.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, InterruptedError } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { downloadFile, type FetchState } from '../hub/download.js';
import { chooseFiles } from '../hub/file-choice.js';
import { defaultEndpoint, Hub, type HubFile } from '../hub/hub.js';
import { BrokenConnection, HubError } from '../hub/hub-error.js';
import { folderOf, isRevision } from '../hub/hub-name.js';
import { type RetryTerms, retryRefused } from '../hub/retry.js';
import { makeFolders } from '../new-folder.js';
import { adviseByHand, adviseNext, findPullTarget, type PullTarget } from '../pull-advice.js';
import { formatBytes, PullProgress } from '../report/pull-progress.js';
import type { Streams } from './run.js';

export interface PullFlags {
  readonly revision?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What --json prints, and what lies beside the files as .pull.json. */
export interface PullRecord {
  readonly schema: 'loadmark/pull/1';
  readonly kind: 'model' | 'dataset';
  readonly name: string;
  readonly endpoint: string;
  readonly revision: string;
  readonly commit: string;
  readonly folder: string;
  readonly files: readonly PulledFile[];
}

interface PulledFile {
  readonly path: string;
  readonly bytes: number;
  /** null where the hub's list has git's sha1 only, which was checked. */
  readonly sha256: string | null;
  readonly state: FetchState;
}

/** Before a second try. */
const retryMs = 500;

/** The times that a test cannot wait for. */
export interface PullPace {
  readonly retryMs: number;
  readonly stallMs: number;
}

export async function pull(
  name: string,
  flags: PullFlags,
  streams: Streams,
  signal: AbortSignal,
  pace: PullPace = { retryMs, stallMs: 60_000 },
): Promise<ExitCode> {
  const progress = new PullProgress(streams.stderr, flags.quiet === true);
  const target = findPullTarget(name);
  const { repository } = target;
  const revision = flags.revision ?? 'main';
  if (!isRevision(revision)) {
    const message = `is ${JSON.stringify(revision)}; allowed: a branch, a tag or a commit`;
    throw new InputError([{ where: '--revision', message }]);
  }
  const endpoint = process.env.HF_ENDPOINT || defaultEndpoint;
  const hub = new Hub(endpoint, process.env.HF_TOKEN || null, signal, pace.stallMs);
  const folder = folderOf(repository, revision);
  try {
    const record = await pullAll(hub, target, revision, folder, flags, progress, pace);
    if (flags.json === true) streams.stdout.write(`${JSON.stringify(record, null, 2)}\n`);
    else {
      const paths = record.files.map(({ path }) => path);
      const next = adviseNext(target, folder, paths);
      streams.stdout.write(formatRecord(record, next));
    }
    return exitCodes.ok;
  } catch (error) {
    if (signal.aborted) {
      throw new InterruptedError('interrupted: what came is kept, and the next call goes on');
    }
    if (error instanceof BrokenConnection) throw new HubError(adviseByHand(error, target, folder));
    throw error;
  }
}

async function pullAll(
  hub: Hub,
  { repository, files: meant }: PullTarget,
  revision: string,
  folder: string,
  { include = meant, exclude = [] }: PullFlags,
  progress: PullProgress,
  pace: PullPace,
): Promise<PullRecord> {
  progress.note(`${repository.kind} ${repository.id} at ${revision}, from ${hub.endpoint}`);
  const retry: RetryTerms = {
    signal: hub.signal,
    onRetry: (reason) => progress.note(`${reason}; trying again`),
    retryMs: pace.retryMs,
  };
  const commit = await retryRefused(() => hub.findCommit(repository, revision), retry);
  const listed = await retryRefused(() => hub.listFiles(repository, commit), retry);
  const files = chooseFiles(listed, repository, include, exclude);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  progress.note(`${files.length} of ${listed.length} files, ${formatBytes(total)}, to ${folder}`);
  makeFolders(folder);
  const pulled: PulledFile[] = [];
  for (const file of files) {
    progress.startFile();
    const state = await downloadFile(file, {
      ...retry,
      hub,
      repository,
      commit,
      folder,
      onBytes: (bytes) => progress.show(file.path, bytes, file.bytes),
    });
    progress.note(`${file.path}  ${formatBytes(file.bytes)}, ${words[state]}`);
    pulled.push(describeFile(file, state));
  }
  const { kind, id } = repository;
  const { endpoint } = hub;
  const record: PullRecord = {
    schema: 'loadmark/pull/1',
    kind,
    name: id,
    endpoint,
    revision,
    commit,
    folder,
    files: pulled,
  };
  writeFileSync(join(folder, '.pull.json'), `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

const words: Readonly<Record<FetchState, string>> = {
  kept: 'here already, checked',
  fetched: 'fetched and checked',
  resumed: 'gone on with and checked',
};

function describeFile({ path, bytes, checksum }: HubFile, state: FetchState): PulledFile {
  return { path, bytes, sha256: checksum.kind === 'sha256' ? checksum.value : null, state };
}

function formatRecord({ name, folder, files }: PullRecord, next: string): string {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return `${name}: ${files.length} files, ${formatBytes(total)}, in ${folder}\nnext: ${next}\n`;
}
