// TEST06's checks on logs that C++ LoadGen wrote and on logs broken on purpose.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  checkConsistency,
  formatVerification,
  readAuditedLog,
  readEosIds,
} from '../../../harness/audit/index.js';
import { findPackageRoot } from '../../../harness/package-root.js';

interface Entry {
  readonly tokens: readonly number[];
  readonly first?: readonly number[];
  readonly count?: number;
}

function hex(tokens: readonly number[]): string {
  const bytes = Buffer.alloc(4 * tokens.length);
  tokens.forEach((token, at) => void bytes.writeInt32LE(token, 4 * at));
  return bytes.toString('hex').toUpperCase();
}

/** A log of these answers; sample 10 is row 20, 11 is 21 and so on. */
function logOf(...entries: Entry[]): string {
  const records = entries.map(
    ({ tokens, first = tokens.slice(0, 1), count = tokens.length }, at) => ({
      seq_id: 10 + at,
      qsl_idx: 20 + at,
      data: hex(tokens),
      token_data: hex(first),
      token_count: count,
    }),
  );
  return JSON.stringify(records);
}

function check(log: string, scenario = 'Server', eosIds = [2, 7]) {
  return checkConsistency(readAuditedLog(log, 'log'), { scenario, eosIds });
}

const good: Entry = { tokens: [5, 6, 2] };

describe('TEST06', () => {
  it('passes answers that begin, end and count as reported', () => {
    const report = check(logOf(good, { tokens: [9, 8] }, { tokens: [2, 5, 7] }, { tokens: [2] }));
    expect(report).toMatchObject({ passed: true, answers: 4 });
    expect(formatVerification(report)).toBe(
      'First token check pass: True\nEOS check pass: True\nSample length check pass: True\n',
    );
  });

  it.each([
    ['firstToken', { tokens: [5, 6, 2], first: [4] }, /token 0 was reported as 4, .* has 5 there/],
    ['firstToken', { tokens: [5, 6, 2], first: [5, 9] }, /token 1 was reported as 9/],
    ['firstToken', { tokens: [5, 6, 2], first: [] }, /no first token/],
    ['firstToken', { tokens: [5], first: [5, 5] }, /has nothing there/],
    ['endOfSequence', { tokens: [5, 6, 2, 2] }, /ends 2 times: 2,2/],
    ['endOfSequence', { tokens: [5, 6, 2, 7] }, /ends 2 times: 2,7/],
    // MLCommons' script never looks at the first token of an answer.
    ['endOfSequence', { tokens: [2, 2] }, /ends 2 times/],
    ['sampleLength', { tokens: [5, 6, 2], count: 2 }, /has 3 tokens, and 2 were counted/],
  ] as const)('fails %s alone on %j, naming the sample', (name, broken, reason) => {
    const report = check(logOf(good, broken));
    expect(report.passed).toBe(false);
    for (const [other, { status }] of Object.entries(report.checks)) {
      expect(status).toBe(other === name ? 'failed' : 'passed');
    }
    const { failures } = report.checks[name];
    expect(failures).toEqual([
      { seqId: 11, qslIdx: 21, reason: expect.stringMatching(reason) as string },
    ]);
    expect(formatVerification(report).match(/: False$/gm)).toHaveLength(1);
  });

  it('asks for no first token in Offline, and checks the rest', () => {
    const report = check(logOf({ tokens: [5, 6, 2], first: [4] }), 'Offline');
    expect(report.passed).toBe(true);
    expect(formatVerification(report)).toMatch(/^First token check pass: Skipped\n/);
    expect(check(logOf({ tokens: [5, 2, 2] }), 'Offline').passed).toBe(false);
  });

  it('fails a log without answers, an empty answer, and what it cannot read', () => {
    expect(check('[\n]\n').passed).toBe(false);
    expect(check(logOf({ tokens: [] })).checks.sampleLength.status).toBe('failed');
    const cut = logOf(good).replace('05000000', '0500000');
    expect(check(cut).checks.sampleLength.failures[0]?.reason).toMatch(/no list of 32-bit tokens/);
    expect(check('[null]').passed).toBe(false);
    expect(() => check('{}')).toThrow(/log: is not an array/);
    expect(() => check('[')).toThrow(/log: is not JSON/);
  });

  it('takes the ends of sequence from all of a model’s files', async () => {
    const models = join(findPackageRoot().folder, 'configs', 'models');
    expect(await readEosIds(join(models, 'tiny'))).toEqual([1]);
    const folder = mkdtempSync(join(tmpdir(), 'loadmark-eos-'));
    expect(await readEosIds(folder)).toEqual([]);
    writeFileSync(join(folder, 'generation_config.json'), '{"eos_token_id": [128009, 128001]}');
    writeFileSync(join(folder, 'config.json'), '{"eos_token_id": 128008}');
    expect(await readEosIds(folder)).toEqual([128001, 128008, 128009]);
    rmSync(folder, { recursive: true });
  });
});
