// Is everything there that a submission has to hold besides its logs?

import { type Finding, findError } from '../finding.js';
import { type Result, readText, sizeOf } from '../result.js';

const measurementKeys = [
  'input_data_types',
  'retraining',
  'starting_weights_filename',
  'weight_data_types',
  'weight_transformations',
] as const;

/** Files of a result folder. */
export function checkFiles({ folder, isSubmission }: Result): Finding[] {
  // Which passes a run outside a submission has is its own choice.
  if (!isSubmission) return [];
  const logs = [
    folder.performance('detail'),
    folder.performance('summary'),
    folder.accuracy('detail'),
    folder.accuracy('summary'),
  ];
  const missing = logs.filter((file) => sizeOf(file) === null).map((file) => tellMissing(file));
  const texts = [folder.userConf, folder.readme].flatMap((file) => checkText(file));
  return [...missing, ...texts, ...checkMeasurements(folder.measurements)];
}

export function tellMissing(file: string): Finding {
  const why = "MLCommons' checker ends with a traceback or refuses the result without it.";
  return findError('missing-file', { file }, { value: null, required: 'the file', why });
}

function checkText(file: string): Finding[] {
  const size = sizeOf(file);
  if (size === null) return [tellMissing(file)];
  if (size > 0) return [];
  const judgement = { value: '0 bytes', required: 'some text', why: 'An empty file is refused.' };
  return [findError('empty-file', { file }, judgement)];
}

function checkMeasurements(file: string): Finding[] {
  const fields = readObject(file);
  if (typeof fields === 'string') return [findUnreadable(file, fields)];
  if (fields === null) return [tellMissing(file)];
  return measurementKeys.flatMap((key) => {
    const value = fields[key];
    if (value !== undefined && value) return [];
    const required = `"${key}" with a text, such as "No"`;
    const why = "MLCommons' checker takes false, 0 and the empty text for missing.";
    const shown = value === undefined ? null : JSON.stringify(value);
    return [findError('missing-field', { file }, { value: shown, required, why })];
  });
}

export function findUnreadable(file: string, message: string): Finding {
  const why = "MLCommons' checker ends with a traceback.";
  return findError('unreadable-file', { file }, { value: message, required: 'a JSON object', why });
}

/** The object in a JSON file, null where there is no file, or what is wrong with it. */
export function readObject(file: string): Readonly<Record<string, unknown>> | string | null {
  const text = readText(file);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not an object';
    return value as Readonly<Record<string, unknown>>;
  } catch {
    return 'not JSON';
  }
}
