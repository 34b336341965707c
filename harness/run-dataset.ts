// Which rows does a run ask? Opens the dataset that the configuration names and turns what is wrong with it into faults.

import {
  type Dataset,
  DatasetError,
  datasetNames,
  type FieldMap,
  isJsonLinesName,
  isSyntheticName,
  openDataset,
  syntheticForms,
} from '../datasets/index.js';
import { shorten } from './config-files.js';
import type { Fault } from './errors.js';
import { suggestName } from './name-suggestion.js';
import { quote } from './setting-fields.js';

/** Faulty lines that are told; the rest are counted. */
const maxToldLines = 20;

/** Opens the dataset of a run, and keeps it for the run. */
export class DatasetShelf {
  /** What was opened last. */
  opened: Dataset | null = null;

  /** The test samples; null when a fault was noted instead. */
  open(name: string, fields: FieldMap, where: string, faults: Fault[]): Dataset | null {
    const isByForm = isJsonLinesName(name) || isSyntheticName(name);
    if (!isByForm && !datasetNames.includes(name)) {
      const message = `dataset is ${quote(name)}; allowed: ${datasetNames.join(', ')}, ${syntheticForms}, or a file of JSON lines (*.jsonl)${suggestName(name, datasetNames)}`;
      faults.push({ where, message });
      return null;
    }
    try {
      this.opened = openDataset(name, 'test', fields);
      return this.opened;
    } catch (error) {
      if (!(error instanceof DatasetError)) throw error;
      faults.push(...describe(error, name, where));
      return null;
    }
  }
}

function describe(error: DatasetError, file: string, where: string): Fault[] {
  const { rowFaults } = error;
  if (rowFaults.length === 0) return [{ where, message: error.message }];
  const told = rowFaults.slice(0, maxToldLines);
  const faults = told.map(({ line, message }) => ({ where: `${shorten(file)}:${line}`, message }));
  const left = rowFaults.length - told.length;
  if (left > 0) faults.push({ where: shorten(file), message: `${left} more lines are wrong` });
  return faults;
}
