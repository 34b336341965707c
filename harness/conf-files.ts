// Which files in MLPerf's grammar does a run read, and what do they make of the settings that its configuration gives?
// They are read and checked before anything starts; their grammar and their keys are LoadGen's business.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  type ConfFault,
  ConfFile,
  ConfLoader,
  loadConf,
  RealClock,
  type TestOptions,
  type TestSettings,
} from '../loadgen/index.js';
import { readText, shorten } from './config-files.js';
import { type Fault, InputError } from './errors.js';
import type { MlperfSettings } from './mlperf-config.js';
import { quote } from './setting-fields.js';

/** A file that was read. */
export interface ConfText {
  readonly path: string;
  readonly text: string;
}

/** The files of a run, and the model's name in them. */
export interface ConfFiles {
  readonly model: string;
  /** Given, or configs/mlperf.conf where a user.conf asks for it. */
  readonly mlperfConf: ConfText | null;
  /** mlperf.conf is ours: its seeds are those of one round, and the run's own `seeds` may name another. */
  readonly keepsSeeds: boolean;
  readonly userConf: ConfText | null;
  readonly auditConf: ConfText | null;
}

/** The same in run.json. */
export interface ConfRecord {
  readonly model: string;
  readonly mlperfConf: ConfDigest | null;
  readonly userConf: ConfDigest | null;
  readonly auditConf: ConfDigest | null;
}

interface ConfDigest {
  readonly path: string;
  readonly sha256: string;
}

/** Reads the files that the configuration names; null where it names none. Faults are noted with the file's line. */
export function readConfFiles(
  mlperf: MlperfSettings,
  modelName: string,
  root: string,
  whereIs: (...path: string[]) => string,
  faults: Fault[],
): ConfFiles | null {
  const { mlperfConf, userConf, audit } = mlperf;
  if (audit !== 'none' && mlperf.auditConf !== null) {
    const message = `${audit} has an audit file of its own; allowed: --audit or --audit-conf`;
    faults.push({ where: whereIs('mlperf', 'audit'), message });
  }
  const ownAudit = audit === 'none' ? null : join(root, 'configs', 'audits', `${audit}.conf`);
  const auditConf = ownAudit ?? mlperf.auditConf;
  if (mlperfConf === null && userConf === null && auditConf === null) return null;
  const read = (path: string | null, name: string) =>
    path === null ? null : readConf(path, whereIs('mlperf', name), faults);
  const builtIn = userConf === null ? null : join(root, 'configs', 'mlperf.conf');
  return {
    model: mlperf.model ?? modelName,
    mlperfConf: read(mlperfConf ?? builtIn, 'mlperf_conf'),
    keepsSeeds: mlperfConf === null,
    userConf: read(userConf, 'user_conf'),
    auditConf: read(auditConf, 'audit_conf'),
  };
}

function readConf(path: string, where: string, faults: Fault[]): ConfText | null {
  try {
    const text = readText(path, where);
    const inFile = new ConfFile(text).faults.map((fault) => ({
      where: `${shorten(path)}:${fault.line}`,
      message: describeFault(fault),
    }));
    faults.push(...inFile);
    return { path, text };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    faults.push(...error.faults);
    return null;
  }
}

function describeFault({ key, word, expected }: ConfFault): string {
  if (expected === 'equals') {
    return `${quote(word)} follows ${quote(key)}; allowed: model.scenario.key = value, with blanks around "="`;
  }
  const hint = word.startsWith('#') ? '; a comment needs a line of its own' : '';
  return `${key} is ${quote(word)}; allowed: a number${hint}`;
}

/** What LoadGen is asked for once the files were applied. */
export interface ConfiguredTest {
  readonly settings: TestSettings;
  /** What startTest needs to know besides. */
  readonly options: Pick<TestOptions, 'auditConf' | 'confErrors'>;
  /** The settings that an audit leaves, for those who plan by them. */
  readonly audited: TestSettings;
}

/** Applies the files in LoadGen's order: the round's, then the submitter's; the auditor's stays for startTest. */
export function applyConfFiles(settings: TestSettings, files: ConfFiles | null): ConfiguredTest {
  if (files === null) return { settings, options: {}, audited: settings };
  const { model, mlperfConf, keepsSeeds, userConf, auditConf } = files;
  const { qslRngSeed, sampleIndexRngSeed, scheduleRngSeed } = settings;
  const builtIn = { name: mlperfConf?.path ?? '', text: mlperfConf?.text ?? '' };
  const loader = new ConfLoader(builtIn, new RealClock());
  const loaded =
    userConf === null
      ? loader.loadBuiltIn(settings, model)
      : loader.loadUser(settings, { name: userConf.path, text: userConf.text }, model);
  // Which pass is run is the harness's choice, as it is that of MLPerf's own scripts.
  const configured: TestSettings = {
    ...loaded.settings,
    ...(keepsSeeds ? { qslRngSeed, sampleIndexRngSeed, scheduleRngSeed } : {}),
    mode: settings.mode,
  };
  const confErrors = loader.errors;
  if (auditConf === null) {
    return { settings: configured, options: { confErrors }, audited: configured };
  }
  const source = { name: auditConf.path, text: auditConf.text };
  const audited = loadConf(configured, source, 'audit', '*').settings;
  return { settings: configured, options: { confErrors, auditConf: auditConf.text }, audited };
}

/** The files as run.json names them. */
export function recordConfFiles(files: ConfFiles | null): ConfRecord | null {
  if (files === null) return null;
  const digest = (file: ConfText | null) =>
    file && { path: file.path, sha256: createHash('sha256').update(file.text).digest('hex') };
  return {
    model: files.model,
    mlperfConf: digest(files.mlperfConf),
    userConf: digest(files.userConf),
    auditConf: digest(files.auditConf),
  };
}
