// What stands in MLPerf's files without having the effect that its writer will have meant? LoadGen passes over unknown
// names in silence; a run goes on with them too, and says so. Every place is a file and its line.

import {
  type ConfEntry,
  ConfFile,
  type ConfKey,
  confKeys,
  confMode,
  type Scenario,
} from '../loadgen/index.js';
import type { ConfFiles, ConfText } from './conf-files.js';
import { shorten } from './config-files.js';
import type { Fault } from './errors.js';
import { suggestName } from './name-suggestion.js';
import { quote } from './setting-fields.js';

const scenarios: readonly Scenario[] = ['SingleStream', 'MultiStream', 'Server', 'Offline'];

/** The run's mode as `mode` numbers it. */
const modeNumbers: Readonly<Record<string, string>> = {
  submission: 'SubmissionRun',
  accuracy: 'AccuracyOnly',
  performance: 'PerformanceOnly',
  'find-peak': 'FindPeakPerformance',
};

/** What of a run decides about its files. */
export interface ConfSurroundings {
  readonly mode: string;
  /** mlperf.model as given; null where the model's own name is taken. */
  readonly namedModel: string | null;
  readonly whereIs: (...path: string[]) => string;
}

/** Everything worth a word; none of it keeps a run from starting. */
export function findConfWarnings(files: ConfFiles | null, around: ConfSurroundings): Fault[] {
  const { namedModel, whereIs } = around;
  const where = whereIs('mlperf', 'model');
  if (files === null) {
    if (namedModel === null) return [];
    const message = `model is ${quote(namedModel)}, and there is no file to look it up in; wanted: --user-conf or --mlperf-conf`;
    return [{ where, message }];
  }
  const { mlperfConf, userConf, auditConf, model } = files;
  const known = [...modelsOf(mlperfConf), ...(userConf === null ? [] : [model])];
  const models = [...new Set(known)];
  const unknown =
    namedModel !== null && ![...modelsOf(mlperfConf), ...modelsOf(userConf)].includes(model);
  return [
    ...(unknown ? [{ where, message: describeUnknownModel(model, modelsOf(mlperfConf)) }] : []),
    ...(userConf === null ? [] : lint(userConf, { models, isAudit: false, mode: around.mode })),
    ...(auditConf === null ? [] : lint(auditConf, { models, isAudit: true, mode: around.mode })),
  ];
}

function describeUnknownModel(model: string, known: readonly string[]): string {
  return `no line of the files is about ${quote(model)}${suggestName(model, known)}: values for any model hold`;
}

/** Models that lines of the file name. */
function modelsOf(file: ConfText | null): string[] {
  if (file === null) return [];
  const names = new ConfFile(file.text).entries.map(({ name }) => partsOf(name)?.model ?? '*');
  return [...new Set(names)].filter((name) => name !== '*');
}

interface Parts {
  readonly model: string;
  readonly scenario: string;
  readonly key: string;
}

/** A model's name may have dots; the others have none. */
function partsOf(name: string): Parts | null {
  const parts = name.split('.');
  if (parts.length < 3) return null;
  const [scenario = '', key = ''] = parts.slice(-2);
  return { model: parts.slice(0, -2).join('.'), scenario, key };
}

interface LintTerms {
  readonly models: readonly string[];
  readonly isAudit: boolean;
  readonly mode: string;
}

function lint({ path, text }: ConfText, terms: LintTerms): Fault[] {
  const file = new ConfFile(text);
  const isCommentedOut = (words: string) => words.startsWith('#');
  const found = [
    ...file.entries
      .filter(({ name }) => !isCommentedOut(name))
      .flatMap((entry) =>
        judgeEntry(entry, terms).map((message) => ({ line: entry.line, message })),
      ),
    ...file.ignored
      .filter((row) => !isCommentedOut(row.text))
      .map(({ line, text: row }) => {
        const message = `${quote(row)} says nothing to LoadGen; wanted: model.scenario.key = value, with blanks around "="`;
        return { line, message };
      }),
  ];
  return found
    .sort((a, b) => a.line - b.line)
    .map(({ line, message }) => ({ where: `${shorten(path)}:${line}`, message }));
}

function judgeEntry({ name, word }: ConfEntry, terms: LintTerms): string[] {
  const parts = partsOf(name);
  if (parts === null) return [`${name} is passed over; wanted: model.scenario.key`];
  const { model, scenario, key } = parts;
  if (terms.isAudit && model !== '*') {
    return [`${name} is passed over: an audit's lines are read for the model "*" alone`];
  }
  if (model !== '*' && !terms.models.includes(model)) {
    return [
      `${name} is passed over: no model is called ${quote(model)}${suggestName(model, terms.models)}`,
    ];
  }
  if (scenario !== '*' && !scenarios.some((known) => known === scenario)) {
    return [
      `${name} is passed over: no scenario is called ${quote(scenario)}${suggestName(scenario, scenarios)}`,
    ];
  }
  return key === 'mode' ? judgeMode(name, word, terms) : judgeKey(name, parts, word);
}

function judgeMode(name: string, word: string, { isAudit, mode }: LintTerms): string[] {
  const asked = confMode(word);
  if (asked === undefined) return [`${name} is ${word}, which is no mode; allowed: 0 to 3`];
  // What an audit asks for is obeyed or refused.
  if (isAudit || asked === modeNumbers[mode]) return [];
  return [`${name} is ${word}, ${asked}, and is not obeyed: --mode decides, which is ${mode}`];
}

function judgeKey(name: string, { scenario, key }: Parts, word: string): string[] {
  const known = confKeys.filter((candidate) => candidate.key === key);
  const [first] = known;
  if (first === undefined) {
    const names = [...new Set(confKeys.map((candidate) => candidate.key)), 'mode'];
    return [`${name} is passed over: no key is called ${quote(key)}${suggestName(key, names)}`];
  }
  if (first.isRounds) return [`${name} is passed over: only mlperf.conf may set it`];
  const fits = known.filter(
    ({ under }) => scenario === '*' || under === 'run' || under === scenario,
  );
  if (fits.length === 0) {
    const places = known.map(({ under }) => under).join(', ');
    return [`${name} is passed over: ${key} is read under ${places} alone`];
  }
  return fits.some(({ kind }) => kind === 'double')
    ? judgeRate(name, key, word)
    : judgeWhole(name, fits, word);
}

/** LoadGen takes 1 for a negative rate, and says so in the detail log alone. */
function judgeRate(name: string, key: string, word: string): string[] {
  if (key !== 'target_qps' || !word.startsWith('-') || Number(word) === 0) return [];
  return [`${name} is ${word}; LoadGen takes 1 for a negative rate and logs an error`];
}

/** strtoull stops at the point, and at the letter of an exponent. */
function judgeWhole(name: string, fits: readonly ConfKey[], word: string): string[] {
  const isInteger = fits.some(({ kind }) => kind === 'integer');
  const whole = /^([+-]?\d+)(?:\.\d*)?(?:[eE].*)?$/.exec(word)?.[1];
  const isCut = whole !== undefined && whole !== word && Number(word) !== Number(whole);
  if (!isInteger || !isCut) return [];
  return [`${name} is ${word}; LoadGen reads a whole number here, and makes it ${Number(whole)}`];
}
