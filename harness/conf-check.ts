// Can a run be started with what MLPerf's files made of its settings? Told before anything starts; what the files say is
// conf-files.ts's business.

import {
  ConfFile,
  type ConfKey,
  confKeys,
  findSettingFaults,
  type TestSettings,
} from '../loadgen/index.js';
import { applyConfFiles, type ConfFiles } from './conf-files.js';
import type { RunConfig } from './config.js';
import { shorten } from './config-files.js';
import type { Fault } from './errors.js';
import { maxSamples, sectionOf } from './run-config.js';
import { buildTestSettings, countPlannedSamples } from './test-settings.js';

type WhereIs = (...path: string[]) => string;

/** Settings of a run that MLPerf's files may set as well. */
const sharedSettings: Readonly<Record<string, keyof TestSettings>> = {
  'offline.target_qps': 'offlineExpectedQps',
  'server.target_qps': 'serverTargetQps',
  'server.ttft_ms': 'serverTtftLatencyNs',
  'server.tpot_ms': 'serverTpotLatencyNs',
  'server.query_ms': 'serverTargetLatencyNs',
  'server.target_percentile': 'serverTargetLatencyPercentile',
  'single_stream.expected_latency_ms': 'singleStreamExpectedLatencyNs',
  'single_stream.target_percentile': 'singleStreamTargetLatencyPercentile',
  'multi_stream.expected_latency_ms': 'multiStreamExpectedLatencyNs',
  'multi_stream.target_percentile': 'multiStreamTargetLatencyPercentile',
  'multi_stream.samples_per_query': 'multiStreamSamplesPerQuery',
  'loadgen.sample_concatenate_permutation': 'sampleConcatenatePermutation',
  'loadgen.performance_sample_count': 'performanceSampleCountOverride',
  'loadgen.performance_issue_unique': 'performanceIssueUnique',
  'loadgen.performance_issue_same': 'performanceIssueSame',
  'loadgen.performance_issue_same_index': 'performanceIssueSameIndex',
  'loadgen.coalesce_queries': 'serverCoalesceQueries',
  'loadgen.max_async_queries': 'serverMaxAsyncQueries',
  'loadgen.max_duration_s': 'maxDurationMs',
  'loadgen.max_query_count': 'maxQueryCount',
  'loadgen.accuracy_log_probability': 'accuracyLogProbability',
  'loadgen.accuracy_log_sampling_target': 'accuracyLogSamplingTarget',
  'loadgen.accuracy_log_rng_seed': 'accuracyLogRngSeed',
  'seeds.round': 'qslRngSeed',
  'seeds.qsl': 'qslRngSeed',
  'seeds.sample_index': 'sampleIndexRngSeed',
  'seeds.schedule': 'scheduleRngSeed',
};

/** Every reason against the run that lies in its MLPerf files. */
export function findConfFaults(config: RunConfig, sampleCount: number, whereIs: WhereIs): Fault[] {
  const { confFiles } = config;
  if (confFiles === null) return [];
  const terms = { sampleCount, hasTokens: true, measuredQps: null };
  const asked = buildTestSettings(config, { ...terms, pass: 'performance' });
  const { settings, audited } = applyConfFiles(asked, confFiles);
  const { mlperfConf, userConf, auditConf } = confFiles;
  const last = auditConf ?? userConf ?? mlperfConf;
  const where = last === null ? 'mlperf' : shorten(last.path);
  const source = new ConfSources(confFiles, config.scenario);
  const faults = findOverridden(config, asked, settings, source, whereIs);
  const isAudit = auditConf !== null || settings.test05;
  if (isAudit && config.mode !== 'performance') {
    const message = `an audit is a performance pass, and mode is ${config.mode}; allowed: --mode performance`;
    faults.push({ where, message });
  }
  if (audited.mode !== settings.mode) {
    const line = source.findLine('mode', 'run');
    const message = `${line?.name ?? 'mode'} is ${line?.word ?? ''}, ${audited.mode}; allowed: 2, PerformanceOnly`;
    faults.push({ where: line?.where ?? where, message });
  }
  const refused = refuseSettings(audited, sampleCount, source, where);
  return [...faults, ...refused];
}

/** An option of the command line that a file sets to something else would be lost without a word. */
function findOverridden(
  { scenario }: RunConfig,
  asked: TestSettings,
  settings: TestSettings,
  source: ConfSources,
  whereIs: WhereIs,
): Fault[] {
  const own = sectionOf(scenario);
  const shared: readonly (readonly [path: string, field: keyof TestSettings])[] = [
    ...Object.entries(sharedSettings),
    [`${own}.min_duration_s`, 'minDurationMs'],
    [`${own}.min_query_count`, 'minQueryCount'],
  ];
  return shared.flatMap(([path, field]): Fault[] => {
    const [section = '', key = ''] = path.split('.');
    if (section !== own && section !== 'seeds' && section !== 'loadgen') return [];
    const where = whereIs(section, key);
    if (!where.startsWith('--') || settings[field] === asked[field]) return [];
    const line = source.locate(field, true);
    if (line === null) {
      return [
        { where, message: `is lost: MLPerf's files come after the options and set ${field}` },
      ];
    }
    // What mlperf.conf says, a user.conf may say otherwise; seeds it may not.
    const isThere = section === 'seeds' || !line.isRounds;
    const message =
      `is lost: ${line.where} comes after the options, with ${line.name} = ${line.word}; ` +
      `set it ${isThere ? 'there' : 'in the user.conf'}`;
    return [{ where, message }];
  });
}

/** A line of one of the files. */
interface SourceLine {
  readonly where: string;
  readonly name: string;
  readonly word: string;
  /** Of mlperf.conf. */
  readonly isRounds: boolean;
}

/** Finds the line that a value comes from, by the rules of the three files. */
class ConfSources {
  readonly #files: readonly {
    readonly path: string;
    readonly file: ConfFile;
    readonly model: string;
    readonly isRounds: boolean;
    readonly isAudit: boolean;
  }[];

  constructor(
    { auditConf, userConf, mlperfConf, model }: ConfFiles,
    readonly scenario: string,
  ) {
    const given = [
      { text: auditConf, model: '*', isRounds: false, isAudit: true },
      { text: userConf, model, isRounds: false, isAudit: false },
      { text: mlperfConf, model, isRounds: true, isAudit: false },
    ];
    this.#files = given.flatMap(({ text, ...terms }) =>
      text === null ? [] : [{ ...terms, path: shorten(text.path), file: new ConfFile(text.text) }],
    );
  }

  /** @param withoutAudit the audit's file comes later than the settings that are asked about. */
  locate(field: keyof TestSettings, withoutAudit = false): (SourceLine & { key: ConfKey }) | null {
    for (const key of confKeys.filter((candidate) => candidate.field === field)) {
      const line = this.findLine(key.key, key.under, key.isRounds, withoutAudit);
      if (line !== null) return { ...line, key };
    }
    return null;
  }

  findLine(
    key: string,
    under: ConfKey['under'],
    isRounds = false,
    withoutAudit = false,
  ): SourceLine | null {
    const scenario = under === 'run' ? this.scenario : under;
    for (const { path, file, model, ...terms } of this.#files) {
      if ((isRounds && !terms.isRounds) || (withoutAudit && terms.isAudit)) continue;
      const entry = file.findEntry(model, scenario, key);
      if (entry === undefined) continue;
      const { line, name, word } = entry;
      return { where: `${path}:${line}`, name, word, isRounds: terms.isRounds };
    }
    return null;
  }
}

/** What a key may be, in the file's own units. */
function describeAllowed({ key, kind, unit }: ConfKey): string {
  if (key === 'target_latency_percentile') return 'above 0 and below 100, in percent';
  if (key === 'target_qps') return 'a finite number other than 0';
  if (key === 'accuracy_log_probability') return 'a number from 0, in percent';
  const inMs = unit === 1e6 || key.endsWith('_duration') ? ', in ms' : '';
  if (kind === 'double') return `a finite number above 0${inMs}`;
  const least = key === 'samples_per_query' ? 1 : 0;
  const most = key === 'max_async_queries' ? 2 ** 31 - 1 : Number.MAX_SAFE_INTEGER / unit;
  return `a whole number from ${least} to ${Math.floor(most)}${inMs}`;
}

/** Why LoadGen or the machine's memory would not take these settings. */
function refuseSettings(
  settings: TestSettings,
  sampleCount: number,
  source: ConfSources,
  where: string,
): Fault[] {
  const broken = findSettingFaults(settings).map(({ field, value, allowed }): Fault => {
    const line = source.locate(field);
    if (line === null) return { where, message: `${field} is ${value}; allowed: ${allowed}` };
    const message = `${line.name} is ${line.word}; allowed: ${describeAllowed(line.key)}`;
    return { where: line.where, message };
  });
  // One line may set the rates of two scenarios.
  const told = new Map(broken.map((fault) => [`${fault.where} ${fault.message}`, fault]));
  if (told.size > 0) return [...told.values()];
  const { scenario, multiStreamSamplesPerQuery: together } = settings;
  if (scenario === 'MultiStream' && together > sampleCount) {
    const line = source.locate('multiStreamSamplesPerQuery');
    const name = line?.name ?? 'samples_per_query';
    const message = `${name} is ${together}; allowed: 1 to ${sampleCount}, the samples of the run`;
    return [{ where: line?.where ?? where, message }];
  }
  const planned = countPlannedSamples(settings);
  if (planned <= maxSamples) return [];
  const message = `these files come to ${planned} samples; allowed: up to ${maxSamples}`;
  return [{ where, message }];
}
