// The only door of the datasets room: opens a dataset by its name, or the file of one.

import type { Dataset, Split } from './dataset.js';
import { DatasetError } from './error.js';
import { type FieldMap, ownFieldNames } from './generation-rows.js';
import { isJsonArrayName, openJsonArray } from './json-array.js';
import { isJsonLinesName, openJsonLines } from './json-lines.js';
import { refuseLfsPointer } from './lfs-pointer.js';
import { isSyntheticName, openSynthetic, syntheticForms } from './synthetic/synthetic.js';
import { isParquetName, isPickleName, openParquet, openPickle } from './table.js';
import { openTinyMmlu } from './tiny/tiny-mmlu.js';
import { openTinyOrca } from './tiny/tiny-orca.js';

export { cevalSubjects } from './ceval-subjects.js';
export { type ChatMessage, ChatTemplate } from './chat-template.js';
export type {
  ChoiceSample,
  Dataset,
  FileSource,
  GenerationSample,
  Sample,
  Split,
} from './dataset.js';
export { StreamingDecoder } from './detokenizer.js';
export { DatasetError, type DatasetErrorCode, type RowFault } from './error.js';
export { type FieldMap, ownFieldNames } from './generation-rows.js';
export { type GgufHead, type GgufTensor, type GgufValue, readGgufHead } from './gguf-file.js';
export { describeGgufTokenizer } from './gguf-tokenizer-json.js';
export { type Gsm8kRow, openGsm8k } from './gsm8k.js';
export { type HellaSwagRow, openHellaSwag } from './hellaswag.js';
export { refuseLfsPointer } from './lfs-pointer.js';
export { type MmluCategory, mmluSubjects } from './mmlu-subjects.js';
export { findPublishedFile, type PublishedFile, publishedFiles } from './published-files.js';
export {
  openCeval,
  openMmlu,
  type Question,
  type QuestionSubject,
} from './subject-questions.js';
export { isSyntheticName, syntheticForms } from './synthetic/synthetic.js';
export { removeContext } from './tiny/tiny-orca.js';
export { guard, loadTokenizer, type ModelTokenizer, type Tokenizer } from './tokenizer.js';
export { openWikitext, type Wikitext } from './wikitext.js';
export { openWinogrande, type WinograndeRow } from './winogrande.js';

const openers: { readonly [name: string]: (split: Split) => Dataset } = {
  'tiny-mmlu': openTinyMmlu,
  'tiny-orca': openTinyOrca,
};

export const datasetNames: readonly string[] = Object.keys(openers);

export const splitNames: readonly Split[] = ['train', 'calibration', 'test'];

/**
 * Opens a dataset of the list, a synthetic one by its lengths, or a file of JSON lines (*.jsonl), whose fields `fields`
 * names: what is there without waiting.
 * @throws DatasetError 'unknown-dataset' or 'unknown-split', quoting what there is; for a file also
 * 'dataset-not-found' and 'dataset-malformed'.
 */
export function openDataset(name: string, split: Split, fields: FieldMap = ownFieldNames): Dataset {
  if (isFileName(name)) refuseLfsPointer(name, 'dataset-malformed');
  if (isJsonLinesName(name)) return openJsonLines(name, split, fields);
  if (isSyntheticName(name)) return openSynthetic(name, split);
  const open = Object.hasOwn(openers, name) ? openers[name] : undefined;
  if (open === undefined) {
    throw new DatasetError(
      'unknown-dataset',
      `unknown dataset "${name}"; there are: ${datasetNames.join(', ')}, ${syntheticForms}, and files (${fileForms})`,
    );
  }
  if (!splitNames.includes(split)) {
    throw new DatasetError(
      'unknown-split',
      `unknown split "${split}"; there are: ${splitNames.join(', ')}`,
    );
  }
  return open(split);
}

/** Opens what openDataset opens, and a file of any form: JSON, Parquet, a pickled data frame. @throws as it does. */
export async function loadDataset(
  name: string,
  split: Split,
  fields: FieldMap = ownFieldNames,
): Promise<Dataset> {
  if (isFileName(name)) refuseLfsPointer(name, 'dataset-malformed');
  if (isJsonArrayName(name)) return openJsonArray(name, split, fields);
  if (isPickleName(name)) return openPickle(name, split, fields);
  if (isParquetName(name)) return openParquet(name, split, fields);
  return openDataset(name, split, fields);
}

/** What files of questions and answers may be. */
export const fileForms = '*.jsonl, *.json, *.parquet, *.pkl, *.pkl.gz';

export function isFileName(name: string): boolean {
  return [isJsonLinesName, isJsonArrayName, isPickleName, isParquetName].some((is) => is(name));
}
