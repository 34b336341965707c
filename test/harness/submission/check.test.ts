// bench check against a good tree and against copies of it that are broken in one place each.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkFolder } from '../../../harness/submission/check.js';
import type { Finding } from '../../../harness/submission/finding.js';
import { type ResultFolder, SubmitterFolder } from '../../../harness/submission/submission-tree.js';
import { callBench } from '../bench-call.js';
import { truncate, writeGoodTree } from './good-tree.js';

const scratch = mkdtempSync(join(tmpdir(), 'loadmark-check-'));
const good = join(scratch, 'good');
let copies = 0;

beforeAll(async () => {
  await writeGoodTree(good);
}, 60_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Break = (folder: ResultFolder, place: SubmitterFolder) => void;

function edit(file: string, change: (text: string) => string): void {
  const text = readFileSync(file, 'utf8');
  const changed = change(text);
  if (changed === text) throw new Error(`the edit of ${file} changed nothing`);
  writeFileSync(file, changed);
}

/** The errors of a copy in which one thing was broken. */
function errorsOf(scenario: string, breakIt: Break): Finding[] {
  const root = join(scratch, `copy-${copies++}`);
  cpSync(good, root, { recursive: true });
  const place = new SubmitterFolder(root, 'closed', 'Somebody');
  breakIt(place.result('box', 'llama3.1-8b', scenario), place);
  const report = checkFolder(root, { round: 'v6.0', benchmark: null });
  rmSync(root, { recursive: true });
  return report.findings.filter(({ severity }) => severity === 'error');
}

function setKey(key: string, value: string): (text: string) => string {
  return (text) => text.replace(new RegExp(`("key": "${key}", "value": )[^,]+(,)`), `$1${value}$2`);
}

test('a good tree has no error, and a warning for what is simulated and each log that is not by LoadGen', () => {
  const report = checkFolder(good, { round: 'v6.0', benchmark: null });
  expect(report.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(report.results).toHaveLength(3);
  const writers = Array(6).fill('other-writer');
  const rules = report.findings.map(({ rule }) => rule).sort();
  expect(rules).toEqual([...writers, ...Array(3).fill('simulated-run')]);
});

function removeEvidence(folder: ResultFolder): void {
  const { path, verdict } = folder.audit('TEST06');
  const text = readFileSync(verdict, 'utf8');
  rmSync(path, { recursive: true });
  mkdirSync(path);
  writeFileSync(verdict, text);
}

type BrokenTree = readonly [name: string, scenario: string, rule: string, breakIt: Break];

const broken: readonly BrokenTree[] = [
  [
    'an INVALID run',
    'Server',
    'invalid-result',
    (f) => edit(f.performance('detail'), setKey('result_validity', '"INVALID"')),
  ],
  [
    'a seed off in its last digits',
    'Offline',
    'wrong-seed',
    (f) =>
      edit(
        f.performance('detail'),
        setKey('effective_sample_index_rng_seed', '14276810075590677504'),
      ),
  ],
  [
    'a short run by its settings',
    'Server',
    'short-run',
    (f) => edit(f.performance('detail'), setKey('effective_min_duration_ms', '60000')),
  ],
  [
    'a short run by the clock',
    'Offline',
    'short-run',
    (f) => edit(f.performance('detail'), setKey('result_max_latency_ns', '599999000000')),
  ],
  [
    'a TTFT over the limit of Interactive',
    'Interactive',
    'latency-limit',
    (f) =>
      edit(
        f.performance('detail'),
        setKey('result_first_token_99.00_percentile_latency_ns', '500000000'),
      ),
  ],
  [
    'a TPOT over the limit of Server',
    'Server',
    'latency-limit',
    (f) =>
      edit(
        f.performance('detail'),
        setKey('result_time_per_output_token_99.00_percentile_ns', '100000000'),
      ),
  ],
  [
    'a missing hash',
    'Offline',
    'missing-hash',
    (f) => edit(f.accuracyText, (t) => t.replace(/hash=.*\n/, '')),
  ],
  [
    'an end token twice',
    'Offline',
    'duplicated-end',
    (f) =>
      edit(f.accuracy('accuracy'), (t) => t.replace(/[0-9A-F]{8}09F40100"/, '09F4010009F40100"')),
  ],
  [
    'token counts off',
    'Server',
    'token-count',
    (f) => edit(f.accuracy('accuracy'), (t) => t.replace('"token_count" : 8', '"token_count" : 9')),
  ],
  [
    'a first token that was not answered',
    'Server',
    'first-token',
    (f) =>
      edit(f.accuracy('accuracy'), (t) =>
        t.replace(/"token_data" : "[0-9A-F]{8}"/, '"token_data" : "01000000"'),
      ),
  ],
  [
    'accuracy 0.1 below its target',
    'Server',
    'below-target',
    (f) => edit(f.accuracyText, (t) => t.replace("'rouge1': 38.7792", "'rouge1': 38.2914")),
  ],
  [
    'answers a tenth too long',
    'Server',
    'below-target',
    (f) => edit(f.accuracyText, (t) => t.replace("'gen_len': 8167644", "'gen_len': 8984409")),
  ],
  [
    'a metric printed by numpy 2',
    'Server',
    'missing-metric',
    (f) =>
      edit(f.accuracyText, (t) => t.replace("'rouge2': 15.9075", "'rouge2': np.float64(15.9075)")),
  ],
  [
    'an accuracy log from another data set',
    'Offline',
    'dataset-size',
    (f) => edit(f.accuracy('detail'), setKey('qsl_reported_total_count', '5000')),
  ],
  [
    'an accuracy pass over a part',
    'Offline',
    'dataset-size',
    (f) => edit(f.accuracy('detail'), setKey('effective_accuracy_sample_count', '13000')),
  ],
  [
    'an error record in the performance log',
    'Server',
    'error-record',
    (f) => edit(f.performance('detail'), (t) => t.replace('"is_error": false', '"is_error": true')),
  ],
  [
    'an error record in the accuracy log',
    'Server',
    'error-record',
    (f) => edit(f.accuracy('detail'), (t) => t.replace('"is_error": false', '"is_error": true')),
  ],
  [
    'a result that is no number',
    'Offline',
    'no-result',
    (f) => edit(f.performance('detail'), setKey('result_tokens_per_second', 'nan')),
  ],
  [
    'a scenario of another name',
    'Server',
    'wrong-scenario',
    (f) => edit(f.performance('detail'), setKey('effective_scenario', '"SingleStream"')),
  ],
  [
    'early stopping not met',
    'Server',
    'early-stopping',
    (f) => edit(f.performance('detail'), setKey('early_stopping_met', 'false')),
  ],
  [
    'token latencies off',
    'Offline',
    'token-latencies-off',
    (f) => edit(f.performance('detail'), setKey('requested_use_token_latencies', 'false')),
  ],
  [
    'two systems',
    'Server',
    'unlike-passes',
    (f) => edit(f.accuracy('detail'), setKey('sut_name', '"another"')),
  ],
  [
    'a line that is not JSON',
    'Server',
    'unreadable-log',
    (f) => edit(f.performance('detail'), (t) => `${t}:::MLLOG {"key": \n`),
  ],
  [
    'a whole accuracy log',
    'Server',
    'untruncated-log',
    (f) => cpSync(join(f.path, 'whole-accuracy-log.json'), f.accuracy('accuracy')),
  ],
  [
    'LoadGen judging by the limits of Server in Interactive',
    'Interactive',
    'latency-limit',
    (f) => edit(f.performance('detail'), setKey('requested_server_ttft_latency', '2000000000')),
  ],
  [
    'a target latency of half a minute',
    'Server',
    'latency-limit',
    (f) => edit(f.performance('detail'), setKey('effective_target_latency_ns', '30000000000')),
  ],
  [
    'a lower percentile',
    'Server',
    'latency-limit',
    (f) => edit(f.performance('detail'), setKey('effective_target_latency_percentile', '0.9')),
  ],
  [
    'an entry that the checker reads gone',
    'Server',
    'missing-entry',
    (f) =>
      edit(f.performance('detail'), (t) =>
        t.replace(/:::MLLOG {"key": "result_completed_samples_per_sec".*\n/, ''),
      ),
  ],
  [
    'a condition not met under the word VALID',
    'Server',
    'invalid-result',
    (f) => edit(f.performance('detail'), setKey('result_min_queries_met', 'false')),
  ],
  [
    'the log of the accuracy pass in both places',
    'Offline',
    'wrong-mode',
    (f) => cpSync(f.accuracy('detail'), f.performance('detail')),
  ],
  [
    'one sample issued throughout',
    'Server',
    'audit-settings',
    (f) => edit(f.performance('detail'), setKey('effective_performance_issue_same', 'true')),
  ],
  [
    'an audit file found',
    'Server',
    'audit-settings',
    (f) =>
      edit(
        f.performance('detail'),
        (t) =>
          `${t}:::MLLOG {"key": "warning_generic_message", "value": "Found Audit Config file (audit.config).", "metadata": {"is_error": false, "is_warning": true}}\n`,
      ),
  ],
  [
    'nan beside the result',
    'Server',
    'unreadable-log',
    (f) => edit(f.performance('detail'), setKey('result_mean_latency_ns', '-nan')),
  ],
  [
    'a line with the other marker',
    'Server',
    'unreadable-log',
    (f) => edit(f.performance('detail'), (t) => t.replace('\n:::MLLOG', '\n:::ENDPTS')),
  ],
  [
    'two verdicts',
    'Server',
    'repeated-entry',
    (f) =>
      edit(
        f.performance('detail'),
        (t) =>
          `${t}:::MLLOG {"key": "result_validity", "value": "INVALID", "metadata": {"is_error": false}}\n`,
      ),
  ],
  [
    'an audit that failed',
    'Server',
    'failed-audit',
    (f) =>
      edit(f.audit('TEST06').verdict, (t) =>
        t.replace('EOS check pass: True', 'EOS check pass: False'),
      ),
  ],
  ['no audit', 'Server', 'missing-audit', (f) => rmSync(f.audit('TEST06').verdict)],
  ...(['Offline', 'Server'] as const).flatMap((scenario): BrokenTree[] => [
    [`a verdict alone, ${scenario}`, scenario, 'missing-audit', removeEvidence],
    [
      `the performance pass for an audit, ${scenario}`,
      scenario,
      'audit-settings',
      (f) => {
        const audit = f.audit('TEST06');
        cpSync(f.performance('detail'), audit.performance('detail'));
        cpSync(f.performance('summary'), audit.performance('summary'));
      },
    ],
    [
      `answers of another run, ${scenario}`,
      scenario,
      'audit-settings',
      (f) =>
        edit(f.audit('TEST06').accuracyLog, (t) => t.replace('"seq_id" : 0,', '"seq_id" : 700,')),
    ],
    [
      `one answer of a hundred, ${scenario}`,
      scenario,
      'audit-settings',
      (f) => edit(f.audit('TEST06').accuracyLog, (t) => `${t.split(',\n')[0]}\n]\n`),
    ],
    [
      `no answer in the audit, ${scenario}`,
      scenario,
      'failed-audit',
      (f) => writeFileSync(f.audit('TEST06').accuracyLog, '[\n]\n'),
    ],
  ]),
  [
    'an audit whose log is no JSON',
    'Server',
    'unreadable-record',
    (f) => writeFileSync(f.audit('TEST06').accuracyLog, 'x'),
  ],
  [
    'a verdict that the answers do not bear out',
    'Server',
    'failed-audit',
    (f) =>
      edit(f.audit('TEST06').accuracyLog, (t) =>
        t.replace('"token_count" : 8', '"token_count" : 7'),
      ),
  ],
  [
    'an audit without its warning of an audit file',
    'Server',
    'audit-settings',
    (f) =>
      edit(f.audit('TEST06').performance('detail'), (t) =>
        t.replace(/:::MLLOG {"key": "warning_generic_message".*\n/, ''),
      ),
  ],
  [
    'an audit with an error record',
    'Server',
    'error-record',
    (f) =>
      edit(f.audit('TEST06').performance('detail'), (t) =>
        t.replace('"is_error": false', '"is_error": true'),
      ),
  ],
  [
    'an audit with other seeds',
    'Server',
    'wrong-seed',
    (f) => edit(f.audit('TEST06').performance('detail'), setKey('effective_qsl_rng_seed', '7')),
  ],
  [
    'an audit that is INVALID for more than its length',
    'Server',
    'invalid-result',
    (f) =>
      edit(f.audit('TEST06').performance('detail'), setKey('result_perf_constraints_met', 'false')),
  ],
  [
    'an audit of another scenario',
    'Server',
    'wrong-scenario',
    (f, p) => {
      const other = p.result('box', 'llama3.1-8b', 'Offline').audit('TEST06').path;
      cpSync(other, f.audit('TEST06').path, { recursive: true });
    },
  ],
  [
    'an audit of another system',
    'Server',
    'unlike-passes',
    (f) => edit(f.audit('TEST06').performance('detail'), setKey('sut_name', '"other"')),
  ],
  [
    'an audit whose summary says VALID',
    'Server',
    'unlike-summary',
    (f) =>
      edit(f.audit('TEST06').performance('summary'), (t) =>
        t.replace('Result is : INVALID', 'Result is : VALID'),
      ),
  ],
  [
    'a summary with another verdict',
    'Server',
    'unlike-summary',
    (f) =>
      edit(f.performance('summary'), (t) => t.replace('Result is : VALID', 'Result is : INVALID')),
  ],
  [
    'a summary with errors',
    'Offline',
    'unlike-summary',
    (f) =>
      edit(f.accuracy('summary'), (t) =>
        t.replace('No errors encountered during test.', '3 ERRORS encountered. See detailed log.'),
      ),
  ],
  [
    'an empty summary',
    'Offline',
    'unlike-summary',
    (f) => writeFileSync(f.performance('summary'), ''),
  ],
  ['no summary', 'Offline', 'missing-file', (f) => rmSync(f.performance('summary'))],
  [
    'samples per second that are not count by time',
    'Offline',
    'unlike-figures',
    (f) => edit(f.performance('detail'), setKey('result_samples_per_second', '25')),
  ],
  [
    'completed samples per second beyond the schedule',
    'Server',
    'unlike-figures',
    (f) => edit(f.performance('detail'), setKey('result_completed_samples_per_sec', '5.5')),
  ],
  [
    'completed tokens per second that are not of the tokens',
    'Server',
    'unlike-figures',
    (f) => edit(f.performance('detail'), setKey('result_completed_tokens_per_second', '50')),
  ],
  [
    'a percentile above the greatest',
    'Server',
    'unlike-figures',
    (f) => edit(f.performance('detail'), setKey('result_99.00_percentile_latency_ns', '900000000')),
  ],
  [
    'a requested seed of another round',
    'Server',
    'wrong-seed',
    (f) =>
      edit(f.performance('detail'), setKey('requested_schedule_rng_seed', '16159082839903944936')),
  ],
  [
    'scores over a part of the rows',
    'Server',
    'dataset-size',
    (f) => edit(f.accuracyText, (t) => t.replace("'gen_num': 13368", "'gen_num': 13367")),
  ],
  [
    'a scenario twice',
    'Offline',
    'repeated-scenario',
    (f, p) => cpSync(f.path, p.result('box', 'llama3.1-8b', 'offline').path, { recursive: true }),
  ],
  ['no user.conf', 'Server', 'missing-file', (f) => rmSync(f.userConf)],
  ['an empty README.md', 'Server', 'empty-file', (f) => writeFileSync(f.readme, '')],
  [
    'retraining that is false',
    'Server',
    'missing-field',
    (f) => edit(f.measurements, (t) => t.replace('"No"', 'false')),
  ],
  [
    'a system without cooling',
    'Server',
    'missing-field',
    (_f, p) => edit(p.system('box'), (t) => t.replace('"cooling":"N/A",', '')),
  ],
  [
    'a number of nodes that is none',
    'Server',
    'bad-field',
    (_f, p) =>
      edit(p.system('box'), (t) => t.replace('"number_of_nodes":"1"', '"number_of_nodes":"one"')),
  ],
  [
    'a number with two dots',
    'Server',
    'missing-metric',
    (f) => edit(f.accuracyText, (t) => t.replace("'rouge1': 38.7792", "'rouge1': 38.7.792")),
  ],
  [
    'a truncated log of nothing',
    'Server',
    'unreadable-record',
    (f) => writeFileSync(f.accuracy('accuracy'), truncate('x'.repeat(20_000))),
  ],
  [
    'hexadecimal digits in lower case',
    'Server',
    'unreadable-record',
    (f) =>
      edit(f.accuracy('accuracy'), (t) =>
        t.replace(/"data" : "([0-9A-F]+)"/, (row) => row.toLowerCase()),
      ),
  ],
  [
    'a first token check that was skipped in Server',
    'Server',
    'failed-audit',
    (f) => edit(f.audit('TEST06').verdict, (t) => t.replace(/(First.*): True/, '$1: Skipped')),
  ],
  [
    'a verdict with two blanks',
    'Server',
    'failed-audit',
    (f) => edit(f.audit('TEST06').verdict, (t) => t.replace('EOS check pass: ', '$&' + ' ')),
  ],
  [
    'a data centre benchmark on an edge system',
    'Server',
    'wrong-system-type',
    (_f, p) => edit(p.system('box'), (t) => t.replace('"datacenter"', '"edge"')),
  ],
  [
    'a system type in other letters',
    'Server',
    'bad-field',
    (_f, p) => edit(p.system('box'), (t) => t.replace('"datacenter"', '"Datacenter"')),
  ],
  [
    'a field that holds an object',
    'Server',
    'missing-field',
    (_f, p) => edit(p.system('box'), (t) => t.replace('"cooling":"N/A"', '"cooling":{}')),
  ],
  [
    'a scenario that the benchmark does not have',
    'Server',
    'unknown-scenario',
    (f, p) =>
      cpSync(f.path, p.result('box', 'llama3.1-8b', 'MultiStream').path, { recursive: true }),
  ],
  [
    'a benchmark folder without a result',
    'Server',
    'no-results',
    (_f, p) => mkdirSync(join(p.results, 'box', 'mixtral-8x7b')),
  ],
  [
    'a file for a source',
    'Server',
    'missing-file',
    (_f, p) => {
      rmSync(p.source, { recursive: true });
      writeFileSync(p.source, 'source');
    },
  ],
  ['no source', 'Server', 'missing-file', (_f, p) => rmSync(p.source, { recursive: true })],
  ['no Offline', 'Offline', 'missing-scenario', (f) => rmSync(f.path, { recursive: true })],
];

describe('a broken tree is refused by name', () => {
  test.each(broken)('%s', (_name, scenario, rule, breakIt) => {
    const errors = errorsOf(scenario, breakIt);
    expect(errors.map((finding) => finding.rule)).toContain(rule);
    for (const finding of errors) {
      expect(finding.required).not.toBe('');
      expect(finding.why).toMatch(/\.$/);
    }
  });

  test('and nothing else is, where one thing is broken', () => {
    const only = errorsOf('Offline', (f) =>
      edit(f.accuracyText, (t) => t.replace(/hash=.*\n/, '')),
    );
    expect(only).toHaveLength(1);
    const line = errorsOf('Server', (f) =>
      edit(f.performance('detail'), setKey('result_validity', '"INVALID"')),
    );
    expect(line.map(({ rule }) => rule)).toEqual(['invalid-result', 'unlike-summary']);
    expect(line[0]!.line).toBeGreaterThan(1);
  });
});

test('a whole log in place of a truncated one is looked at row by row, and its hash recomputed', () => {
  const errors = errorsOf('Offline', (f) => {
    const whole = readFileSync(join(f.path, 'whole-accuracy-log.json'), 'utf8').split('\n');
    // Another data set's log: half of the rows, short enough not to need truncation otherwise.
    const half = [...whole.slice(0, 60), whole[60]!.replace(/,$/, ''), ']\n'].join('\n');
    writeFileSync(f.accuracy('accuracy'), half);
  });
  expect(errors.map(({ rule }) => rule).sort()).toEqual(['dataset-size', 'wrong-hash']);
});

test('a log cut by other rules is told', () => {
  const errors = errorsOf('Offline', (f) =>
    edit(f.accuracy('accuracy'), (t) => truncate(t.slice(0, 4000) + t.slice(-4200)).slice(0, 8000)),
  );
  expect(errors.map(({ rule }) => rule)).toContain('bad-truncation');
});

test('the seed that went through a double is called so', () => {
  const [error] = errorsOf('Offline', (f) =>
    edit(
      f.performance('detail'),
      setKey('effective_sample_index_rng_seed', '14276810075590678000'),
    ),
  );
  expect(error!.why).toContain('53 bits');
});

test('two hashes are told, and an empty source is warned of', () => {
  const errors = errorsOf('Server', (f, p) => {
    edit(f.accuracyText, (t) => `${t}hash=${'0'.repeat(64)}\n`);
    rmSync(p.source, { recursive: true });
    mkdirSync(p.source);
  });
  expect(errors.map(({ rule }) => rule)).toEqual(['wrong-hash']);
});

test('a result or a benchmark of a tree is judged by the division that its path names', () => {
  const place = new SubmitterFolder(good, 'closed', 'Somebody');
  const server = place.result('box', 'llama3.1-8b', 'Server').path;
  const options = { round: 'v6.0', benchmark: null } as const;
  expect(checkFolder(server, options)).toMatchObject({ kind: 'result', errors: 0 });
  expect(checkFolder(join(server, '..'), options)).toMatchObject({ errors: 0, warnings: 9 });
  const root = join(scratch, 'unaudited');
  cpSync(good, root, { recursive: true });
  const copy = new SubmitterFolder(root, 'closed', 'Somebody');
  const result = copy.result('box', 'llama3.1-8b', 'Server');
  rmSync(result.audit('TEST06').path, { recursive: true });
  const { findings } = checkFolder(result.path, options);
  expect(findings.map(({ rule }) => rule)).toContain('missing-audit');
  expect(() => checkFolder(place.path, options)).toThrow('the folder that holds the divisions');
  const named = { ...options, benchmark: 'llama3.1-8b' };
  expect(() => checkFolder(good, named)).toThrow('a tree says it by its folders');
});

test('a run.json that anybody may have edited is read with care', () => {
  const root = join(scratch, 'run');
  mkdirSync(root);
  const options = { round: 'v6.0', benchmark: null } as const;
  const check = (text: string) => {
    writeFileSync(join(root, 'run.json'), text);
    return checkFolder(root, options);
  };
  for (const text of ['', 'null', '[]', '{}', '{"schema":"loadmark/run/1"}']) {
    expect(() => check(text)).toThrow(/allowed|not JSON/);
  }
  const run = { schema: 'loadmark/run/1', valid: true, scenario: 'Offline' };
  const bare = check(JSON.stringify({ ...run, accuracy: { targets: [null, 5] } }));
  expect(bare.findings.map(({ rule }) => rule)).toEqual(['no-results']);
  const target = { metric: 'tokensPerSample', value: 2, threshold: 30.15, upperThreshold: 36.85 };
  const accuracy = { targets: [{ ...target, pass: false }] };
  const lost = check(JSON.stringify({ ...run, valid: false, invalidReasons: 7, accuracy }));
  expect(lost.findings.map(({ rule }) => rule)).toEqual([
    'no-results',
    'invalid-result',
    'below-target',
  ]);
  expect(lost.findings[2]?.required).toBe('tokensPerSample of 30.15 to 36.85');
});

test('a run is judged by its values, whatever it says of them, and its scores by their file', () => {
  const root = join(scratch, 'claims');
  mkdirSync(join(root, 'accuracy'), { recursive: true });
  const target = { metric: 'rouge1', threshold: 50, upperThreshold: null, pass: true };
  const check = (value: number | null, written: string) => {
    const accuracy = { metrics: { rouge1: 60, genNum: 40 }, targets: [{ ...target, value }] };
    const run = { schema: 'loadmark/run/1', valid: true, scenario: 'Offline', clock: 'virtual' };
    const facts = { ...run, sut: { kind: 'null' }, dataset: { samples: 40 }, accuracy };
    writeFileSync(join(root, 'run.json'), JSON.stringify(facts));
    writeFileSync(join(root, 'accuracy', 'accuracy.txt'), written);
    const { findings } = checkFolder(root, { round: 'v6.0', benchmark: null });
    return findings.filter(({ rule }) => rule !== 'no-results').map(({ rule }) => rule);
  };
  const text = "{'rouge1': 60.0, 'gen_num': 40}\n";
  expect(check(60, text)).toEqual(['simulated-run']);
  expect(check(49, text)).toEqual(['below-target', 'simulated-run']);
  expect(check(null, text)).toEqual(['below-target', 'simulated-run']);
  expect(check(60, text.replace('60.0', '61.0'))).toEqual(['simulated-run', 'unlike-scores']);
  const other = check(60, text.replace('40}', '39}'));
  expect(other).toEqual(['simulated-run', 'unlike-scores', 'dataset-size']);
  rmSync(join(root, 'accuracy', 'accuracy.txt'));
});

test('a folder at the top that is no division is told', () => {
  const errors = errorsOf('Offline', (f) => mkdirSync(join(f.path, '../../../../../../close')));
  expect(errors.map(({ rule }) => rule)).toEqual(['unknown-folder']);
});

test('too few queries are told although the log asked for fewer', () => {
  const errors = errorsOf('Server', (f) =>
    edit(f.performance('detail'), setKey('result_query_count', '400')),
  );
  expect([...new Set(errors.map(({ rule }) => rule))]).toEqual(['query-count', 'unlike-figures']);
});

test('the round is that of the seeds where none is given', () => {
  const report = checkFolder(good, { round: null, benchmark: null });
  expect(report).toMatchObject({ round: 'v6.0', roundBy: 'seeds', errors: 0 });
});

test("the tree that MLCommons' checker passes is refused for what that checker does not look at", () => {
  const root = fileURLToPath(new URL('../../golden/checker/open-llama2-v6.0', import.meta.url));
  const { findings } = checkFolder(root, { round: 'v6.0', benchmark: null });
  const errors = findings.filter(({ severity }) => severity === 'error');
  expect(errors.map(({ rule }) => rule).sort()).toEqual([
    'dataset-size',
    'token-count',
    // Its summaries are one line that says that nothing reads them.
    ...Array(5).fill('unlike-summary'),
    'wrong-hash',
  ]);
});

test('an empty tree is not OK', () => {
  const root = join(scratch, 'empty');
  cpSync(join(good, 'closed', 'Somebody', 'systems'), join(root, 'closed', 'Nobody', 'systems'), {
    recursive: true,
  });
  const { errors, findings } = checkFolder(root, { round: 'v6.0', benchmark: null });
  expect(errors).toBeGreaterThan(0);
  expect(findings.map(({ rule }) => rule)).toContain('no-results');
});

test('the command line: exit status, JSON, and what cannot be checked', async () => {
  const call = (...argv: string[]) => callBench('check', ...argv);
  const fine = await call(good, '--round', 'v6.0');
  expect(fine.code).toBe(0);
  expect(fine.stdout).toContain('OK  3 results by the rules of v6.0: 0 errors, 9 warnings');
  const other = await call(good, '--round', 'v6.1', '--json');
  expect(other.code).toBe(6);
  const report = JSON.parse(other.stdout) as { findings: Finding[] };
  expect(report.findings.find(({ rule }) => rule === 'wrong-seed')?.why).toContain('round v6.0');
  const nothing = await call(join(scratch, 'nowhere'));
  expect(nothing.code).toBe(2);
  expect(nothing.stderr).toContain('is not a folder');
});
