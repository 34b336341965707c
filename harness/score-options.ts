// The options of `bench score`: what may be asked, checked together so that every fault is told at once.

import { resolve } from 'node:path';
import type { PunktEdition, TokenType } from './accuracy/index.js';
import { findRecipe, recipeNames, type ScoreRecipe } from './accuracy/recipes.js';
import { isFile } from './config-files.js';
import { type Fault, InputError } from './errors.js';
import { suggestName } from './name-suggestion.js';
import { readChoice } from './option-values.js';
import { findFileFaults } from './output-file.js';
import type { RunFlag } from './run-options.js';
import { quote } from './setting-fields.js';

export const scoreFlags: readonly RunFlag[] = [
  {
    flags: '--benchmark <name>',
    help: `${recipeNames.join(', ')}; -99 or -99.9 at the end says the share to reach (99)`,
  },
  {
    flags: '--dataset <name|file>',
    help: 'open-orca, cnn-dailymail, ..., or the file with the reference answers, row by row',
  },
  { flags: '--tokenizer <dir>', help: 'the folder with the tokenizer of the model that answered' },
  {
    flags: '--token-type <name>',
    help: 'how the log spells a token: int32, int64, or auto (auto)',
  },
  {
    flags: '--punkt <dir>',
    help: "a folder as NLTK's punkt_tab/english has it (the model that comes with loadmark)",
  },
  { flags: '--nltk <edition>', help: 'whose rules split sentences: 3.8.1 or 3.10 (3.8.1)' },
  { flags: '--output <file>', help: 'write accuracy.txt there too' },
  { flags: '--json', help: 'print one JSON object on stdout and nothing else' },
];

export interface ScoreRequest {
  readonly log: string;
  readonly recipe: ScoreRecipe;
  readonly factor: number;
  readonly dataset: string;
  readonly tokenizer: string;
  readonly tokenType: TokenType | 'auto';
  /** null: the model that comes with loadmark. */
  readonly punkt: string | null;
  readonly edition: PunktEdition;
  readonly output: string | null;
  readonly json: boolean;
}

type Parsed = Readonly<Record<string, unknown>>;

/**
 * What commander read, checked.
 * @throws InputError with every fault.
 */
export function collectScoreOptions(log: string, parsed: Parsed): ScoreRequest {
  const faults: Fault[] = [];
  const found = readBenchmark(parsed.benchmark, faults);
  const wanted = (name: string, what: string): string => {
    const value = parsed[name];
    if (typeof value === 'string' && value !== '') return value;
    faults.push({ where: `--${name}`, message: `is missing; wanted: ${what}` });
    return '';
  };
  if (!isFile(log)) {
    const message = 'there is no such file; wanted: an mlperf_log_accuracy.json';
    faults.push({ where: log, message });
  }
  const request = {
    log,
    dataset: wanted('dataset', 'the file with the reference answers'),
    tokenizer: wanted('tokenizer', 'the folder with the tokenizer of the model that answered'),
    tokenType: readChoice(parsed, 'tokenType', ['auto', 'int32', 'int64'], faults),
    punkt: typeof parsed.punkt === 'string' ? resolve(parsed.punkt) : null,
    edition: readChoice(parsed, 'nltk', ['3.8.1', '3.10'], faults),
    output: typeof parsed.output === 'string' ? resolve(parsed.output) : null,
    json: parsed.json === true,
  };
  if (request.output !== null) faults.push(...findFileFaults(request.output, '--output'));
  if (faults.length > 0 || found === null) throw new InputError(faults);
  return { ...request, ...found };
}

function readBenchmark(value: unknown, faults: Fault[]): ReturnType<typeof findRecipe> {
  const list = recipeNames.join(', ');
  if (typeof value !== 'string') {
    faults.push({ where: '--benchmark', message: `is missing; allowed: ${list}` });
    return null;
  }
  const found = findRecipe(value);
  if (found !== null) return found;
  const hint = suggestName(value, recipeNames);
  const message = `benchmark is ${quote(value)}; allowed: ${list}, with -99 or -99.9 at the end${hint}`;
  faults.push({ where: '--benchmark', message });
  return null;
}
