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
