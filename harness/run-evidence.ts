// Everything a page about a run is made from: the record, and what of the evidence beside it is there. What is not there
// is named, with the reason.

import { existsSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Sample } from '../datasets/dataset.js';
import type { EngineInterval } from './engine-course.js';
import { type Fault, InputError, messageOf } from './errors.js';
import type { SampleEvidence } from './evidence.js';
import { readJsonLines } from './json-lines-file.js';
import { DatasetShelf } from './run-dataset.js';
import { RunFolder } from './run-folder.js';
import type { RunRecord } from './run-record.js';
import { parseRunRecord, type RecordFields } from './run-record-file.js';
import { collectScores, type ScoredSamples } from './scored-samples.js';
import { collectTimes, type TimedSamples } from './timed-samples.js';

export interface RunEvidence {
  readonly record: RunRecord;
  /** Of the performance pass; null where there is none, or no file of it. */
  readonly times: TimedSamples | null;
  /** Of the performance pass, or of the accuracy pass where there is no other. */
  readonly engine: readonly EngineInterval[] | null;
  /** Of the accuracy pass, likewise. */
  readonly scores: ScoredSamples | null;
  /** The row of the dataset; null where it could not be opened. */
  readonly findSample: (index: number) => Sample | null;
  /** What a page cannot show, and why. */
  readonly missing: readonly string[];
}

export interface EvidenceTerms {
  /** A larger file of samples is not read. */
  readonly mostBytes: number;
  /** Samples with the lowest scores that are kept with their answers. */
  readonly worst: number;
}

export const allEvidence: EvidenceTerms = { mostBytes: Number.POSITIVE_INFINITY, worst: 8 };

/** Some 200,000 samples, which take a second. */
export const quickEvidence: EvidenceTerms = { ...allEvidence, mostBytes: 64 << 20 };

/** What a page cannot do without; the rest of an older record may be missing. */
const neededFields: RecordFields = {
  boolean: [],
  number: [],
  object: ['system', 'model', 'dataset', 'config'],
  string: [],
};

/** What a path without any record is told. */
const reportable = 'the folder of a run, a ladder, a sweep or a comparison, or the record in it';

/**
 * run.json, from its folder or by its own name.
 * @throws InputError when it is not there or is no run's record.
 */
export function readRunRecord(
  path: string,
  needed: RecordFields = neededFields,
): { readonly record: RunRecord; readonly file: string } {
  const refuse = (message: string) => new InputError([{ where: `"${path}"`, message }]);
  if (!existsSync(path)) throw refuse(`does not exist; allowed: ${reportable}`);
  const file = statSync(path).isDirectory() ? new RunFolder(path).runJson : path;
  if (!existsSync(file)) throw refuse(`holds no record; allowed: ${reportable}`);
  const record = parseRunRecord(file, needed);
  if (typeof record === 'string') throw refuse(record);
  return { record: fillRecord(record), file };
}

/** What records of earlier versions do not say. */
function fillRecord(record: RunRecord): RunRecord {
  const { performance } = record;
  const absentBecause = { mbu: null, mfu: null, joulesPerToken: null };
  return {
    ...record,
    clock: record.clock ?? 'real',
    invalidReasons: record.invalidReasons ?? [],
    remarks: record.remarks ?? [],
    command: record.command ?? [],
    sut: fillSut(record.sut ?? null),
    settings: record.settings ?? null,
    accuracy: record.accuracy ?? null,
    audit: record.audit ?? null,
    performance:
      performance == null
        ? null
        : {
            ...performance,
            mbu: performance.mbu ?? null,
            mfu: performance.mfu ?? null,
            absentBecause: performance.absentBecause ?? absentBecause,
            peakSearch: performance.peakSearch ?? null,
            warmUp: performance.warmUp ?? null,
          },
  };
}

/** Before there could be several workers, their number stood where they stand now. */
function fillSut(sut: RunRecord['sut']): RunRecord['sut'] {
  if (sut === null || Array.isArray(sut.workers)) return sut;
  return { ...sut, workers: null };
}

/** @param findSample rows of the dataset where it is open; it is opened anew where this is left out. */
export async function readRunEvidence(
  record: RunRecord,
  file: string,
  terms: EvidenceTerms,
  findSample?: (index: number) => Sample,
): Promise<RunEvidence> {
  // Files lie beside run.json only: a record by another name may be one of many in its folder.
  const folder = basename(file) === 'run.json' ? new RunFolder(dirname(file)) : null;
  const missing: string[] = [];
  const read = <T>(path: string | undefined, what: string, make: (path: string) => T): T | null => {
    if (path === undefined || !existsSync(path)) {
      const name = path === undefined ? 'the files beside run.json are' : `${basename(path)} is`;
      missing.push(`${what}: ${name} not there`);
      return null;
    }
    const { size } = statSync(path);
    if (size > terms.mostBytes) {
      const command = `bench report ${dirname(path)}`;
      missing.push(`${what}: ${basename(path)} has ${size} bytes; \`${command}\` reads it`);
      return null;
    }
    try {
      return make(path);
    } catch (error) {
      missing.push(`${what}: ${messageOf(error)}`);
      return null;
    }
  };
  const { performance, accuracy, sut } = record;
  const times =
    performance === null
      ? null
      : read(folder?.samples('performance'), 'distributions and courses of samples', (path) =>
          collectTimes(readJsonLines<SampleEvidence>(path), findReportedSeries(record)),
        );
  // Steps are not told after find-peak, whose course there is; the cache is, of every engine.
  const engine =
    (sut?.kvPeakShare ?? null) === null
      ? null
      : read(
          folder?.engineCourse(performance === null ? 'accuracy' : 'performance'),
          'the course of the engine',
          (path) => [...readJsonLines<EngineInterval>(path)],
        );
  const scores =
    accuracy === null
      ? null
      : read(folder?.samples('accuracy'), 'errors of the scores and the worst samples', (path) =>
          collectScores(readJsonLines<SampleEvidence>(path), terms.worst),
        );
  const needsTexts = scores !== null && scores.worst.length > 0;
  const texts =
    findSample ?? (needsTexts ? await openTexts(record, (why) => missing.push(why)) : () => null);
  return { record, times, engine, scores, findSample: texts, missing };
}

/** find-peak tries rates, one series each, and reports the last that passed. */
function findReportedSeries({ performance }: RunRecord): number | null {
  const probes = performance?.peakSearch?.probes ?? [];
  return (probes.findLast(({ passed }) => passed) ?? probes.at(-1))?.series ?? null;
}

/** Finds rows of a record's dataset, opened anew; none, with a note of why, where it is gone or has changed. */
export async function openTexts(
  record: RunRecord,
  note: (why: string) => void,
): Promise<RunEvidence['findSample']> {
  const { dataset, config } = record;
  const what = 'prompts and expected answers';
  // Records of earlier versions may name neither.
  const { path = null } = dataset as { readonly path?: string | null };
  const named = config.dataset as string | undefined;
  const known = path !== null && existsSync(path) ? path : named;
  if (known === undefined) {
    note(`${what}: run.json does not say where its dataset is`);
    return () => null;
  }
  const faults: Fault[] = [];
  const shelf = new DatasetShelf();
  const opened = await shelf
    .open(known, config.datasetFields, 'dataset', faults)
    .catch((error: unknown) => {
      faults.push({ where: 'dataset', message: messageOf(error) });
      return null;
    });
  if (opened === null) {
    note(`${what}: ${faults[0]?.message ?? `dataset "${known}" could not be opened`}`);
    return () => null;
  }
  if (opened.digest() !== dataset.digest) {
    note(`${what}: dataset "${known}" is not what it was in this run (its digest differs)`);
    return () => null;
  }
  return (index) => (index < opened.length ? opened.sample(index) : null);
}
