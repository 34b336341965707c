// Ctrl-C on the real program: what was measured is written, and no process stays.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPackageRoot } from '../../harness/package-root.js';

const program = join(findPackageRoot().folder, 'dist', 'harness', 'cli.js');

let folder = '';
beforeAll(() => {
  if (!existsSync(program)) throw new Error(`${program} is missing: npm run build`);
  folder = mkdtempSync(join(tmpdir(), 'loadmark-interrupt-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A run of the null system that would take minutes. */
function startLongRun(output: string, ...argv: string[]) {
  const slow = ['--sut', 'null', '--set', 'null_sut.delay_ms=200', '--json'];
  const child = spawn(process.execPath, [program, ...slow, '--output', output, ...argv]);
  const written = { stdout: '', stderr: '' };
  child.stdout.on('data', (text) => {
    written.stdout += text;
  });
  child.stderr.on('data', (text) => {
    written.stderr += text;
  });
  return { child, written, ended: waitForEnd(child) };
}

function waitForEnd(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', resolve));
}

/** Until LoadGen drives the pass, and a little longer. */
async function waitForPass(written: { readonly stderr: string }, pass: string): Promise<void> {
  while (!written.stderr.includes(`${pass} pass`)) await sleep(20);
  await sleep(600);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('an interrupted run', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s: writes what it has and exits with 130',
    async (signal) => {
      const output = join(folder, signal);
      const { child, written, ended } = startLongRun(output);
      await waitForPass(written, 'accuracy');
      const pid = child.pid ?? 0;
      expect(isAlive(pid)).toBe(true);
      child.kill(signal);
      expect(await ended).toBe(130);
      expect(isAlive(pid)).toBe(false);
      expect(written.stderr).toContain('interrupted');

      const run = JSON.parse(written.stdout);
      expect(run).toMatchObject({ valid: false, interrupted: true, performance: null });
      expect(run.invalidReasons.join()).toContain('interrupted');
      expect(run.accuracy.samplesIssued).toBe(1000);
      expect(run.accuracy.samplesScored).toBeLessThan(1000);
      expect(JSON.parse(readFileSync(join(output, 'run.json'), 'utf8'))).toEqual(run);
      for (const name of ['summary.txt', 'detail.txt', 'accuracy.json']) {
        expect(existsSync(join(output, 'accuracy', `mlperf_log_${name}`))).toBe(true);
      }
      const log = JSON.parse(
        readFileSync(join(output, 'accuracy', 'mlperf_log_accuracy.json'), 'utf8'),
      );
      expect(log.length).toBe(run.accuracy.samplesScored);
    },
  );

  it('has not met a target that its answers so far would meet', async () => {
    const model = join(folder, 'two-tokens.yaml');
    writeFileSync(model, 'accuracy: { tiny-orca: { references: { tokensPerSample: 2 } } }');
    const slots = ['--scenario', 'Server', '--set', 'server.accuracy_qps=50'];
    const { child, written, ended } = startLongRun(join(folder, 'met'), '--model', model, ...slots);
    await waitForPass(written, 'accuracy');
    await sleep(1000);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    const { accuracy } = JSON.parse(written.stdout);
    expect(accuracy.samplesScored).toBeGreaterThan(0);
    expect(accuracy.targets).toMatchObject([{ metric: 'tokensPerSample', pass: true }]);
    expect(accuracy.passed).toBe(false);
  });

  it('is INVALID in Server too, with the figures so far', async () => {
    const output = join(folder, 'server');
    const server = ['--scenario', 'Server', '--target-qps', '4', '--mode', 'performance'];
    const { child, written, ended } = startLongRun(output, ...server);
    await waitForPass(written, 'performance');
    await sleep(1000);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    const run = JSON.parse(written.stdout);
    expect(run).toMatchObject({ valid: false, interrupted: true, accuracy: null });
    expect(run.performance.issuedSamples).toBeGreaterThan(0);
    expect(run.performance.completedSamples).toBeLessThanOrEqual(run.performance.issuedSamples);
  });

  it('counts a repeated signal of one keystroke once', async () => {
    const output = join(folder, 'twice');
    const { child, written, ended } = startLongRun(output);
    await waitForPass(written, 'accuracy');
    child.kill('SIGINT');
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(existsSync(join(output, 'run.json'))).toBe(true);
  });
});
