// Are the answers good enough, and are they those of the whole data set? Judges accuracy.txt and the accuracy log of the
// accuracy pass against the benchmark.

import { createHash } from 'node:crypto';
import { type AccuracyText, parseAccuracyText } from '../accuracy-text-file.js';
import type { AccuracyReference } from '../benchmarks.js';
import type { DetailLog } from '../detail-log.js';
import { type Finding, findError } from '../finding.js';
import { isTruncated, keptCharacters, truncatedLength } from '../log-truncation.js';
import { type Result, readText } from '../result.js';

/** @param file the detail log's own. */
export function checkAccuracyCount(log: DetailLog, file: string, result: Result): Finding[] {
  const needed = result.benchmark?.accuracySampleCount ?? result.sampleCount;
  if (needed === null) return [];
  const keys = ['effective_accuracy_sample_count', 'qsl_reported_total_count'] as const;
  if (keys.every((key) => log.find(key) === null)) {
    const why = 'Nothing says over how many rows the accuracy was measured.';
    const required = `effective_accuracy_sample_count ${needed}`;
    return [findError('dataset-size', { file }, { value: null, required, why })];
  }
  // Where the data sets of the two passes differ, a library may hold more rows than are scored.
  const hasTwoSets =
    result.benchmark?.performanceSampleCount !== result.benchmark?.accuracySampleCount;
  const counted = hasTwoSets && log.find(keys[0]) !== null ? [keys[0]] : keys;
  return counted.flatMap((key) => {
    const entry = log.find(key);
    if (entry === null || log.number(key) === needed) return [];
    const place = { file, line: entry.line };
    const why = 'Accuracy counts over the whole data set of the benchmark.';
    return [
      findError('dataset-size', place, { value: entry.value, required: `${key} ${needed}`, why }),
    ];
  });
}

/** accuracy.txt against the benchmark's references, and its hash against the log. */
export function checkAccuracyText(result: Result): Finding[] {
  const { folder, benchmark, division } = result;
  const file = folder.accuracyText;
  const text = readText(file);
  if (text === null) {
    if (!result.isSubmission) return [];
    const why = 'It holds the scores and the hash of the accuracy log.';
    return [findError('missing-file', { file }, { value: null, required: 'accuracy.txt', why })];
  }
  const read = parseAccuracyText(text);
  // The open division reports its accuracy and is not judged by it.
  const references = division === 'open' ? [] : (benchmark?.accuracy ?? []);
  return [
    ...references.flatMap((reference) => checkMetric(read, reference, file)),
    ...checkScoredCount(read, file, benchmark?.accuracySampleCount ?? result.sampleCount),
    ...(result.isSubmission ? checkHash(read, file, folder.accuracy('accuracy')) : []),
  ];
}

/** MLCommons' checker does not ask over how many answers the scores are means. */
function checkScoredCount(read: AccuracyText, file: string, needed: number | null): Finding[] {
  if (needed === null) return [];
  return (read.metrics.get('gen_num') ?? [])
    .filter(({ value }) => value !== needed)
    .map(({ value, line }) => {
      const why = 'Scores are those of the whole data set, each row once.';
      const required = `'gen_num': ${needed}, the rows of the data set`;
      return findError('dataset-size', { file, line }, { value, required, why });
    });
}

function checkMetric(read: AccuracyText, wanted: AccuracyReference, file: string): Finding[] {
  const { key, reference, factor, most } = wanted;
  const least = reference * factor;
  const required = `'${key}' of ${round(least)}${most === null ? ' or more' : ` to ${round(most)}`}`;
  const values = read.metrics.get(key) ?? [];
  if (values.length === 0) {
    const form = read.unreadable.find((found) => found.key === key);
    const why =
      form === undefined
        ? 'The benchmark is judged by it.'
        : "MLCommons' checker reads single quotes, one blank and plain digits: numpy 2 prints np.float64(...).";
    const judgement = { value: form?.text ?? null, required, why };
    return [findError('missing-metric', { file, line: form?.line ?? null }, judgement)];
  }
  return values
    .filter(({ value }) => value < least || (most !== null && value > most))
    .map(({ value, line }) => {
      const why =
        most === null
          ? `It is ${round(least - value)} below its target, ${factor} of ${reference}.`
          : `Answers that are shorter or longer than ${reference} by a tenth are not comparable.`;
      return findError('below-target', { file, line }, { value, required, why });
    });
}

function round(value: number): number {
  return Number(value.toPrecision(7));
}

/** The most bytes that MLCommons' checker accepts of an accuracy log. */
const mostLogBytes = 10_240;

function checkHash(read: AccuracyText, file: string, logFile: string): Finding[] {
  const log = readText(logFile);
  if (log === null) {
    const why = 'It is the evidence of the scores.';
    const judgement = { value: null, required: 'mlperf_log_accuracy.json', why };
    return [findError('missing-file', { file: logFile }, judgement)];
  }
  return [...checkLength(log, logFile), ...checkHashes(read, file, log)];
}

/** Whole where it is small, and cut as MLCommons' script cuts it where it is not. */
function checkLength(log: string, file: string): Finding[] {
  if (log.length > mostLogBytes) {
    const required = `at most ${mostLogBytes} bytes: the first and last ${keptCharacters} characters around "..."`;
    const why = 'Whole accuracy logs are not submitted; their hash is.';
    const judgement = { value: `${log.length} bytes`, required, why };
    return [findError('untruncated-log', { file }, judgement)];
  }
  if (isTruncated(log) || !log.includes('\n...\n')) return [];
  const required = `${truncatedLength} characters, the dots in their middle`;
  const why = 'It was cut by other rules than those of the truncation script.';
  const judgement = { value: `${log.length} characters`, required, why };
  return [findError('bad-truncation', { file }, judgement)];
}

function checkHashes({ hash, otherHash }: AccuracyText, file: string, log: string): Finding[] {
  if (hash === null) {
    const required = 'a line hash=<sha256 of the whole accuracy log>';
    const why = 'Without it nothing ties the scores to the answers.';
    return [findError('missing-hash', { file }, { value: null, required, why })];
  }
  const findings: Finding[] = [];
  const refuse = (found: { value: string; line: number }, required: string, why: string) => {
    const place = { file, line: found.line };
    findings.push(findError('wrong-hash', place, { value: found.value, required, why }));
  };
  if (otherHash !== null) {
    refuse(otherHash, 'one hash line', 'Two hashes cannot both be those of the log.');
  }
  const digest = isTruncated(log) ? null : createHash('sha256').update(log).digest('hex');
  if (digest !== null && digest !== hash.value) {
    const why = 'The log beside it is whole, and another one than was hashed.';
    refuse(hash, `hash=${digest}`, why);
  } else if (!/^[0-9a-f]{64}$/.test(hash.value)) {
    refuse(hash, '64 hexadecimal digits', 'It is no sha256.');
  }
  return findings;
}
