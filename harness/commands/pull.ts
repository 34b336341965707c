// `bench pull`: a model or a dataset from a hub into the cache folder, whole and checked, and gone on with where the last
// call broke off. What MLCommons distributes elsewhere, it says where to get and where to put.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  datasetNames,
  findPublishedFile,
  type PublishedFile,
  publishedFiles,
} from '../../datasets/index.js';
import { InputError, InterruptedError } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { downloadFile, type FetchState } from '../hub/download.js';
import { chooseFiles } from '../hub/file-choice.js';
import { defaultEndpoint, Hub, type HubFile } from '../hub/hub.js';
import { BrokenConnection, HubError } from '../hub/hub-error.js';
import {
  folderOf,
  type HubRepository,
  hubForms,
  isRevision,
  parseHubName,
} from '../hub/hub-name.js';
import { type RetryTerms, retryRefused } from '../hub/retry.js';
import { suggestName } from '../name-suggestion.js';
import { formatBytes, PullProgress } from '../report/pull-progress.js';
import { publishedFolder } from '../run-dataset.js';
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
  const repository = findRepository(name);
  const revision = flags.revision ?? 'main';
  if (!isRevision(revision)) {
    const message = `is ${JSON.stringify(revision)}; allowed: a branch, a tag or a commit`;
    throw new InputError([{ where: '--revision', message }]);
  }
  const endpoint = process.env.HF_ENDPOINT || defaultEndpoint;
  const hub = new Hub(endpoint, process.env.HF_TOKEN || null, signal, pace.stallMs);
  const folder = folderOf(repository, revision);
  try {
    const record = await pullAll(hub, repository, revision, folder, flags, progress, pace);
    if (flags.json === true) streams.stdout.write(`${JSON.stringify(record, null, 2)}\n`);
    else streams.stdout.write(formatRecord(record));
    return exitCodes.ok;
  } catch (error) {
    if (signal.aborted) {
      throw new InterruptedError('interrupted: what came is kept, and the next call goes on');
    }
    if (error instanceof BrokenConnection)
      throw new HubError(adviseByHand(error, repository, folder));
    throw error;
  }
}

async function pullAll(
  hub: Hub,
  repository: HubRepository,
  revision: string,
  folder: string,
  { include = [], exclude = [] }: PullFlags,
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
  mkdirSync(folder, { recursive: true });
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

/** @throws InputError for a name that stands for nothing on a hub, with what to do instead. */
function findRepository(name: string): HubRepository {
  const published = findPublishedFile(name);
  const refuse = (message: string) => new InputError([{ where: 'bench pull', message }]);
  if (published !== undefined) throw refuse(adviseMlcommons(published));
  if (datasetNames.includes(name)) throw refuse(`${name} is built in: nothing has to be fetched`);
  const repository = parseHubName(name);
  if (repository !== null) return repository;
  const names = publishedFiles.map((known) => known.name);
  throw refuse(
    `the name is ${JSON.stringify(name)}; allowed: ${hubForms}, ${names.join(', ')}${suggestName(name, names)}`,
  );
}

const downloader =
  'https://raw.githubusercontent.com/mlcommons/r2-downloader/refs/heads/main/mlc-r2-downloader.sh';

/** MLCommons has no hub: its own downloader fetches its files. */
function adviseMlcommons({ name, file, rows, benchmark, uri, checksum }: PublishedFile): string {
  const folder = publishedFolder(name);
  const how =
    uri === null
      ? `it is made by the download script of MLCommons' ${benchmark} reference`
      : `MLCommons' own downloader gets it: bash <(curl -s ${downloader}) -d ${folder} ${uri}`;
  const sum = checksum === null ? '' : `, sha256 ${checksum.sha256} (${checksum.by})`;
  return `${name} (${benchmark}, ${rows} rows) is on no hub; ${how}\nThen ${file} (or ${file}.gz) belongs in ${folder}${sum}.`;
}

/** What to put where when there is no network. */
function adviseByHand(error: Error, { kind, id }: HubRepository, folder: string): string {
  const what =
    kind === 'model'
      ? 'config.json, *.safetensors, tokenizer.json and tokenizer_config.json'
      : 'the files';
  const use = kind === 'model' ? `bench --model ${id}` : `bench --dataset ${join(folder, 'FILE')}`;
  return `${error.message}.\nWithout a network: fetch ${what} of ${id} elsewhere, put them in ${folder}, then: ${use}\n(HF_ENDPOINT names another hub or a mirror.)`;
}

function formatRecord({ kind, name, folder, files }: PullRecord): string {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const next =
    kind === 'model'
      ? `bench --model ${name}`
      : `bench --dataset ${join(folder, files[0]?.path ?? 'FILE')}`;
  return `${name}: ${files.length} files, ${formatBytes(total)}, in ${folder}\nnext: ${next}\n`;
}
