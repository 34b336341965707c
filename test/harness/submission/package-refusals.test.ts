// What `bench package` refuses, and that a refusal writes nothing and leaves runs as they were: short runs of the null
// system on the virtual clock, and copies of them that say something else.
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../../harness/cli.js';
import { findPackageRoot } from '../../../harness/package-root.js';
import type { RunRecord } from '../../../harness/run-record.js';
import { SubmitterFolder } from '../../../harness/submission/submission-tree.js';
import { fillSystem } from './filled-system.js';

let folder = '';

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

/** 4 ms a sample, each answered with 64 tokens of id 0, which ends no answer of the model. */
async function run(name: string, ...argv: string[]) {
  const set = ['null_sut.delay_ms=4', 'null_sut.output_tokens=64', 'server.min_query_count=500'];
  const common = ['--sut', 'null', '--clock', 'virtual', '--samples', '40', '--quiet'];
  const model = ['--model', join(folder, 'model.yaml'), '--min-duration', '0.1'];
  const where = ['--output', join(folder, name), '--target-qps', '10'];
  return bench(...common, ...model, ...where, ...argv, '--set', ...set);
}

const server = ['--scenario', 'Server'];
const audit = ['--audit', 'TEST06'];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-refusals-'));
  const checkpoint = join(findPackageRoot().folder, 'configs', 'models', 'tiny');
  writeFileSync(join(folder, 'model.yaml'), `name: unjudged\npath: ${checkpoint}\n`);
  const template = await bench('package', '--print-system-template');
  writeFileSync(join(folder, 'box.json'), fillSystem(template.stdout));
  const codes = [
    await run('offline'),
    await run('server', ...server, '--mode', 'performance'),
    await run('server-accuracy', ...server, '--accuracy'),
    await run('server-audit', ...server, ...audit),
  ].map(({ code, stderr }) => `${code}${stderr}`);
  expect(codes).toEqual(['0', '0', '0', '0']);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Stderr names the files as the tests do. */
async function pack(runs: readonly string[], out: string, ...argv: string[]) {
  const { code, stdout, stderr } = await bench(
    'package',
    ...runs.map((name) => join(folder, name)),
    ...['--division', 'open', '--submitter', 'Example', '--system', join(folder, 'box.json')],
    ...['--round', 'v6.1', '--benchmark', 'llama2-70b-99.9', '--out', join(folder, out), ...argv],
  );
  return { code, stdout, stderr: stderr.replaceAll(`${folder}/`, '') };
}

function digestFolder(path: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}

/** Expects these faults, one line each, and nothing written; returns the lines. */
async function refused(runs: readonly string[], faults: readonly string[], ...argv: string[]) {
  const before = digestFolder(folder);
  const { code, stderr } = await pack(runs, 'refused', ...argv);
  for (const fault of faults) expect(stderr).toContain(fault);
  expect(code).toBe(2);
  expect(stderr.trimEnd().split('\n')).toHaveLength(faults.length);
  expect(existsSync(join(folder, 'refused'))).toBe(false);
  expect(digestFolder(folder)).toBe(before);
}

/** A copy of a run whose run.json says something else. */
function alter(name: string, from: string, change: (record: RunRecord) => object): string {
  cpSync(join(folder, from), join(folder, name), { recursive: true });
  const file = join(folder, name, 'run.json');
  const record: RunRecord = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...record, ...change(record) }));
  return name;
}

describe('bench package refuses', () => {
  it('runs that are INVALID, interrupted, audited by hand or failed their audit', async () => {
    const slow = ['--mode', 'performance', '--min-duration', '9', '--target-qps', '1'];
    expect((await run('invalid', ...slow)).code).toBe(3);
    const conf = join(folder, 'audit.conf');
    writeFileSync(conf, '*.*.min_query_count = 40\n');
    await run('by-hand', ...server, '--mode', 'performance', '--audit-conf', conf);
    expect((await run('failed', ...audit, '--audit-eos', '0')).code).toBe(7);
    const loop = alter('loop', 'server', ({ settings }) => {
      const effective = { ...settings!.effective, maxAsyncQueries: 2 };
      return { scenario: 'SingleStream', settings: { ...settings, effective } };
    });
    const cut = alter('cut', 'server-accuracy', () => ({ interrupted: true }));
    const peak = alter('peak', 'server', () => ({ mode: 'find-peak' }));
    await refused(
      ['invalid', 'by-hand', 'failed', loop, cut, peak],
      [
        'invalid: is INVALID (performance: Increase expected QPS',
        'by-hand: was made with the audit file',
        'by-hand: is INVALID (performance: Early stopping',
        'failed: failed TEST06',
        'loop: performance: the log is of Server, and run.json of SingleStream',
        'loop: had 2 queries in flight; allowed: single_stream.concurrency=1',
        'cut: was interrupted; allowed: runs that came to their end',
        'peak: mode is find-peak; allowed: submission, performance, accuracy',
      ],
    );
  });

  it('a run whose log is INVALID, whatever run.json says', async () => {
    const edited = alter('edited', 'invalid', () => ({ valid: true, invalidReasons: [] }));
    await refused(
      [edited],
      ['edited: performance: result_validity of the log is INVALID; allowed: VALID'],
    );
  });

  it('measurements that only the submitter knows and left open, and takes them from either file', async () => {
    const box = JSON.parse(readFileSync(join(folder, 'box.json'), 'utf8'));
    const open = { ...box, measurements: { input_data_types: 'int32', retraining: '' } };
    const file = join(folder, 'open.json');
    writeFileSync(file, JSON.stringify(open));
    await refused(
      ['offline'],
      ['open.json: has "" for "retraining" in "measurements", which only the submitter knows; '],
      ...['--system', file],
    );
    const extra = join(folder, 'extra.json');
    writeFileSync(extra, '{ "retraining": "Yes", "weight_transformations": "none" }');
    const { stderr } = await pack(
      ['offline'],
      'measured',
      '--system',
      file,
      '--measurements',
      extra,
    );
    expect(stderr).toBe('');
    const place = new SubmitterFolder(join(folder, 'measured'), 'open', 'Example');
    const result = place.result('open', 'llama2-70b-99.9', 'Offline');
    expect(JSON.parse(readFileSync(result.measurements, 'utf8'))).toMatchObject({
      input_data_types: 'int32',
      retraining: 'Yes',
      weight_transformations: 'none',
    });
    expect(readFileSync(place.system('open'), 'utf8')).not.toContain('measurements');
    rmSync(join(folder, 'measured'), { recursive: true });
  });

  it('a system file as the template leaves it, with the values that are allowed', async () => {
    const template = await bench('package', '--print-system-template');
    const file = join(folder, 'empty.json');
    writeFileSync(file, template.stdout);
    const { stderr } = await pack(['offline'], 'refused', '--system', file);
    expect(stderr).toContain('has "" for "status" of "available", "preview", "rdi"');
    expect(stderr).toContain('has "" for "system_type" of "datacenter", "edge", "datacenter,edge"');
    expect(stderr).toContain('has "" for "input_data_types" in "measurements"');
  });

  it('seeds of no round, by the log as well as by run.json', async () => {
    await run('seeded', '--accuracy', '--seed', '7');
    await refused(
      ['seeded'],
      [
        'seeded: the seeds are not those of v6.1',
        'seeded: accuracy: effective_qsl_rng_seed is 7; allowed in v6.1: 2085463073848966840',
        'effective_sample_index_rng_seed is 7',
        'effective_schedule_rng_seed is 7',
      ],
    );
    // Off by one, where a double does not tell the two apart.
    cpSync(join(folder, 'offline'), join(folder, 'nudged'), { recursive: true });
    const log = join(folder, 'nudged', 'performance', 'run_1', 'mlperf_log_detail.txt');
    const text = readFileSync(log, 'utf8');
    writeFileSync(log, text.replaceAll('2085463073848966840', '2085463073848966841'));
    await refused(
      ['nudged'],
      ['nudged: performance: effective_qsl_rng_seed is 2085463073848966841; allowed in v6.1: '],
    );
  });

  it('an audit whose answers do not pass any more', async () => {
    cpSync(join(folder, 'server-audit'), join(folder, 'edited'), { recursive: true });
    const log = join(folder, 'edited', 'performance', 'run_1', 'mlperf_log_accuracy.json');
    const text = readFileSync(log, 'utf8');
    writeFileSync(log, text.replace('"token_count" : 64', '"token_count" : 63'));
    await refused(
      ['server', 'server-accuracy', 'edited'],
      ['edited: the answers of TEST06 do not pass any more'],
    );
  });

  it('runs of another machine, model, dataset or system in one place', async () => {
    const changes = {
      machine: ({ system }: RunRecord) => ({ system: { ...system, cores: 9999 } }),
      data: ({ dataset }: RunRecord) => ({ dataset: { ...dataset, digest: 'f00d' } }),
      model: ({ model }: RunRecord) => ({ model: { ...model, name: 'another' } }),
      real: () => ({ clock: 'real' }),
    };
    for (const [name, change] of Object.entries(changes)) {
      alter(name, 'server-accuracy', change);
    }
    await refused(['server', 'machine'], ['machine: was made on another system (']);
    await refused(
      ['server', 'data'],
      ['data: the dataset of llama2-70b-99.9/Server is tiny-orca f00d'],
    );
    await refused(
      ['server', 'model'],
      ['model: the model of llama2-70b-99.9/Server is another here'],
    );
    await refused(['server', 'real'], ['real: the clock of llama2-70b-99.9/Server is real here']);
  });

  it('a run given twice, under whatever name, and a closed division without its scenarios', async () => {
    symlinkSync(join(folder, 'offline'), join(folder, 'again'));
    const place = 'pass of llama2-70b-99.9/Offline, and so has';
    await refused(
      ['offline', 'again'],
      [
        'again: is given twice; allowed: each run once',
        `again: has the performance ${place}`,
        `again: has the accuracy ${place}`,
      ],
    );
    rmSync(join(folder, 'again'));
    await refused(
      ['server', 'server-accuracy', 'server-audit'],
      ['llama2-70b-99.9: has no Offline, which only the open division goes without; given: Server'],
      '--division',
      'closed',
    );
  });

  it('to write over a file, into a folder in use or into a run', async () => {
    mkdirSync(join(folder, 'full'));
    writeFileSync(join(folder, 'full', 'note.txt'), 'mine');
    for (const [out, message] of [
      ['box.json', '--out: "box.json" is not a folder; allowed: a new or empty folder'],
      ['full', '--out: "full" is not empty'],
      ['offline/tree', '--out: lies in the run offline, which is not to be changed'],
    ] as const) {
      await refused(['offline'], [message], '--out', join(folder, out));
    }
  });

  it('links that lead out of a run, and logs that are gone, before anything is written', async () => {
    cpSync(join(folder, 'offline'), join(folder, 'linked'), { recursive: true });
    const log = join(folder, 'linked', 'accuracy', 'mlperf_log_detail.txt');
    rmSync(log);
    symlinkSync(join(folder, 'offline', 'accuracy', 'mlperf_log_detail.txt'), log);
    rmSync(join(folder, 'linked', 'performance', 'run_1', 'mlperf_log_summary.txt'));
    await refused(
      ['linked'],
      [
        'linked: accuracy/mlperf_log_detail.txt is a link that leads out of the run',
        'linked: performance/run_1/mlperf_log_summary.txt is missing',
      ],
    );
  });

  it('a run.json that is none', async () => {
    mkdirSync(join(folder, 'empty'));
    const old = alter('old', 'offline', () => ({ schema: 'other/1' }));
    const bare = alter('bare', 'offline', () => ({ system: { cpu: 5 }, valid: 'yes' }));
    const text = alter('text', 'offline', () => ({}));
    writeFileSync(join(folder, text, 'run.json'), 'VALID');
    await refused(
      ['empty', 'box.json', old, bare, text],
      [
        'empty: run.json is missing; allowed: folders that bench run wrote',
        'box.json: run.json is missing',
        'old/run.json: schema is "other/1"; allowed: loadmark/run/1',
        'bare/run.json: has no usable valid, system.cores, system.memoryBytes, system.gpus, system.cpu, system.os',
        'text/run.json: is not JSON',
      ],
    );
  });
});

describe('bench package writes', () => {
  it('the whole tree or nothing, into an empty folder too, and no run is changed', async () => {
    const runs = ['offline', 'server', 'server-accuracy', 'server-audit'];
    const digests = () => runs.map((name) => digestFolder(join(folder, name)));
    const before = digests();
    mkdirSync(join(folder, 'tree'));
    // Forty rows are no whole data set: the tree is written, and its check says so.
    const { code, stdout } = await pack(runs, 'tree');
    expect(code).toBe(6);
    expect(stdout).toContain('NOT OK');
    expect(readdirSync(join(folder, 'tree'))).toEqual(['open']);
    expect(digests()).toEqual(before);
    expect(readdirSync(folder).filter((name) => name.includes('draft'))).toEqual([]);
    const { stderr, code: refusal } = await pack(runs, 'box.json/tree');
    expect(refusal).toBe(2);
    expect(stderr).toContain('--out: "box.json/tree" cannot be written: ');
  });
});
