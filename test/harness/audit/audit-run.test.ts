// `bench run --audit TEST06` on the null system: what it asks of LoadGen, what it writes and how it ends.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callBench } from '../bench-call.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-audit-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function bench(...argv: string[]) {
  return callBench('--sut', 'null', '--quiet', ...argv);
}

/** The null system answers with two tokens of id 0; the built-in model ends its answers with 1. */
function audit(name: string, ...argv: string[]) {
  return bench('--audit', 'TEST06', '--output', join(folder, name), ...argv);
}

function read(...path: string[]): string {
  return readFileSync(join(folder, ...path), 'utf8');
}

describe('bench --audit TEST06', () => {
  it('logs a hundred answers of a performance pass and passes, in Server too, which is too short to be VALID', async () => {
    const { code, stdout, stderr } = await audit(
      'server',
      '--scenario',
      'Server',
      '--target-qps',
      '2000',
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^INVALID/);
    expect(stdout).toMatch(/\nAudit {7}TEST06: pass, 100 answers logged, ending in 1\n/);
    expect(stdout).toMatch(/first token +pass\n.*end of sequence +pass\n.*sample length +pass\n/);
    const run = JSON.parse(read('server', 'run.json'));
    expect(run).toMatchObject({ mode: 'performance', accuracy: null });
    expect(run.audit).toMatchObject({ test: 'TEST06', passed: true, answers: 100, eosIds: [1] });
    expect(run.config.mlperf.audit).toBe('TEST06');
    expect(run.settings.confFiles.auditConf.path).toMatch(/configs\/audits\/TEST06\.conf$/);
    expect(run.settings.effective).toMatchObject({
      minQueryCount: 100,
      minDurationMs: 0,
      accuracyLogRngSeed: '720381539243781796',
      accuracyLogSamplingTarget: 100,
      sampleConcatenatePermutation: false,
    });
    expect(JSON.parse(read('server', 'performance/run_1/mlperf_log_accuracy.json'))).toHaveLength(
      100,
    );
    expect(readdirSync(join(folder, 'server', 'TEST06')).sort()).toEqual([
      'verify_accuracy.json',
      'verify_accuracy.txt',
    ]);
    expect(read('server', 'TEST06/verify_accuracy.txt')).toBe(
      'First token check pass: True\nEOS check pass: True\nSample length check pass: True\n',
    );
    expect(JSON.parse(read('server', 'TEST06/verify_accuracy.json'))).toEqual(run.audit);
    expect(read('server', 'performance/run_1/mlperf_log_detail.txt')).toContain(
      'Found Audit Config file',
    );
  });

  it('fails with exit 7 and names samples where answers end twice', async () => {
    const { code, stdout } = await audit('twice', '--audit-eos', '5,0');
    expect(code).toBe(7);
    expect(stdout).toMatch(/Audit {7}TEST06: FAIL, 100 answers logged, ending in 5 or 0\n/);
    expect(stdout).toMatch(/first token +skipped in Offline/);
    expect(stdout).toMatch(/end of sequence +FAIL\n +sample \d+ \(row \d+\): it ends 2 times: 0,0/);
    expect(stdout).toContain('and 95 more in TEST06/verify_accuracy.json');
    expect(read('twice', 'TEST06/verify_accuracy.txt')).toBe(
      'First token check pass: Skipped\nEOS check pass: False\nSample length check pass: True\n',
    );
    expect(JSON.parse(read('twice', 'run.json')).audit.checks.endOfSequence.failures).toHaveLength(
      100,
    );
  });

  it('is refused where it cannot be held, before anything is started', async () => {
    const model = join(folder, 'bare.yaml');
    writeFileSync(model, `name: bare\npath: ${folder}\n`);
    const conf = join(folder, 'own.conf');
    writeFileSync(conf, '*.*.min_query_count = 50\n');
    const output = join(folder, 'refused');
    for (const [argv, message] of [
      [
        ['--audit-conf', conf],
        '--audit: TEST06 has an audit file of its own; allowed: --audit or --audit-conf',
      ],
      [['--mode', 'accuracy'], 'an audit is a performance pass, and mode is accuracy'],
      [['--accuracy'], 'an audit is a performance pass, and mode is accuracy'],
      [
        ['--dataset', 'tiny-mmlu'],
        'TEST06 compares tokens, and the answers of tiny-mmlu are choices',
      ],
      [['--model', model], 'no file in'],
      [['--audit-eos', 'two'], '--audit-eos: mlperf.audit_eos is "two"; allowed: token ids'],
      [['--audit', 'TEST07'], '"TEST07" is not in this version'],
      [['--audit', 'TEST6'], '(did you mean "TEST06"?)'],
    ] as const) {
      const { code, stderr } = await audit('refused', ...argv);
      expect(stderr).toContain(message);
      expect(code).toBe(2);
      expect(existsSync(output)).toBe(false);
    }
  });
});
