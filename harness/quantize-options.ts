// The options of `bench quantize`: what may be asked, checked together so that every fault is told at once. Which shapes
// a checkpoint has is the native room's business.

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import {
  datasetNames,
  type FieldMap,
  fileForms,
  findPublishedFile,
  isFileName,
  ownFieldNames,
} from '../datasets/index.js';
import { findCacheFolder } from './cache-folder.js';
import type { CalibrationOrigin } from './calibration-texts.js';
import { loadModel } from './config.js';
import { type Fault, InputError } from './errors.js';
import { wikitextData } from './eval/tasks/task-data.js';
import { suggestName } from './name-suggestion.js';
import { optionOf } from './option-values.js';
import { findPackageRoot } from './package-root.js';
import { findFolderFaults } from './quantized-folder.js';
import { findPulled, publishedFolder } from './run-dataset.js';
import type { RunFlag } from './run-options.js';
import { type Checked, choice, type Field, number, quote, type Scalar } from './setting-fields.js';

/** Plain texts that windows are cut from. */
const textForms = '*.txt, *.raw, *.tokens';

export const quantizeFlags: readonly RunFlag[] = [
  { flags: '--method <name>', help: 'gptq, or rtn: round to nearest (gptq)' },
  { flags: '--bits <n>', help: 'bits a weight: 4' },
  { flags: '--group-size <n>', help: 'columns a scale covers: 32, 64, 128, or -1 for a row (128)' },
  { flags: '--sym', help: 'zero in the middle of the levels (the default)' },
  { flags: '--asym', help: 'a zero point a group' },
  { flags: '--desc-act', help: 'quantize columns by falling activation energy' },
  { flags: '--damp <share>', help: 'share of the mean diagonal added to the Hessian (0.01)' },
  { flags: '--mse', help: "search each group's range for the least error" },
  {
    flags: '--calibration <dataset,...>',
    help: 'texts to measure inputs on: a name, wikitext, a text (*.txt, *.raw, *.tokens), or a file of rows as bench run takes it',
  },
  { flags: '--samples <n>', help: 'calibration texts, shared evenly by the datasets (128)' },
  { flags: '--fields <name=field,...>', help: "a file's fields: prompt=question,reference=answer" },
  { flags: '--window-tokens <n>', help: 'tokens of a window cut from a plain text (2048)' },
  { flags: '--seed <n>', help: 'where windows begin (0)' },
  { flags: '--data <dir>', help: "the folder with wikitext's (~/.cache/loadmark/datasets)" },
  {
    flags: '--allow-evaluation-data',
    help: 'calibrate on what is known to be an evaluation, with a remark in the report',
  },
  { flags: '--checkpoint-format <name>', help: 'zero points as gptq or gptq_v2 has them (gptq)' },
  { flags: '--out <dir>', help: 'where the quantized checkpoint goes' },
  { flags: '--force', help: 'replace what is in that folder' },
  { flags: '--threads <n>', help: 'threads (all there are)' },
  { flags: '--json', help: 'print the report as one JSON object and nothing else' },
  { flags: '--quiet', help: 'no progress' },
];

export interface QuantizeRequest {
  /** The folder of the checkpoint. */
  readonly source: string;
  readonly method: 'rtn' | 'gptq';
  readonly bits: 4;
  readonly groupSize: number;
  readonly symmetric: boolean;
  readonly descAct: boolean;
  readonly damp: number;
  readonly mse: boolean;
  /** None measures no output errors. */
  readonly calibration: readonly CalibrationOrigin[];
  readonly samples: number;
  readonly fields: FieldMap;
  readonly windowTokens: number;
  readonly seed: number;
  readonly allowEvaluation: boolean;
  readonly checkpointFormat: 'gptq' | 'gptq_v2';
  readonly out: string;
  readonly force: boolean;
  readonly threads: number;
  readonly json: boolean;
  readonly quiet: boolean;
}

const fields = {
  method: choice(['gptq', 'rtn'], 'gptq', ['awq', 'nf4']),
  bits: choice(['4'], '4', ['2', '3', '8']),
  groupSize: choice(['32', '64', '128', '-1'], '128'),
  damp: number({ min: 0, max: 1 }, 0.01),
  samples: number({ min: 1, max: 100_000, whole: true }, 128),
  windowTokens: number({ min: 2, max: 1_000_000, whole: true }, 2048),
  seed: number({ min: 0, max: 2 ** 32 - 1, whole: true }, 0),
  checkpointFormat: choice(['gptq', 'gptq_v2'], 'gptq'),
  threads: number({ min: 1, max: 1024, whole: true }, availableParallelism()),
};

/**
 * What commander read, checked.
 * @throws InputError with every fault.
 */
export function collectQuantizeOptions(
  model: string,
  parsed: Readonly<Record<string, unknown>>,
): QuantizeRequest {
  const faults: Fault[] = [];
  const read = <K extends keyof typeof fields>(name: K) =>
    readField(fields[name] as Field<Checked<(typeof fields)[K]>>, name, parsed[name], faults);
  const method = read('method');
  const calibration = readOrigins(parsed.calibration, parsed.data, faults);
  const descAct = parsed.descAct === true;
  if (method === 'gptq' && calibration.length === 0 && parsed.calibration === undefined) {
    faults.push(missing('--calibration', `a dataset for gptq: ${listOrigins()}`));
  }
  if (method === 'rtn' && descAct) {
    faults.push({ where: '--desc-act', message: 'rtn has no order of columns; allowed with gptq' });
  }
  if (parsed.sym === true && parsed.asym === true) {
    faults.push({ where: '--asym', message: 'contradicts --sym; allowed: one of them' });
  }
  const source = findCheckpoint(model, faults);
  const out = readOut(parsed.out, source, parsed.force === true, faults);
  const request = {
    source: source ?? '',
    method,
    bits: 4 as const,
    groupSize: Number(read('groupSize')),
    symmetric: parsed.asym !== true,
    descAct,
    damp: read('damp'),
    mse: parsed.mse === true,
    calibration,
    samples: read('samples'),
    fields: readFields(parsed.fields, faults),
    windowTokens: read('windowTokens'),
    seed: read('seed'),
    allowEvaluation: parsed.allowEvaluationData === true,
    checkpointFormat: read('checkpointFormat'),
    out,
    force: parsed.force === true,
    threads: read('threads'),
    json: parsed.json === true,
    quiet: parsed.quiet === true,
  };
  read('bits');
  if (faults.length > 0) throw new InputError(faults);
  return request;
}

function findCheckpoint(model: string, faults: Fault[]): string | null {
  const folder = loadModel(model, 'MODEL', true, findPackageRoot().folder, faults)?.folder ?? null;
  if (folder !== null && /\.gguf$/i.test(folder)) {
    const message = `${quote(model)} is a GGUF file; allowed: a folder of safetensors`;
    faults.push({ where: 'MODEL', message });
  }
  return folder;
}

function readOut(out: unknown, source: string | null, force: boolean, faults: Fault[]): string {
  if (typeof out === 'string' && out.trim() !== '') {
    faults.push(...findFolderFaults(out, source, force));
    return out;
  }
  faults.push(missing('--out', 'the folder to write'));
  return '';
}

function readField<T>(field: Field<T>, name: string, value: unknown, faults: Fault[]): T {
  const where = optionOf(name);
  if (value === undefined) return field.check(undefined, name, faults);
  const scalar = toScalar(String(value), field);
  return field.check({ kind: 'value', value: scalar, where }, where.slice(2), faults);
}

/** The text itself where names are allowed, a number where numbers are. */
function toScalar(text: string, field: Field<unknown>): Scalar {
  const isNumeric = typeof field.check(undefined, '', []) === 'number';
  return isNumeric && text.trim() !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
}

function listOrigins(): string {
  return `${datasetNames.join(', ')}, wikitext, a text (${textForms}), or a file (${fileForms})`;
}

function readOrigins(value: unknown, data: unknown, faults: Fault[]): CalibrationOrigin[] {
  if (value === undefined) return [];
  const refuse = (message: string): CalibrationOrigin[] => {
    faults.push({ where: '--calibration', message });
    return [];
  };
  return [...new Set(String(value).split(','))].flatMap((name): CalibrationOrigin[] => {
    if (datasetNames.includes(name)) return [{ kind: 'rows', name, path: name }];
    if (name === 'wikitext') return findWikitext(data, refuse);
    const published = findPublishedFile(name);
    if (published !== undefined) {
      const path = join(publishedFolder(name), published.file);
      const found = [path, `${path}.gz`].find((file) => existsSync(file));
      return found === undefined
        ? refuse(`${quote(name)} is not here: wanted ${path}`)
        : [{ kind: 'rows', name, path: found }];
    }
    const isText = /\.(txt|raw|tokens)$/.test(name);
    if (isText || isFileName(name)) {
      const path = findPulled(name);
      return existsSync(path)
        ? [{ kind: isText ? 'text' : 'rows', name, path }]
        : refuse(`${quote(name)} is not there`);
    }
    const names = [...datasetNames, 'wikitext'];
    return refuse(
      `calibration is ${quote(name)}; allowed: ${listOrigins()}${suggestName(name, names)}`,
    );
  });
}

function findWikitext(
  data: unknown,
  refuse: (message: string) => CalibrationOrigin[],
): CalibrationOrigin[] {
  const base = typeof data === 'string' ? resolve(data) : join(findCacheFolder(), 'datasets');
  const folders = [...wikitextData.folders.map((folder) => join(base, folder)), base];
  const path = folders.slice(0, typeof data === 'string' ? undefined : -1).find(existsSync);
  return path === undefined
    ? refuse(
        `"wikitext" has no folder: wanted ${wikitextData.folders[0]} in ${base} (or --data DIR) with train.txt, or bench pull ${wikitextData.name}`,
      )
    : [{ kind: 'wikitext', name: 'wikitext', path }];
}

/** "prompt=question,reference=answer". */
function readFields(value: unknown, faults: Fault[]): FieldMap {
  const fields: Record<string, string | null> = { ...ownFieldNames };
  if (value === undefined) return ownFieldNames;
  for (const pair of String(value).split(',')) {
    const [name = '', field = ''] = pair.split(/=(.*)/s);
    if (Object.hasOwn(fields, name) && field !== '') fields[name] = field;
    else {
      const allowed = Object.keys(ownFieldNames).join(', ');
      const message = `${quote(pair)} is no name=field; allowed names: ${allowed}`;
      faults.push({ where: '--fields', message });
    }
  }
  return fields as unknown as FieldMap;
}

function missing(option: string, what: string): Fault {
  return { where: option, message: `is missing; wanted: ${what}` };
}
