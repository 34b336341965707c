// Does the summary of a pass say what its detail log says? A person reads the one, and checkers the other.

import type { DetailLog } from '../detail-log.js';
import { type Finding, findError } from '../finding.js';
import { readText } from '../result.js';
import { tellMissing } from './file-rules.js';

/** Lines of a performance summary that repeat an entry. */
const repeated = [
  ['Result is', 'result_validity'],
  ['SUT name', 'sut_name'],
  ['Scenario', 'effective_scenario'],
] as const;

/** @param log the detail log beside it. */
export function checkSummary(file: string, log: DetailLog): Finding[] {
  const text = readText(file);
  if (text === null) return [tellMissing(file)];
  const rows = text.split(/\r?\n/);
  // An accuracy pass leaves two lines about errors and nothing else.
  const told = log.find('result_validity') === null ? [] : repeated;
  return [
    ...told.flatMap(([title, key]) => checkLine(rows, title, log, key, file)),
    ...checkErrorCount(rows, log, file),
  ];
}

function checkLine(
  rows: readonly string[],
  title: string,
  log: DetailLog,
  key: string,
  file: string,
): Finding[] {
  const entry = log.find(key);
  if (entry === null) return [];
  // A name may hold line ends, and the summary does not escape them.
  const [wanted = ''] = String(entry.value).split('\n');
  const form = new RegExp(`^${title} *: (.*)$`);
  const found = rows.flatMap((row, index) => {
    const value = form.exec(row)?.[1];
    return value === undefined ? [] : [{ value, line: index + 1 }];
  });
  const required = `"${title} : ${wanted}", as ${key} in the detail log`;
  const why = 'The two files are of different runs, or one of them was changed.';
  if (found.length === 0) {
    return [findError('unlike-summary', { file }, { value: null, required, why })];
  }
  return found
    .filter(({ value }) => value !== wanted)
    .map(({ value, line }) =>
      findError('unlike-summary', { file, line }, { value, required, why }),
    );
}

/** "No errors encountered during test.", "1 ERROR encountered. ..." or "7 ERRORS encountered. ..." */
function checkErrorCount(rows: readonly string[], log: DetailLog, file: string): Finding[] {
  const form = /^(No|\d+) errors? encountered/i;
  const index = rows.findLastIndex((row) => form.test(row));
  const count = log.entries.filter(({ isError }) => isError).length;
  const required = `a line about errors: ${count}, as in the detail log`;
  const word = index < 0 ? undefined : form.exec(rows[index]!)?.[1];
  if (word === undefined) {
    const why = 'Every summary ends with the number of errors.';
    return [findError('unlike-summary', { file }, { value: null, required, why })];
  }
  if (word.toLowerCase() === 'no' || Number(word) <= count) return [];
  const why = 'The load generator counted errors that the detail log does not show.';
  const place = { file, line: index + 1 };
  return [findError('unlike-summary', place, { value: rows[index]!, required, why })];
}
