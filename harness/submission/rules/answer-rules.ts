// Do the answers in an accuracy log make sense one by one? The same questions as MLCommons' TEST06, of every record that
// can be read, whole log or truncated: end tokens, counts, first tokens, rows of the data set.

import { parseAccuracyText } from '../accuracy-text-file.js';
import { type Finding, findError } from '../finding.js';
import { isTruncated } from '../log-truncation.js';
import { type Result, readText } from '../result.js';

/** A record of the log; token ids are little-endian int32. */
interface AnswerRecord {
  readonly line: number;
  readonly sampleIndex: number;
  readonly tokens: Int32Array;
  readonly firstTokens: Int32Array | null;
  readonly tokenCount: number | null;
}

const form =
  /^\{ "seq_id" : (\d+), "qsl_idx" : (\d+), "data" : "([0-9A-F]*)"(?:, "token_data" : "([0-9A-F]*)")?(?:, "token_count" : (-?\d+))? \},?$/;

/** Findings of one kind that are listed; the last of them says how many more there are. */
const listed = 5;

export interface AnswerTerms {
  /** Rows of the data set; null where that is not known. */
  readonly sampleCount: number | null;
  readonly endTokens: readonly number[];
  /** Each row once, as in an accuracy pass. */
  readonly isWholePass: boolean;
}

/** Checks a log's records. @param file the log's own. */
export function checkAnswers(text: string, file: string, terms: AnswerTerms): Finding[] {
  const isWhole = !isTruncated(text);
  const { records, broken } = readRecords(text, isWhole);
  const findings = [
    ...(text.startsWith('[\n') && text.endsWith('\n]\n') ? [] : [tellEnds(file)]),
    ...limit(broken.map((line) => unreadable(file, line))),
    ...limit(records.flatMap((record) => checkEnd(record, file, terms.endTokens))),
    ...limit(records.flatMap((record) => checkTokenCount(record, file))),
    ...limit(records.flatMap((record) => checkFirstToken(record, file))),
    ...limit(records.flatMap((record) => checkRow(record, file, terms.sampleCount))),
  ];
  return isWhole && terms.isWholePass
    ? [...findings, ...checkRows(records, file, terms.sampleCount)]
    : findings;
}

/** The accuracy pass of a result, and what its length says beside accuracy.txt. */
export function checkAccuracyLog(result: Result): Finding[] {
  const file = result.folder.accuracy('accuracy');
  const text = readText(file);
  if (text === null) return [];
  const terms = {
    sampleCount: result.benchmark?.accuracySampleCount ?? result.sampleCount,
    endTokens: result.benchmark?.endTokens ?? [],
    isWholePass: true,
  };
  return [...checkAnswers(text, file, terms), ...checkMeanLength(text, result)];
}

function readRecords(text: string, isWhole: boolean) {
  const records: AnswerRecord[] = [];
  const broken: number[] = [];
  const rows = text.split('\n');
  const gap = isWhole ? Number.NaN : rows.indexOf('...');
  for (const [index, row] of rows.entries()) {
    const match = form.exec(row);
    if (match !== null) records.push(readRecord(match, index + 1));
    // A truncated log may cut a record on either side of the empty lines around its dots.
    else if (Math.abs(index - gap) > 2 || isWhole) {
      const isFrame =
        row === '' || (row === '[' && index === 0) || (row === ']' && index === rows.length - 2);
      if (!isFrame) broken.push(index + 1);
    }
  }
  return { records, broken };
}

function readRecord(match: RegExpExecArray, line: number): AnswerRecord {
  const [, , sampleIndex, data, firstData, count] = match;
  return {
    line,
    sampleIndex: Number(sampleIndex),
    tokens: readTokens(data!),
    firstTokens: firstData === undefined ? null : readTokens(firstData),
    tokenCount: count === undefined ? null : Number(count),
  };
}

function readTokens(hex: string): Int32Array {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  return new Int32Array(bytes.buffer, 0, bytes.length >> 2);
}

function limit(findings: readonly Finding[]): Finding[] {
  if (findings.length <= listed) return [...findings];
  const shown = findings.slice(0, listed);
  const last = shown[listed - 1]!;
  const more = ` There are ${findings.length - listed} more like it.`;
  return [...shown.slice(0, -1), { ...last, why: last.why + more }];
}

function tellEnds(file: string): Finding {
  const required = '"[" on the first line and "]" on the last, both of a truncated log too';
  const why = 'It is no log of LoadGen, or a part of one.';
  return findError('unreadable-record', { file }, { value: 'other ends', required, why });
}

function unreadable(file: string, line: number): Finding {
  const required = '{ "seq_id" : N, "qsl_idx" : N, "data" : "HEX" ... } on a line of its own';
  const why = "MLCommons' scripts match on this text.";
  return findError('unreadable-record', { file, line }, { value: 'another form', required, why });
}

function checkEnd(
  { tokens, line }: AnswerRecord,
  file: string,
  ends: readonly number[],
): Finding[] {
  const isEnd = (position: number) => ends.includes(tokens[position] ?? Number.NaN);
  if (tokens.length < 2 || !isEnd(tokens.length - 1) || !isEnd(tokens.length - 2)) return [];
  let first = tokens.length - 1;
  while (first > 0 && isEnd(first - 1)) first--;
  const value = `${tokens.length - first} end tokens`;
  const why = 'Padding counts as generated tokens and so makes tokens/s grow.';
  return [
    findError('duplicated-end', { file, line }, { value, required: 'one end token at most', why }),
  ];
}

function checkTokenCount({ tokens, tokenCount, line }: AnswerRecord, file: string): Finding[] {
  if (tokenCount === null || tokenCount === tokens.length) return [];
  const required = `token_count ${tokens.length}, the int32 values of data`;
  const why = 'Tokens/s are counted by token_count.';
  return [findError('token-count', { file, line }, { value: tokenCount, required, why })];
}

function checkFirstToken({ tokens, firstTokens, line }: AnswerRecord, file: string): Finding[] {
  if (firstTokens === null) return [];
  const isPrefix = firstTokens.length > 0 && firstTokens.every((token, i) => token === tokens[i]);
  if (isPrefix) return [];
  const value = firstTokens.length === 0 ? 'no token' : [...firstTokens].join(' ');
  const required = `token_data that data begins with (${[...tokens.slice(0, 2)].join(' ')} ...)`;
  const why = 'The time to first token is that of another token than was answered.';
  return [findError('first-token', { file, line }, { value, required, why })];
}

function checkRow(
  { sampleIndex, line }: AnswerRecord,
  file: string,
  count: number | null,
): Finding[] {
  if (count === null || sampleIndex < count) return [];
  const required = `qsl_idx of 0 to ${count - 1}`;
  const why = 'The data set has no such row.';
  return [findError('dataset-size', { file, line }, { value: sampleIndex, required, why })];
}

function checkRows(
  records: readonly AnswerRecord[],
  file: string,
  count: number | null,
): Finding[] {
  const distinct = new Set(records.map(({ sampleIndex }) => sampleIndex)).size;
  if (count === null) return [];
  if (distinct === count && records.length === count) return [];
  const value = `${records.length} records of ${distinct} rows`;
  const why = 'An accuracy pass answers every row of the data set once.';
  return [
    findError('dataset-size', { file }, { value, required: `${count} rows, each once`, why }),
  ];
}

/** tokens_per_sample of accuracy.txt is rounded to one decimal. */
function checkMeanLength(text: string, { folder }: Result): Finding[] {
  if (isTruncated(text)) return [];
  const written = readText(folder.accuracyText);
  const stated =
    written === null ? undefined : parseAccuracyText(written).metrics.get('tokens_per_sample')?.[0];
  const { records } = readRecords(text, true);
  if (stated === undefined || records.length === 0) return [];
  const mean = records.reduce((sum, { tokens }) => sum + tokens.length, 0) / records.length;
  if (Math.abs(mean - stated.value) < 0.06) return [];
  const place = { file: folder.accuracyText, line: stated.line };
  const required = `tokens_per_sample ${mean.toFixed(1)}, the mean of the log beside it`;
  const why = 'The scores were made from other answers than those in the log.';
  return [findError('token-count', place, { value: stated.value, required, why })];
}
