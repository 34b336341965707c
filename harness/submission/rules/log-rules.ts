// Is a detail log sound by itself, whatever it measured? Both passes are asked the same questions.

import { officialSeeds, type Round } from '../../../loadgen/index.js';
import type { DetailLog } from '../detail-log.js';
import { type Finding, findError, findWarning } from '../finding.js';
import type { Result } from '../result.js';

const seedKeys = [
  ['qsl_rng_seed', 'qslRngSeed'],
  ['sample_index_rng_seed', 'sampleIndexRngSeed'],
  ['schedule_rng_seed', 'scheduleRngSeed'],
] as const;

/** LoadGen writes both; MLCommons' checker reads the second, which must be there. */
const seedKinds = ['requested', 'effective'] as const;

const rounds: readonly Round[] = ['v6.1', 'v6.0', 'v5.1', 'v5.0'];

/** @param file the log's own. */
export function checkLog(log: DetailLog, file: string, result: Result): Finding[] {
  return [...checkSoundness(log, file, result), ...checkWriter(log, file)];
}

/** The same, whoever wrote it. */
export function checkSoundness(log: DetailLog, file: string, result: Result): Finding[] {
  return [
    ...checkForm(log, file),
    ...checkRepeats(log, file),
    ...checkErrors(log, file),
    ...checkSeeds(log, file, result),
    ...checkScenario(log, file, result),
  ];
}

function checkForm(log: DetailLog, file: string): Finding[] {
  const bare = log.entries
    .filter(({ hasBareNumber }) => hasBareNumber)
    .map(({ key, line }) => ({ line, message: `${key} is nan or inf, which is not JSON` }));
  return [...log.faults, ...bare].slice(0, 20).map(({ line, message }) =>
    findError(
      'unreadable-log',
      { file, line },
      {
        value: message,
        required: ':::MLLOG and one JSON object on every line',
        why: "MLCommons' checker stops at such a line.",
      },
    ),
  );
}

/** The first of a key's entries counts, so a second that says something else is hidden. */
function checkRepeats(log: DetailLog, file: string): Finding[] {
  return log.entries
    .filter(({ key }) => /^(?:requested|effective|result|early_stopping)_/.test(key))
    .flatMap(({ key, value, line }) => {
      const first = log.find(key);
      if (first === null || String(first.value) === String(value)) return [];
      const required = `${key} ${String(first.value)}, as in line ${first.line}`;
      const why = 'Of a repeated entry the first is read, so the log says two things.';
      return [findError('repeated-entry', { file, line }, { value, required, why })];
    })
    .slice(0, 20);
}

function checkErrors(log: DetailLog, file: string): Finding[] {
  const found = log.entries
    .filter(({ isError }) => isError)
    .slice(0, 20)
    .map(({ key, value, line }) =>
      findError(
        'error-record',
        { file, line },
        {
          value: `${key}: ${String(value)}`,
          required: 'no record with is_error true',
          why: "The load generator noted an error; MLCommons' checker overlooks it in performance logs.",
        },
      ),
    );
  const count = log.number('num_errors');
  if (found.length > 0 || count === null || count === 0) return found;
  const line = log.find('num_errors')?.line ?? null;
  const why = 'The load generator counted errors that the log does not show.';
  return [findError('error-record', { file, line }, { value: count, required: '0 errors', why })];
}

function checkSeeds(log: DetailLog, file: string, { round, isSubmission }: Result): Finding[] {
  const official = officialSeeds(round);
  // A run outside a submission may take any seeds, and is told which ones count.
  const find = isSubmission ? findError : findWarning;
  const asked = seedKinds.flatMap((kind) =>
    seedKeys.map(([key, name]) => ({ key: `${kind}_${key}`, name, kind })),
  );
  return asked.flatMap(({ key, name, kind }) => {
    const entry = log.find(key);
    if (entry === null && kind === 'requested') return [];
    const wanted = official[name];
    const value = entry?.value ?? null;
    const exact =
      typeof value === 'bigint'
        ? value
        : typeof value === 'number' && Number.isSafeInteger(value)
          ? BigInt(value)
          : null;
    if (exact === wanted) return [];
    const isRounded = exact !== null && Number(exact) === Number(wanted);
    const other = rounds.find((known) => officialSeeds(known)[name] === exact);
    const why = isRounded
      ? 'The value went through a double, which holds 53 bits of its 64.'
      : other === undefined
        ? `Sample order and schedule are those of round ${round} with its seeds only.`
        : `It is the seed of round ${other}; --round says which one is meant.`;
    const required = `${key} ${wanted}`;
    return [find('wrong-seed', { file, line: entry?.line ?? null }, { value, required, why })];
  });
}

function checkScenario(log: DetailLog, file: string, { scenario }: Result): Finding[] {
  if (scenario === null) return [];
  const entry = log.find('effective_scenario');
  const required = scenario === 'Interactive' ? 'Server' : scenario;
  if (entry?.value === required) return [];
  const why = `The folder is called ${scenario}${scenario === 'Interactive' ? ", which is LoadGen's Server" : ''}.`;
  const judgement = {
    value: entry?.value ?? null,
    required: `effective_scenario ${required}`,
    why,
  };
  return [findError('wrong-scenario', { file, line: entry?.line ?? null }, judgement)];
}

/** MLCommons' own LoadGen names its commit and the hashes of its sources. */
function checkWriter(log: DetailLog, file: string): Finding[] {
  const entry = log.find('loadgen_version');
  const hash = log.text('loadgen_file_sha1');
  if (hash !== null && hash !== 'NA') return [];
  return [
    findWarning(
      'other-writer',
      { file, line: entry?.line ?? null },
      {
        value: entry?.value ?? null,
        required: "a log by MLCommons' LoadGen",
        why: 'Passing a checker is not an MLPerf result: the rules want their own client.',
      },
    ),
  ];
}
