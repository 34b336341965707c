// Files that options name, in every command that has such an option: refused before any work where none can be written, no
// folder made above them, nothing left by the trial.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runBenchProgram } from '../../harness/bench-program.js';
import { checkOutputFile, writeOutput } from '../../harness/output-file.js';
import { callBench } from './bench-call.js';
import { makeRun, makeSamples } from './compare/made-runs.js';

const folder = mkdtempSync(join(tmpdir(), 'loadmark-output-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sides = ['baseline', 'candidate'].map((name) =>
  makeRun(join(folder, name), makeSamples(4, 10)),
);
const nowhere = join(folder, 'nowhere');

describe('a folder that is not there is not made', () => {
  it.each([
    ['--markdown', 'x.md', ['compare', ...sides]],
    ['--junit', 'x.xml', ['compare', ...sides, '--gate', 'speed=-3%']],
    ['--output', 'x.html', ['report', sides[0]!]],
    ['--output', 'accuracy.txt', ['score', join(sides[0]!, 'run.json')]],
  ])('for %s %s', async (option, name, argv) => {
    const { code, stdout, stderr } = await callBench(...argv, option, join(nowhere, name));
    const message = `${option}: "${join(nowhere, name)}" lies in "${nowhere}", which does not exist; allowed: a file in a folder that is there`;
    expect(stderr).toContain(message);
    expect([code, stdout]).toEqual([2, '']);
    expect(existsSync(nowhere)).toBe(false);
  });

  it('for --json of npm run bench:*, before anything is measured', async () => {
    let isRun = false;
    const program = {
      ...{ name: 'bench:none', usage: '[--json FILE]' },
      options: { json: { type: 'string' } },
      run: async () => {
        isRun = true;
      },
    } as const;
    expect(await runBenchProgram(program, ['--json', join(nowhere, 'x.json')])).toBe(2);
    expect(isRun).toBe(false);
    expect(await runBenchProgram(program, ['--json', join(folder, 'x.json')])).toBe(0);
    expect(isRun).toBe(true);
  });

  it('but --output DIR of a comparison is, and taken away again where nothing is compared', async () => {
    const made = join(nowhere, 'deep');
    const refused = await callBench('compare', sides[0]!, join(folder, 'none'), '--output', made);
    expect(refused.stderr).toContain('it does not exist; allowed: a run');
    expect([refused.code, existsSync(nowhere)]).toEqual([2, false]);
    expect((await callBench('compare', ...sides, '--output', made)).code).toBe(0);
    expect(readdirSync(made).sort()).toEqual(['comparison.json', 'comparison.md', 'report.html']);
    rmSync(nowhere, { recursive: true });
  });
});

describe('a file', () => {
  it.each([
    [folder, `"${folder}" is a folder; allowed: a file`],
    [join(sides[0]!, 'run.json', 'x.md'), 'run.json", which is a file; allowed: a file in'],
    ['/proc/x.md', '"/proc/x.md" cannot be written: '],
  ])('is not %s', async (path, message) => {
    const { code, stderr } = await callBench('compare', ...sides, '--markdown', path);
    expect(stderr).toMatch(/^bench: --markdown: /);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it('is told beside every other fault of the call', async () => {
    const files = ['--markdown', join(nowhere, 'x.md'), '--junit', join(nowhere, 'x.xml')];
    const { stderr } = await callBench('compare', sides[0]!, ...files);
    for (const told of ['there is one run;', '--markdown: "', '--junit: "', '--junit: has no']) {
      expect(stderr).toContain(told);
    }
  });

  it('is left as it is by the trial, and not there where it was not', () => {
    const [kept, absent] = [join(folder, 'kept.md'), join(folder, 'absent.md')];
    writeFileSync(kept, 'mine');
    for (const path of [kept, absent]) checkOutputFile(path, '--markdown');
    expect(readFileSync(kept, 'utf8')).toBe('mine');
    expect(existsSync(absent)).toBe(false);
    writeOutput(absent, 'text');
    expect(readFileSync(absent, 'utf8')).toBe('text');
  });

  it('that fails after the trial ends the command with 11', async () => {
    if (!existsSync('/dev/full')) return;
    const { code, stderr } = await callBench('compare', ...sides, '--markdown', '/dev/full');
    expect(stderr).toMatch(/^bench: "\/dev\/full" cannot be written: /);
    expect(code).toBe(11);
  });
});
