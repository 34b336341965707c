// From a run to a submission, at the full length of MLPerf: llama2-70b-99 over 24,576 rows, Offline and Server, each with
// TEST06, on the virtual clock; packaged as open and as closed, and checked.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../datasets/index.js';
import { main } from '../../harness/cli.js';
import { findPackageRoot } from '../../harness/package-root.js';

const rows = 24_576;
/** Passes of this size take half a minute where two processors do other work besides. */
const timeoutMs = 240_000;
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-chain-'));
  writeFileSync(join(folder, 'orca.jsonl'), writeRows());
  writeFiles();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As many rows as OpenOrca's, with answers as long as the benchmark's: eight or nine of tiny-orca's, one after the other. */
function writeRows(): string {
  const dataset = openDataset('tiny-orca', 'test');
  const rowAt = (index: number) => {
    const sample = dataset.sample(index % dataset.length);
    if (sample.kind !== 'generation') throw new Error('tiny-orca is answered with text');
    return sample;
  };
  const lines = Array.from({ length: rows }, (_, row) => {
    const references = Array.from({ length: row % 9 < 7 ? 9 : 8 }, (_, part) => {
      return rowAt(7 * row + 131 * part).reference;
    });
    const { prompt } = rowAt(row);
    return JSON.stringify({ id: `orca-${row}`, prompt, reference: references.join(' ') });
  });
  return `${lines.join('\n')}\n`;
}

function writeFiles(): void {
  const model = join(findPackageRoot().folder, 'configs', 'models', 'tiny');
  const write = (name: string, ...lines: string[]) =>
    writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  write('model.yaml', 'name: llama2-70b-99', `path: ${model}`);
  write(
    'script.yaml',
    'time_to_first_token: { base_ms: 100, spread_ms: 200 }',
    'time_per_output_token: { base_ms: 2, spread_ms: 1 }',
    'slots: 64',
    'answers: { eos: once }',
  );
  write(
    'run.yaml',
    'name: chain',
    `model: ${join(folder, 'model.yaml')}`,
    `dataset: ${join(folder, 'orca.jsonl')}`,
    'sut: scripted',
    `scripted: { script: ${join(folder, 'script.yaml')} }`,
    'clock: virtual',
    'offline: { target_qps: 70, min_duration_s: 600 }',
    'server: { target_qps: 5, accuracy_qps: 60, min_duration_s: 600, min_query_count: 662 }',
    'seeds: { round: v6.0 }',
  );
}

async function bench(...argv: string[]) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const code = await main(argv, { stdout: stream('stdout'), stderr: stream('stderr') });
  return { code, ...written };
}

async function run(name: string, ...argv: string[]): Promise<void> {
  const config = ['--config', join(folder, 'run.yaml'), '--output', join(folder, name), '--quiet'];
  const { code, stderr } = await bench(...config, ...argv);
  expect(stderr).toBe('');
  expect(code).toBe(0);
}

describe('the way from runs to a submission', () => {
  it.each(['Offline', 'Server'])(
    'runs %s at full length, and its audit',
    async (scenario) => {
      await run(scenario, '--scenario', scenario);
      await run(`${scenario}-TEST06`, '--scenario', scenario, '--audit', 'TEST06');
      const record = JSON.parse(readFileSync(join(folder, scenario, 'run.json'), 'utf8'));
      expect(record).toMatchObject({ valid: true, clock: 'virtual', sut: { kind: 'scripted' } });
      expect(record.performance.durationSeconds).toBeGreaterThanOrEqual(600);
      expect(record.accuracy.samplesScored).toBe(rows);
      expect(record.accuracy.metrics.tokensPerSample).toBeGreaterThan(265.005);
      expect(record.accuracy.metrics.tokensPerSample).toBeLessThan(323.895);
    },
    timeoutMs,
  );

  it.each(['open', 'closed'])(
    'packages them as %s, and bench check finds no error',
    async (division) => {
      const template = join(folder, `${division}-template.json`);
      await bench('package', '--system-template', template);
      const fields: Record<string, string> = JSON.parse(readFileSync(template, 'utf8'));
      for (const [key, value] of Object.entries(fields)) if (value === '') fields[key] = 'N/A';
      const own = { division, submitter: 'Example', status: 'rdi', system_type: 'datacenter' };
      const system = join(folder, `${division}-box.json`);
      writeFileSync(system, JSON.stringify({ ...fields, ...own }));
      const runs = ['Offline', 'Offline-TEST06', 'Server', 'Server-TEST06'];
      const tree = join(folder, division);
      const packed = await bench(
        'package',
        ...runs.map((name) => join(folder, name)),
        ...['--division', division, '--submitter', 'Example', '--system', system],
        ...['--round', 'v6.0', '--out', tree],
      );
      expect(packed.stderr).toBe('');
      expect(packed.code).toBe(0);

      const { code, stdout } = await bench('check', tree, '--round', 'v6.0', '--json');
      const report = JSON.parse(stdout);
      const errors = report.findings.filter(
        ({ severity }: { severity: string }) => severity === 'error',
      );
      expect(errors).toEqual([]);
      expect(code).toBe(0);
      expect(report.results).toHaveLength(2);
      // What is left says who wrote the logs.
      const rules = new Set(report.findings.map(({ rule }: { rule: string }) => rule));
      expect([...rules]).toEqual(['other-writer']);
    },
  );
});
