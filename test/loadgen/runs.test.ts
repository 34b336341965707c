// Whole tests on the virtual clock against the log files of official LoadGen runs, byte for byte where those are stable.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  ConfLoader,
  type ConfSource,
  startTest,
  type TestOptions,
  type TestOutcome,
  type TestSettings,
  VirtualClock,
} from '../../loadgen/index.js';
import {
  countCases,
  hasGolden,
  listGolden,
  readGolden,
  readGoldenText,
  settingsFromGolden,
} from './golden.js';
import { type GoldenEvent, GoldenLibrary, GoldenSut, type GoldenSutKnobs } from './golden-sut.js';

interface RunSettings {
  name: string;
  /** What the program around LoadGen said, such as the return code of each configuration file. */
  stderr?: string;
  args: Record<string, unknown> & GoldenSutKnobs;
}

interface StableEntry {
  key: string;
  raw_value: string;
  time_ms: string;
  is_error: boolean;
  is_warning: boolean;
  file: string;
}

const partyKnobs = [
  ...[
    'total',
    'perf',
    'trace',
    'slots',
    'sync',
    'clock',
    'err',
    'err_k',
    'first_tok',
    'pace_n',
    'pace_us',
  ],
  ...['ttft_a', 'ttft_b', 'tpot_a', 'tpot_b', 'tok_a', 'tok_b'],
];
const configurationKnobs = ['audit', 'user_conf', 'model', 'tokens'];
const builtInPath = fileURLToPath(new URL('../../configs/mlperf.conf', import.meta.url));
const builtIn: ConfSource = { name: 'mlperf.conf', text: readFileSync(builtInPath, 'utf8') };
/** 2023-11-14T22:13:20Z: when the golden runs' clock stood at 0. */
const virtualStartUnixMs = 1_700_000_000_000;

/** The text of an auditor's file, which runs name by its path in the official repository. */
function auditText(path: string): string {
  if (hasGolden('config', 'files', path)) return readGoldenText('config', 'files', path);
  const [, test, model] = path.split('/');
  const cases = readGolden<{ name: string; text?: string }[]>('config', 'parse_cases.json');
  const names = [`audit_${test}_${model}`, `audit_${test}`];
  const text = cases.find(({ name }) => names.includes(name))?.text;
  if (text === undefined) throw new Error(`the golden audit file ${path} is not kept`);
  return text;
}

/** The settings of a run, and what its configuration files left to say. */
function configure(run: RunSettings, clock: VirtualClock): Configured {
  const { args } = run;
  let settings = settingsFromGolden(args, [...partyKnobs, ...configurationKnobs]);
  const loader = new ConfLoader(builtIn, clock);
  if (typeof args.user_conf === 'string') {
    const text = readGoldenText('config', 'files', args.user_conf);
    for (const [, code] of (run.stderr ?? '').matchAll(/FromConfig rc (-?\d+)/g)) {
      const source = { name: args.user_conf, text };
      const load = loader.loadUser(settings, source, String(args.model));
      settings = load.settings;
      expect(load.code).toBe(Number(code));
    }
  }
  const audit = typeof args.audit === 'string' ? { auditConf: auditText(args.audit) } : {};
  return { settings, options: { ...audit, confErrors: loader.errors } };
}

interface Configured {
  readonly settings: TestSettings;
  readonly options: Pick<TestOptions, 'auditConf' | 'confErrors'>;
}

async function replay(run: RunSettings): Promise<{ outcome: TestOutcome; events: GoldenEvent[] }> {
  const { args } = run;
  const clock = new VirtualClock(virtualStartUnixMs);
  const events: GoldenEvent[] = [];
  const { settings, options } = configure(run, clock);
  const use_token_latencies = Number(settings.useTokenLatencies);
  const sut = new GoldenSut({ ...args, use_token_latencies }, clock, events);
  const total = args.total as number;
  const library = new GoldenLibrary(total, args.perf as number, clock, events);
  const outcome = await startTest(sut, library, settings, {
    ...options,
    clock,
    writer: { name: 'loadmark', version: 'test' },
    trace: args.trace === 1,
  });
  return { outcome, events };
}

const entryForm =
  /^:::MLLOG \{"key": "([^"]+)", "value": (.*), "time_ms": ([0-9.]+), "namespace": "mlperf::logging", "event_type": "POINT_IN_TIME", "metadata": \{"is_error": (true|false), "is_warning": (true|false), "file": "([^"]*)", "line_no": \d+, "pid": \d+, "tid": \d+\}\}$/;
const unstableKeys = /^(loadgen_|logger_)/;

function stableEntries(detail: string): StableEntry[] {
  return detail
    .trimEnd()
    .split('\n')
    .map((line) => {
      const match = entryForm.exec(line);
      if (match === null) throw new Error(`not a detail entry: ${line}`);
      const [, key, raw_value, time_ms, isError, isWarning, file] = match as unknown as string[];
      return {
        key: key!,
        raw_value: raw_value!,
        time_ms: time_ms!,
        is_error: isError === 'true',
        is_warning: isWarning === 'true',
        file: file!.replace(/^.*\//, ''),
      };
    })
    .filter((entry) => !unstableKeys.test(entry.key));
}

/** These four make TPOT depend on undefined arithmetic in LoadGen; all else about them is compared. */
const oddTokenRuns = ['no_first', 'zero_tokens', 'one_token', 'neg_tokens'];
const oddKeys =
  /^result_(time_(per|to)_output_token|token_throughput|completed_tokens|tokens_per|first_token_m)/;
const oddLines =
  /(Time per Output Token|time to output token|tokens per second|First Token latency)/i;

function withoutOddKeys(entries: StableEntry[], isOdd: boolean): StableEntry[] {
  return isOdd ? entries.filter((entry) => !oddKeys.test(entry.key)) : entries;
}

function withoutOddLines(summary: string, isOdd: boolean): string {
  return isOdd
    ? summary
        .split('\n')
        .filter((line) => !oddLines.test(line))
        .join('\n')
    : summary;
}

/** Events of the golden trace that have nothing to do with LoadGen's logging thread. */
function traceEvents(trace: string): string[] {
  const threads =
    /"name":"(LogDetail|LogSummary|Thread|Process|FlushAll|IOThreadLoop|Wait|Gather|ts)"/;
  return trace
    .split('\n')
    .filter((line) => !threads.test(line))
    .map((line) => line.replaceAll(/"(pid|tid)":\d+/g, '"$1":0'));
}

async function checkRun(name: string): Promise<void> {
  const run = readGolden<RunSettings>('runs', name, 'settings.json');
  const { args } = run;
  const { outcome, events } = await replay(run);
  const { logs } = outcome;
  const isOdd = oddTokenRuns.includes(args.err ?? '');
  const golden = readGolden<StableEntry[]>('runs', name, 'detail_stable.json');
  expect(withoutOddKeys(stableEntries(logs.detail), isOdd)).toEqual(withoutOddKeys(golden, isOdd));
  const summary = readGoldenText('runs', name, 'mlperf_log_summary.txt');
  expect(withoutOddLines(logs.summary, isOdd)).toBe(withoutOddLines(summary, isOdd));
  expect(logs.accuracy).toBe(readGoldenText('runs', name, 'mlperf_log_accuracy.json'));
  expect(events).toEqual(readGolden('runs', name, 'events.json'));
  if (hasGolden('runs', name, 'mlperf_log_trace.json')) {
    const trace = readGoldenText('runs', name, 'mlperf_log_trace.json');
    expect(traceEvents(logs.trace)).toEqual(traceEvents(trace));
    JSON.parse(logs.trace);
  }
}

/** Runs on the real clock: everything that does not depend on how fast their machine was. */
async function checkRealRun(name: string): Promise<void> {
  const run = readGolden<RunSettings>('runs', name, 'settings.json');
  const { args } = run;
  const { outcome } = await replay(run);
  const timed =
    /^(test_datetime|get_sut_name|power_|result_(?!validity|query_count)|early_stopping_(?!met))/;
  const golden = readGolden<StableEntry[]>('runs', name, 'detail_stable.json');
  const plain = (entries: StableEntry[]): unknown[] =>
    entries
      .filter((e) => !timed.test(e.key))
      .map((e) => [e.key, e.raw_value, e.is_error, e.is_warning]);
  const isPaced = args.scenario !== 'SingleStream';
  const ours = plain(stableEntries(outcome.logs.detail));
  // SingleStream issues as many as its time allows; the count is the machine's.
  const counted = (rows: unknown[]): unknown[] =>
    isPaced ? rows : rows.filter((row) => (row as string[])[0] !== 'result_query_count');
  expect(counted(ours)).toEqual(counted(plain(golden)));
}

const names = listGolden('runs').filter((name) => !name.includes('.'));
const argsOf = new Map(
  names.map((name) => [name, readGolden<RunSettings>('runs', name, 'settings.json').args]),
);
const real = names.filter((name) => argsOf.get(name)!.clock === 'real');
const virtual = names.filter((name) => !real.includes(name));
const configured = names.filter((name) => configurationKnobs.some((k) => k in argsOf.get(name)!));

describe('golden runs', () => {
  test.each(virtual)('%s', checkRun, 60_000);
  test.each(real)('%s (real clock there, virtual here)', checkRealRun, 60_000);
  test('how many there were', () => {
    countCases('runs', virtual.length + real.length);
    countCases('of these with configuration files', configured.length);
    expect(virtual.length).toBeGreaterThan(0);
  });
});

interface SamplingGolden {
  case: string;
  settings: RunSettings['args'];
  samples_issued: number;
  logged_count: number;
  logged_seq_ids_in_log_order: number[];
  logged_seq_ids_sorted: number[];
}

/** The service times behind these rows, where a row does not say otherwise. */
const samplingKnobs: GoldenSutKnobs = { ttft_a: 20_000_000, ttft_b: 10_000 };

test('which samples of a performance run are logged, and in which order', async () => {
  const rows = readGolden<SamplingGolden[]>('accuracy_sampling.json');
  for (const row of rows) {
    const { outcome } = await replay({
      name: row.case,
      args: { ...samplingKnobs, ...row.settings },
    });
    const logged = outcome.responses.map((r) => r.sampleId);
    expect(outcome.samples.count, row.case).toBe(row.samples_issued);
    expect(logged.length, row.case).toBe(row.logged_count);
    expect(
      logged.toSorted((a, b) => a - b),
      row.case,
    ).toEqual(row.logged_seq_ids_sorted);
    expect(logged, row.case).toEqual(row.logged_seq_ids_in_log_order);
  }
  countCases('accuracy samplings', rows.length);
}, 60_000);
