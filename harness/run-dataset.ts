// Which rows does a run ask? Opens the dataset that the configuration names and turns what is wrong with it into faults.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Dataset,
  DatasetError,
  datasetNames,
  type FieldMap,
  fileForms,
  findPublishedFile,
  isFileName,
  isSyntheticName,
  loadDataset,
  type PublishedFile,
  publishedFiles,
  syntheticForms,
} from '../datasets/index.js';
import { findCacheFolder } from './cache-folder.js';
import { shorten } from './config-files.js';
import type { Fault } from './errors.js';
import { suggestName } from './name-suggestion.js';
import { quote } from './setting-fields.js';

/** Faulty places that are told; the rest are counted. */
const maxToldPlaces = 20;

const fileDatasetNames = publishedFiles.map(({ name }) => name);

/** Opens the dataset of a run, and keeps it for the run. */
export class DatasetShelf {
  /** What was opened last. */
  opened: Dataset | null = null;

  /** The test samples; null when a fault was noted instead. */
  async open(
    name: string,
    fields: FieldMap,
    where: string,
    faults: Fault[],
  ): Promise<Dataset | null> {
    const published = findPublishedFile(name);
    const isByForm = isFileName(name) || isSyntheticName(name);
    if (!isByForm && published === undefined && !datasetNames.includes(name)) {
      const names = [...datasetNames, ...fileDatasetNames];
      const message = `dataset is ${quote(name)}; allowed: ${names.join(', ')}, ${syntheticForms}, or a file (${fileForms})${suggestName(name, names)}`;
      faults.push({ where, message });
      return null;
    }
    const path =
      published === undefined ? findPulled(name) : findPublishedPath(published, where, faults);
    if (path === null) return null;
    try {
      const dataset = await loadDataset(path, 'test', fields);
      const refusal = published === undefined ? null : refuseSource(published, dataset, path);
      if (refusal !== null) {
        faults.push({ where, message: refusal });
        return null;
      }
      this.opened = published === undefined ? dataset : { ...dataset, name };
      return this.opened;
    } catch (error) {
      if (!(error instanceof DatasetError)) throw error;
      faults.push(...describeDatasetError(error, path, where));
      return null;
    }
  }
}

/** As given, or as `bench pull datasets/owner/name` left it. */
export function findPulled(name: string): string {
  const pulled = join(findCacheFolder(), name.startsWith('datasets/') ? '' : 'datasets', name);
  return isFileName(name) && !existsSync(name) && existsSync(pulled) ? pulled : name;
}

/** Where the file of a named dataset lies, or is to be put. */
export function publishedFolder(name: string): string {
  return join(findCacheFolder(), 'datasets', name);
}

/** null when a fault was noted instead: nothing is fetched in a run. */
function findPublishedPath(known: PublishedFile, where: string, faults: Fault[]): string | null {
  const path = join(publishedFolder(known.name), known.file);
  for (const candidate of [path, `${path}.gz`]) if (existsSync(candidate)) return candidate;
  const message = `dataset is ${quote(known.name)}, and its file is not here; allowed: ${known.file} (or ${known.file}.gz) in ${publishedFolder(known.name)}, or the file's own path; "bench pull ${known.name}" says where it comes from`;
  faults.push({ where, message });
  return null;
}

/** A name promises the data that everybody has; a path promises nothing, and a difference is then a remark. */
function refuseSource(
  known: PublishedFile,
  { source, length }: Dataset,
  path: string,
): string | null {
  const { checksum, name, rows } = known;
  if (checksum !== null && source !== undefined && source.sha256 !== checksum.sha256) {
    return `dataset is ${quote(name)}, and ${path} has sha256 ${source.sha256}; allowed: ${checksum.sha256} (${checksum.by}), or the file's own path instead of the name`;
  }
  if (length === rows) return null;
  return `dataset is ${quote(name)}, and ${path} has ${length} rows; allowed: ${rows}, or the file's own path instead of the name`;
}

/** What a run says of a file that is not the one that was published; null where it is, or nobody knows. */
export function remarkOnSource({ source, path }: Dataset): string | null {
  if (source === undefined || source.published === null) return null;
  const { sha256, by } = source.published;
  if (sha256 === source.sha256) return null;
  return `${path} is named like a published file and differs from it: its sha256 is ${source.sha256}, and ${by} says ${sha256}`;
}

/** What is wrong with a dataset's file, place by place. */
export function describeDatasetError(error: DatasetError, path: string, where: string): Fault[] {
  const { rowFaults } = error;
  if (rowFaults.length === 0) return [{ where, message: error.message }];
  const told = rowFaults.slice(0, maxToldPlaces);
  const faults = told.map(({ file = path, line, column, row, message }) => {
    const inText = [line, column].filter((part) => part !== undefined).map((part) => `:${part}`);
    const inTable = line === undefined && row !== undefined ? `, row ${row}` : '';
    return { where: `${shorten(file)}${inText.join('')}${inTable}`, message };
  });
  const left = rowFaults.length - told.length;
  if (left > 0) faults.push({ where: shorten(path), message: `${left} more rows are wrong` });
  return faults;
}
