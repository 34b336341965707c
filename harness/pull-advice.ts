// What does a name given to `bench pull` stand for, and what is done with what came? Names that no hub has are answered with
// what gets them; fetching is the command's business.

import { join } from 'node:path';
import {
  datasetNames,
  findPublishedFile,
  isFileName,
  type PublishedFile,
  publishedFiles,
} from '../datasets/index.js';
import { loadModel } from './config.js';
import { listNames, shorten } from './config-files.js';
import { InputError } from './errors.js';
import {
  findTaskData,
  findTaskDataOnHub,
  type TaskData,
  taskData,
} from './eval/tasks/task-data.js';
import { folderOf, type HubRepository, hubForms, parseHubName } from './hub/hub-name.js';
import { suggestName } from './name-suggestion.js';
import { findPackageRoot } from './package-root.js';
import { publishedFolder } from './run-dataset.js';

export interface PullTarget {
  readonly repository: HubRepository;
  /** What `bench eval` reads of it; null where no task does. */
  readonly data: TaskData | null;
  /** The files that are meant where the call names none; empty: by the repository's kind. */
  readonly files: readonly string[];
}

/** @throws InputError for a name that stands for nothing on a hub, with what to do instead. */
export function findPullTarget(name: string): PullTarget {
  const refuse = (message: string) => new InputError([{ where: 'bench pull', message }]);
  // With its room or without: the names are known by themselves.
  const [, room, bare = name] = /^(?:(models|datasets)\/)?([^/]*)$/.exec(name) ?? [];
  if (room !== 'models') {
    const published = findPublishedFile(bare);
    if (published !== undefined) throw refuse(adviseMlcommons(published));
    if (datasetNames.includes(bare)) throw refuse(`${bare} is built in: nothing has to be fetched`);
    const data = findTaskData(bare);
    if (data !== undefined) {
      return { repository: { kind: 'dataset', id: data.hub }, data, files: data.hubFiles };
    }
  }
  const models = listNames(join(findPackageRoot().folder, 'configs', 'models'));
  if (room !== 'datasets' && models.includes(bare)) throw refuse(adviseModel(bare));
  const repository = parseHubName(name);
  if (repository !== null) {
    const data = repository.kind === 'dataset' ? findTaskDataOnHub(repository.id) : undefined;
    return { repository, data: data ?? null, files: [] };
  }
  const names = [...taskData, ...publishedFiles].map((known) => known.name);
  throw refuse(
    `the name is ${JSON.stringify(name)}; allowed: ${hubForms}, ${names.join(', ')}${suggestName(bare, [...names, ...models])}`,
  );
}

/** A model of configs/models: its own file says what gets it. */
function adviseModel(name: string): string {
  const obtain = loadModel(name, 'bench pull', false, findPackageRoot().folder, [])?.obtain ?? null;
  return obtain === null
    ? `${name} is built in: nothing has to be fetched; next: bench --model ${name}`
    : `${name} is on no hub under this name; to get it: ${obtain}; then: bench --model ${name}`;
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
export function adviseByHand(error: Error, target: PullTarget, folder: string): string {
  const { repository, data } = target;
  const what =
    repository.kind === 'model'
      ? 'config.json, *.safetensors, tokenizer.json and tokenizer_config.json'
      : data === null
        ? 'the files'
        : `${data.hubFiles.join(' and ')} (with their folders)`;
  const next = adviseNext(target, folder, []);
  // A task's data have other forms than the hub's, which go by another folder.
  const other =
    data === null
      ? ''
      : `\nOr put its own files into DIR/${data.folders[0]} (${data.wanted}), then: bench eval MODEL --tasks ${data.tasks} --data DIR`;
  return `${error.message}.\nWithout a network: fetch ${what} of ${repository.id} elsewhere, put them in ${folder}, then: ${next}${other}\n(HF_ENDPOINT names another hub or a mirror.)`;
}

/**
 * The call that uses what lies in `folder`.
 * @param paths the files that came, relative to it; none where that is not known
 */
export function adviseNext(
  { repository, data }: PullTarget,
  folder: string,
  paths: readonly string[],
): string {
  // Where revision main lies is found without being told.
  const isMain = folder === folderOf(repository, 'main');
  if (repository.kind === 'model') {
    const packed = paths.find((path) => path.endsWith('.gguf'));
    if (packed !== undefined && !paths.includes('config.json')) {
      return `bench --model ${shorten(join(folder, packed))}`;
    }
    return `bench --model ${isMain ? repository.id : shorten(folder)}`;
  }
  if (data !== null) {
    return `bench eval MODEL --tasks ${data.tasks}${isMain ? '' : ` --data ${shorten(folder)}`}`;
  }
  return `bench --dataset ${join(folder, paths.find(isFileName) ?? 'FILE')}`;
}
