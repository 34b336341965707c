// bench check against a good tree and against copies of it that are broken in one place each.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../../harness/cli.js';
import { checkFolder } from '../../../harness/submission/check.js';
import type { Finding } from '../../../harness/submission/finding.js';
import { type ResultFolder, SubmitterFolder } from '../../../harness/submission/submission-tree.js';
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

test('a good tree has no error, and a warning for each log that is not by LoadGen', () => {
  const report = checkFolder(good, { round: 'v6.0', benchmark: null });
  expect(report.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(report.results).toHaveLength(3);
  expect(report.findings.map(({ rule }) => rule)).toEqual(Array(6).fill('other-writer'));
});

const broken: readonly (readonly [name: string, scenario: string, rule: string, breakIt: Break])[] =
  [
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
      (f) =>
        edit(f.accuracy('accuracy'), (t) => t.replace('"token_count" : 8', '"token_count" : 9')),
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
        edit(f.accuracyText, (t) =>
          t.replace("'rouge2': 15.9075", "'rouge2': np.float64(15.9075)"),
        ),
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
      (f) =>
        edit(f.performance('detail'), (t) => t.replace('"is_error": false', '"is_error": true')),
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
    expect(line.map(({ rule }) => rule)).toEqual(['invalid-result']);
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
  expect(checkFolder(join(server, '..'), options)).toMatchObject({ errors: 0, warnings: 6 });
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

test('a folder at the top that is no division is told', () => {
  const errors = errorsOf('Offline', (f) => mkdirSync(join(f.path, '../../../../../../close')));
  expect(errors.map(({ rule }) => rule)).toEqual(['unknown-folder']);
});

test('too few queries are told although the log asked for fewer', () => {
  const errors = errorsOf('Server', (f) =>
    edit(f.performance('detail'), setKey('result_query_count', '400')),
  );
  expect(errors.map(({ rule }) => rule)).toEqual(['query-count']);
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
  const call = async (...argv: string[]) => {
    const out = { stdout: '', stderr: '' };
    const streams = {
      stdout: { write: (text: string) => (out.stdout += text) },
      stderr: { write: (text: string) => (out.stderr += text) },
    };
    return { ...out, code: await main(['check', ...argv], streams), text: () => out };
  };
  const fine = await call(good, '--round', 'v6.0');
  expect(fine.code).toBe(0);
  expect(fine.text().stdout).toContain('OK  3 results by the rules of v6.0: 0 errors, 6 warnings');
  const other = await call(good, '--round', 'v6.1', '--json');
  expect(other.code).toBe(6);
  const report = JSON.parse(other.text().stdout) as { findings: Finding[] };
  expect(report.findings.find(({ rule }) => rule === 'wrong-seed')?.why).toContain('round v6.0');
  const nothing = await call(join(scratch, 'nowhere'));
  expect(nothing.code).toBe(2);
  expect(nothing.text().stderr).toContain('is not a folder');
});
