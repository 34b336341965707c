// What would have been the right answers? The references of a dataset's rows, by their index, whatever form its file has.

import { ownFieldNames } from '../datasets/index.js';
import { type Fault, InputError } from './errors.js';
import { DatasetShelf } from './run-dataset.js';

/**
 * @param name of a dataset, or the path of its file
 * @throws InputError with what the file has wrong.
 */
export async function readReferences(name: string): Promise<string[]> {
  const faults: Fault[] = [];
  const dataset = await new DatasetShelf().open(name, ownFieldNames, '--dataset', faults);
  if (dataset === null || faults.length > 0) throw new InputError(faults);
  if (dataset.synthetic !== undefined) {
    const message = `${name} has random prompts and no right answers; wanted: texts with reference answers`;
    throw new InputError([{ where: '--dataset', message }]);
  }
  return Array.from({ length: dataset.length }, (_, index) => {
    const sample = dataset.sample(index);
    if (sample.kind === 'generation') return sample.reference;
    const message = `${name} holds questions with choices; wanted: texts with reference answers`;
    throw new InputError([{ where: '--dataset', message }]);
  });
}
