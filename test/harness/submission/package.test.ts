// From runs to a submission: the scripted system at MLPerf's full length on the virtual clock, Offline and Server, each
// audited, packaged for both divisions, and found right by bench check. (MLCommons' own checker, round v6.0, ends with
// exit 0 and Results=2 on such trees; it needs Python and is run by hand.)

import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../../../datasets/index.js';
import type { PackageReport } from '../../../harness/report/package-report.js';
import { SubmitterFolder } from '../../../harness/submission/submission-tree.js';
import { callBench } from '../bench-call.js';
import { fillSystem } from './filled-system.js';

const scratch = mkdtempSync(join(tmpdir(), 'loadmark-package-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const benchmark = 'llama3.1-8b';
const rows = 13_368;
const files = {
  rows: join(scratch, 'rows.jsonl'),
  script: join(scratch, 'script.yaml'),
  config: join(scratch, 'run.yaml'),
  system: join(scratch, 'box.json'),
};
const runs = {
  offline: join(scratch, 'offline'),
  server: join(scratch, 'server'),
  offlineAudit: join(scratch, 'offline-audit'),
  serverAudit: join(scratch, 'server-audit'),
};

/** Answers of some 611 characters, as the benchmark's are. */
function writeRows(): void {
  const dataset = openDataset('tiny-orca', 'test');
  const answers = Array.from({ length: dataset.length }, (_, index) => {
    const sample = dataset.sample(index);
    return sample.kind === 'generation' ? sample.reference : '';
  });
  const lines = Array.from({ length: rows }, (_, row) => {
    let reference = answers[row % answers.length]!;
    for (let i = 1; reference.length < 590; i++) {
      reference += ` ${answers[(row + 131 * i) % answers.length]}`;
    }
    return JSON.stringify({ id: `row-${row}`, prompt: `Question ${row}`, reference });
  });
  writeFileSync(files.rows, `${lines.join('\n')}\n`);
}

const script = `
time_to_first_token: { base_ms: 100, spread_ms: 200 }
time_per_output_token: { base_ms: 10, spread_ms: 10 }
slots: 256
answers: { degrade: 0.05 }
`;

const config = `
name: packaged
model: tiny-int4
dataset: ${files.rows}
sut: scripted
clock: virtual
scripted: { script: ${files.script} }
seeds: { round: v6.0 }
offline: { min_duration_s: 600, target_qps: 60 }
server: { min_duration_s: 600, target_qps: 5, accuracy_qps: 1000, min_query_count: 2000, ttft_ms: 2000, tpot_ms: 100 }
`;

beforeAll(async () => {
  writeRows();
  writeFileSync(files.script, script);
  writeFileSync(files.config, config);
  const template = await callBench('package', '--print-system-template');
  expect(template.code).toBe(0);
  writeFileSync(files.system, fillSystem(template.stdout));
  const run = async (scenario: string, output: string, ...more: string[]) => {
    const common = [
      '--config',
      files.config,
      '--scenario',
      scenario,
      '--output',
      output,
      '--quiet',
    ];
    const { code, stdout } = await callBench(...common, ...more);
    expect(code, stdout).toBe(0);
  };
  await run('Offline', runs.offline);
  await run('Server', runs.server);
  const audit = ['--mode', 'performance', '--audit', 'TEST06'];
  await run('Offline', runs.offlineAudit, ...audit);
  await run('Server', runs.serverAudit, ...audit);
}, 240_000);

function pack(division: string, out: string, folders: readonly string[], ...more: string[]) {
  const names = ['--division', division, '--submitter', 'Somebody', '--system', files.system];
  const rest = ['--round', 'v6.0', '--benchmark', benchmark, '--out', join(scratch, out)];
  return callBench('package', ...folders, ...names, ...rest, ...more);
}

describe.each(['open', 'closed'] as const)('a %s submission', (division) => {
  const out = `tree-${division}`;
  const place = new SubmitterFolder(join(scratch, out), division, 'Somebody');

  test('is written whole and has no error', async () => {
    const { code, stdout, stderr } = await pack(division, out, Object.values(runs), '--json');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as PackageReport;
    expect(report.check.errors).toBe(0);
    const simulated = report.check.findings.filter(({ rule }) => rule === 'simulated-run');
    expect(simulated.map(({ value }) => value)).toEqual(
      Array(2).fill('virtual clock, system under test scripted'),
    );
    expect(report.check.results).toHaveLength(2);
    expect(report.files).toHaveLength(2 + 2 * 14);
    for (const { path, bytes } of report.files) {
      expect(readFileSync(join(report.tree, path)).length, path).toBe(bytes);
    }
    const check = await callBench('check', report.tree, '--round', 'v6.0');
    expect(check.code).toBe(0);
  });

  test('cuts the accuracy log and keeps the hash of the whole one', () => {
    for (const [scenario, run] of [
      ['Offline', runs.offline],
      ['Server', runs.server],
    ] as const) {
      const folder = place.result('box', benchmark, scenario);
      const whole = readFileSync(join(run, 'accuracy', 'mlperf_log_accuracy.json'), 'utf8');
      const cut = readFileSync(folder.accuracy('accuracy'), 'utf8');
      expect(cut).toHaveLength(8199);
      expect(cut.slice(0, 4096)).toBe(whole.slice(0, 4096));
      expect(cut.slice(-4096)).toBe(whole.slice(-4096));
      const hash = createHash('sha256').update(whole).digest('hex');
      expect(readFileSync(folder.accuracyText, 'utf8')).toMatch(new RegExp(`\nhash=${hash}\n$`));
    }
  });

  test('says of itself that nothing was measured and that it is no MLPerf result', () => {
    const text = readFileSync(place.result('box', benchmark, 'Server').readme, 'utf8');
    expect(text).toContain('this is not an MLPerf result');
    expect(text).toContain('scripted: nothing was computed');
    expect(text).toContain('virtual: the times are simulated');
    expect(text).toContain('## TEST06');
  });

  test('holds the evidence of the audit', () => {
    const verdict = readFileSync(
      place.result('box', benchmark, 'Server').audit('TEST06').verdict,
      'utf8',
    );
    expect(verdict).toBe(
      'First token check pass: True\nEOS check pass: True\nSample length check pass: True\n',
    );
    const log = readFileSync(
      place.result('box', benchmark, 'Offline').audit('TEST06').accuracyLog,
      'utf8',
    );
    expect(JSON.parse(log).length).toBeGreaterThan(50);
  });
});

describe('what cannot be packaged is refused before anything is written', () => {
  const refused = async (message: string, ...call: Parameters<typeof pack>) => {
    const { code, stderr } = await pack(...call);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(existsSync(join(scratch, call[1]))).toBe(false);
  };

  test('a pass that is missing, and an audit that the closed division asks for', async () => {
    await refused('has no performance pass', 'open', 'none', [runs.serverAudit]);
    await refused('has no audit, which the closed division asks for', 'closed', 'none', [
      runs.offline,
    ]);
  });

  test('two runs for one place', async () => {
    const copy = join(scratch, 'copy');
    cpSync(runs.offline, copy, { recursive: true });
    await refused('has the performance pass of llama3.1-8b/Offline, and so has', 'open', 'none', [
      runs.offline,
      copy,
    ]);
  });

  test('an INVALID run, other seeds, a failed audit: all at once', async () => {
    const edited = (name: string, from: string, change: (text: string) => string) => {
      const folder = join(scratch, name);
      cpSync(from, folder, { recursive: true });
      const file = join(folder, 'run.json');
      const text = readFileSync(file, 'utf8');
      expect(change(text)).not.toBe(text);
      writeFileSync(file, change(text));
      return folder;
    };
    const invalid = edited('invalid', runs.offline, (t) =>
      t.replace('"valid": true', '"valid": false'),
    );
    const seeds = edited('seeds', runs.server, (t) =>
      t.replaceAll('3936089224930324775', '3936089224930324776'),
    );
    const audit = edited('failed', runs.serverAudit, (t) =>
      t.replace('"passed": true', '"passed": false'),
    );
    const { stderr, code } = await pack('open', 'none', [invalid, seeds, audit]);
    expect(code).toBe(2);
    expect(stderr).toContain('is INVALID');
    expect(stderr).toContain(
      'the seeds are not those of v6.0; allowed: a run with --set seeds.round=v6.0',
    );
    expect(stderr).toContain('failed TEST06; allowed: audits that were passed');
  });

  test('a benchmark of another round, a system without a field, a folder in use', async () => {
    const system = JSON.parse(readFileSync(files.system, 'utf8')) as Record<string, string>;
    delete system.cooling;
    const bad = join(scratch, 'bad.json');
    writeFileSync(bad, JSON.stringify(system));
    const names = ['--division', 'open', '--submitter', 'Somebody', '--system', bad];
    const rest = ['--round', 'v6.1', '--benchmark', 'mixtral-8x7b', '--out', runs.offline];
    const { stderr, code } = await callBench('package', runs.offline, ...names, ...rest);
    expect(code).toBe(2);
    expect(stderr).toContain('--benchmark: the benchmark is "mixtral-8x7b"; allowed in v6.1: ');
    expect(stderr).toContain('"cooling" with a text');
    expect(stderr).toContain('is not empty; allowed: a new or empty folder');
  });

  test('nothing named', async () => {
    const { stderr, code } = await callBench('package');
    expect(code).toBe(2);
    for (const name of ['--division', '--submitter', '--system', '--round', '--out', 'RUNS']) {
      expect(stderr).toContain(`${name}: `);
    }
  });
});
