// `bench package` over runs of the null system: what the tree holds, what is refused, and that runs stay as they are.
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

/** A run on the virtual clock: 4 ms a sample, each answered with 64 tokens. */
async function run(name: string, ...argv: string[]) {
  const set = ['null_sut.delay_ms=4', 'null_sut.output_tokens=64', 'server.min_query_count=500'];
  const common = ['--sut', 'null', '--clock', 'virtual', '--samples', '40', '--quiet'];
  const model = ['--model', join(folder, 'model.yaml'), '--min-duration', '0.1'];
  const output = ['--output', join(folder, name)];
  return bench(...common, ...model, ...output, '--target-qps', '10', ...argv, '--set', ...set);
}

const audit = ['--audit', 'TEST06'];
const server = ['--scenario', 'Server'];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-package-'));
  const checkpoint = join(findPackageRoot().folder, 'configs', 'models', 'tiny');
  writeFileSync(join(folder, 'model.yaml'), `name: unjudged\npath: ${checkpoint}\n`);
  const codes = [
    await run('offline'),
    await run('offline-audit', ...audit),
    await run('server', ...server, '--mode', 'performance'),
    await run('server-accuracy', ...server, '--accuracy'),
    await run('server-audit', ...server, ...audit),
    await run('interactive', ...server),
  ].map(({ code, stderr }) => `${code}${stderr}`);
  expect(codes).toEqual(['0', '0', '0', '0', '0', '0']);
  writeFileSync(join(folder, 'box.json'), JSON.stringify(await describeBox()));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The template of this machine with its gaps filled. */
async function describeBox(): Promise<Record<string, string>> {
  const file = join(folder, 'template.json');
  const { code } = await bench('package', '--system-template', file);
  expect(code).toBe(0);
  const fields: Record<string, string> = JSON.parse(readFileSync(file, 'utf8'));
  const filled = Object.entries(fields).map(([key, value]) => [key, value === '' ? 'N/A' : value]);
  const own = { division: '', submitter: '', status: 'rdi', system_type: 'datacenter' };
  return { ...Object.fromEntries(filled), ...own };
}

interface Asked {
  readonly runs: readonly string[];
  readonly out?: string;
  readonly argv?: readonly string[];
  readonly system?: string;
  readonly division?: string;
}

/** Stderr names the files as the test does. */
async function pack({
  runs,
  out = 'tree',
  argv = [],
  system = 'box.json',
  division = 'open',
}: Asked) {
  const { code, stdout, stderr } = await bench(
    'package',
    ...runs.map((name) => join(folder, name)),
    ...['--division', division, '--submitter', 'Example', '--out', join(folder, out)],
    ...['--system', join(folder, system), '--benchmark', 'llama2-70b-99.9', ...argv],
  );
  return { code, stdout, stderr: stderr.replaceAll(`${folder}/`, '') };
}

function listFiles(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}

function digestFolder(path: string): string {
  const hash = createHash('sha256');
  for (const file of listFiles(path)) hash.update(file).update(readFileSync(join(path, file)));
  return hash.digest('hex');
}

function read(...path: string[]): string {
  return readFileSync(join(folder, ...path), 'utf8');
}

const result = 'closed/Example/results/box/llama2-70b-99.9';

describe('bench package', () => {
  const runs = ['offline', 'offline-audit', 'server', 'server-accuracy', 'server-audit'];

  it('lays passes and audits out as the checker reads them, and leaves the runs as they were', async () => {
    const before = runs.map((name) => digestFolder(join(folder, name)));
    const { code, stdout, stderr } = await pack({ runs, out: 'closed-tree', division: 'closed' });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/bench check \S*closed-tree --round v6\.1\n$/);
    expect(stdout).toContain('is not an MLPerf result');
    expect(stdout).toContain('llama2-70b-99.9/Offline is no measurement: the null system computes');
    const logs = ['mlperf_log_accuracy.json', 'mlperf_log_detail.txt', 'mlperf_log_summary.txt'];
    const files = ['Offline', 'Server'].flatMap((scenario) => [
      ...['README.md', 'measurements.json', 'user.conf', 'accuracy/accuracy.txt'].map(
        (name) => `${result}/${scenario}/${name}`,
      ),
      ...['accuracy', 'performance/run_1'].flatMap((pass) =>
        logs.map((log) => `${result}/${scenario}/${pass}/${log}`),
      ),
      `${result}/${scenario}/TEST06/verify_accuracy.txt`,
      `${result}/${scenario}/TEST06/accuracy/mlperf_log_accuracy.json`,
      `${result}/${scenario}/TEST06/performance/run_1/mlperf_log_detail.txt`,
      `${result}/${scenario}/TEST06/performance/run_1/mlperf_log_summary.txt`,
    ]);
    files.push('closed/Example/systems/box.json', 'closed/Example/src/llama2-70b-99.9/README.md');
    expect(listFiles(join(folder, 'closed-tree'))).toEqual(files.sort());
    for (const file of files) {
      expect(stdout).toContain(file);
      expect(read('closed-tree', file).length).toBeGreaterThan(0);
    }
    expect(runs.map((name) => digestFolder(join(folder, name)))).toEqual(before);
  });

  it('takes each log from its own run, the long one truncated and tied to its digest', () => {
    const place = join('closed-tree', result, 'Server');
    const whole = read('server-accuracy/accuracy/mlperf_log_accuracy.json');
    expect(whole.length).toBeGreaterThan(20_000);
    const cut = read(place, 'accuracy/mlperf_log_accuracy.json');
    expect(cut.length).toBe(8199);
    expect(cut).toBe(`${whole.slice(0, 4096)}\n\n...\n\n${whole.slice(-4096)}`);
    const scores = read('server-accuracy/accuracy/accuracy.txt');
    const digest = createHash('sha256').update(whole).digest('hex');
    expect(read(place, 'accuracy/accuracy.txt')).toBe(`${scores}\nhash=${digest}\n`);
    for (const [from, to] of [
      ['server/performance/run_1/mlperf_log_detail.txt', 'performance/run_1/mlperf_log_detail.txt'],
      ['server-accuracy/accuracy/mlperf_log_detail.txt', 'accuracy/mlperf_log_detail.txt'],
      [
        'server-audit/performance/run_1/mlperf_log_accuracy.json',
        'TEST06/accuracy/mlperf_log_accuracy.json',
      ],
      ['server-audit/TEST06/verify_accuracy.txt', 'TEST06/verify_accuracy.txt'],
    ] as const) {
      expect(read(place, to)).toBe(read(from));
    }
  });

  it('says how each result was made', () => {
    const place = join('closed-tree', result, 'Server');
    expect(read(place, 'user.conf')).toContain('*.Server.target_qps = 10\n');
    expect(read(place, 'user.conf')).toContain('*.Server.min_query_count = 500\n');
    const measurements = JSON.parse(read(place, 'measurements.json'));
    expect(measurements).toMatchObject({ retraining: 'No', input_data_types: 'int32' });
    expect(Object.values(measurements).every((value) => value !== '')).toBe(true);
    const readme = read(place, 'README.md');
    expect(readme).toContain('this is not an MLPerf result');
    expect(readme).toContain('**Simulated:** the clock was virtual.');
    expect(readme).toContain('**No model was computed:** the system under test is "null"');
    expect(readme).toContain('bench --sut null --clock virtual --samples 40');
    expect(readme).not.toContain(folder);
    const system = JSON.parse(read('closed-tree/closed/Example/systems/box.json'));
    expect(system).toMatchObject({ division: 'closed', submitter: 'Example', status: 'rdi' });
    expect(Object.keys(system)).toHaveLength(35);
  });

  it('puts Server runs into Interactive where they are meant for it, with what the submitter says of the weights', async () => {
    const own = join(folder, 'own.json');
    writeFileSync(own, '{ "weight_data_types": "int4", "retraining": "Yes", "comment": "kept" }');
    const argv = ['--interactive', join(folder, 'interactive'), '--measurements', own];
    argv.push('--measurement', 'retraining=No, really', '--json');
    const { code, stdout } = await pack({ runs: [], out: 'interactive-tree', argv });
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ schema: 'loadmark/package/1', round: 'v6.1' });
    const place = 'open/Example/results/box/llama2-70b-99.9/Interactive';
    for (const { path, bytes } of report.files) {
      expect(readFileSync(join(folder, 'interactive-tree', path)).length).toBe(bytes);
    }
    expect(report.files.map(({ path }: { path: string }) => path)).toContain(`${place}/user.conf`);
    expect(JSON.parse(read('interactive-tree', place, 'measurements.json'))).toMatchObject({
      weight_data_types: 'int4',
      retraining: 'No, really',
      comment: 'kept',
    });
    expect(read('interactive-tree', place, 'README.md')).toContain("LoadGen's Server under limits");
  });

  it('copies the user.conf of a run, and writes one where that is another file by now', async () => {
    const conf = join(folder, 'user.conf');
    writeFileSync(conf, '*.*.min_duration = 100\n*.Offline.target_qps = 10\n');
    const argv = ['--user-conf', conf];
    await bench(
      ...['--sut', 'null', '--clock', 'virtual', '--samples', '40', '--quiet'],
      ...['--model', join(folder, 'model.yaml'), '--output', join(folder, 'conf')],
      ...argv,
      '--set',
      'null_sut.delay_ms=4',
    );
    expect((await pack({ runs: ['conf'], out: 'conf-tree' })).stderr).toBe('');
    const place = 'open/Example/results/box/llama2-70b-99.9/Offline/user.conf';
    expect(read('conf-tree', place)).toBe(readFileSync(conf, 'utf8'));
    writeFileSync(conf, '*.*.min_duration = 7\n');
    expect((await pack({ runs: ['conf'], out: 'conf-tree-2' })).code).toBe(0);
    expect(read('conf-tree-2', place)).toContain('*.Offline.min_duration = 100\n');
  });
});

/** A copy of a run whose run.json says something else. */
function alter(name: string, from: string, change: (record: RunRecord) => void): string {
  cpSync(join(folder, from), join(folder, name), { recursive: true });
  const file = join(folder, name, 'run.json');
  const record = JSON.parse(readFileSync(file, 'utf8'));
  change(record);
  writeFileSync(file, JSON.stringify(record));
  return name;
}

describe('bench package refuses', () => {
  async function refused(asked: Asked, ...messages: string[]) {
    const { code, stderr } = await pack({ ...asked, out: asked.out ?? 'refused' });
    for (const message of messages) expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(existsSync(join(folder, asked.out ?? 'refused', 'open'))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.includes('.writing'))).toEqual([]);
    return stderr.trimEnd().split('\n');
  }

  it('everything wrong with a call at once', async () => {
    const { code, stderr } = await bench(
      'package',
      '--division',
      'shut',
      '--submitter',
      '../up',
      '--round',
      'v4.1',
      '--measurement',
      'none',
    );
    expect(code).toBe(2);
    expect(stderr.trimEnd().split('\n')).toEqual([
      'bench: RUN: none is given; wanted: one or more folders of runs',
      'bench: --submitter: is "../up"; allowed: letters, digits and . _ + -, a letter or digit first',
      'bench: --out: is missing; wanted: the folder to make',
      'bench: --division: is "shut"; allowed: open, closed',
      'bench: --system: is missing; wanted: a file made by --system-template',
      'bench: --round: is "v4.1"; allowed: v6.0, v6.1',
      'bench: --measurement: "none" is not key=value; an example: weight_data_types=int4',
    ]);
  });

  it('what is no run, what is twice, what is missing, in one list', async () => {
    mkdirSync(join(folder, 'empty'));
    const runs = ['offline', 'empty', 'nowhere', 'server-audit', 'server', 'interactive'];
    const lines = await refused(
      { runs: [...runs, 'offline'], division: 'closed' },
      'empty: run.json is missing; allowed: the folder of a run',
      'nowhere: is not a folder',
      'interactive: brings a performance pass to llama2-70b-99.9/Server, as server does; allowed: one',
      'offline: is the same folder as offline; allowed: each run once',
      'llama2-70b-99.9/Offline: no run is its audit TEST06, which the closed division asks for',
    );
    expect(lines).toHaveLength(5);
    await refused({ runs: ['server'] }, 'llama2-70b-99.9/Server: no run has its accuracy pass');
    await refused(
      { runs: ['server', 'server-accuracy', 'server-audit'], division: 'closed' },
      'llama2-70b-99.9: has no Offline, which the closed division asks for; given: Server',
    );
  });

  it('runs that are INVALID, interrupted, audited by hand or of no round', async () => {
    const slow = ['--mode', 'performance', '--min-duration', '9', '--target-qps', '1'];
    expect((await run('invalid', ...slow)).code).toBe(3);
    const conf = join(folder, 'audit.conf');
    writeFileSync(conf, '*.*.min_query_count = 40\n');
    await run('by-hand', '--mode', 'performance', '--audit-conf', conf);
    await run('seeded', '--accuracy', '--seed', '7');
    expect((await run('failed-audit', ...audit, '--audit-eos', '0')).code).toBe(7);
    const cut = alter('interrupted', 'offline', (record) =>
      Object.assign(record, { interrupted: true }),
    );
    const lines = await refused(
      { runs: ['invalid', 'by-hand', 'seeded', 'failed-audit', cut] },
      'invalid: the run is INVALID (performance: Increase expected QPS',
      'by-hand: made with the audit file',
      'seeded: accuracy: effective_qsl_rng_seed is 7; allowed in v6.1: 2085463073848966840',
      'seeded: accuracy: effective_schedule_rng_seed is 7; allowed in v6.1: 16159082839903944936',
      'failed-audit: the audit TEST06 was not passed (endOfSequence)',
      'interrupted: the run was interrupted',
    );
    expect(lines.filter((line) => line.includes('rng_seed'))).toHaveLength(3);
    // The seeds of the rounds differ in digits that a double does not hold, too.
    await refused(
      { runs: ['offline'], argv: ['--round', 'v6.0'] },
      'allowed in v6.0: 2465351861681999779',
    );
  });

  it('runs of different machines, models and datasets', async () => {
    const other = alter('other-machine', 'server-accuracy', (record) =>
      Object.assign(record, { system: { ...record.system, cores: 9999 } }),
    );
    await refused(
      { runs: ['server', other] },
      'other-machine: was made on another system (',
      '9999 cores',
    );
    const strange = alter('other-data', 'server-accuracy', (record) =>
      Object.assign(record, { dataset: { ...record.dataset, digest: 'f00d' } }),
    );
    const lines = await refused(
      { runs: ['server', strange] },
      'other-data: llama2-70b-99.9/Server takes another dataset from server:',
    );
    expect(lines).toHaveLength(1);
  });

  it('an unknown benchmark, and a run that names none', async () => {
    await refused(
      { runs: ['offline'], argv: ['--benchmark', 'llama2-70b-99'] },
      '--benchmark: is "llama2-70b-99"; allowed in v6.1: llama2-70b-99.9, ',
    );
    const { stderr } = await bench(
      'package',
      join(folder, 'offline'),
      '--division',
      'open',
      ...['--submitter', 'Example', '--system', join(folder, 'box.json')],
      ...['--out', join(folder, 'refused')],
    );
    expect(stderr).toContain(
      'its model "unjudged" is no benchmark of v6.1; allowed for --benchmark: ',
    );
    await refused(
      { runs: [], argv: ['--interactive', join(folder, 'offline')] },
      'offline: --interactive takes runs of Server, and this is one of Offline',
    );
  });

  it('a system that lacks fields, by their names, and values that the checker cannot take', async () => {
    const box = JSON.parse(read('box.json'));
    const { cooling: _cooling, hw_notes: _notes, ...rest } = box;
    const broken = {
      ...rest,
      status: 'soon',
      framework: '',
      accelerators_per_node: 0,
      number_of_nodes: 'two',
      submitter: 'Another',
      system_name: 'a "box"',
      is_network: 'false',
    };
    writeFileSync(join(folder, 'broken.json'), JSON.stringify(broken));
    const lines = await refused(
      { runs: ['offline'], system: 'broken.json' },
      'broken.json: lacks cooling, hw_notes; wanted: all 35 keys',
      'broken.json: leaves empty framework; wanted: a text, such as "N/A" or "0"',
      'broken.json: status is "soon"; allowed: available, preview, rdi',
      'broken.json: accelerators_per_node is 0; allowed: a text in quotation marks',
      'broken.json: number_of_nodes is "two"; allowed: a whole number',
      'broken.json: submitter is "Another"; allowed: "Example", as the option says, or ""',
      'broken.json: system_name is "a \\"box\\""; allowed: a text of one line without quotation marks',
      'broken.json: is_network is "false"; allowed: no such key',
    );
    expect(lines).toHaveLength(8);
    writeFileSync(join(folder, 'list.json'), '[]');
    await refused({ runs: ['offline'], system: 'list.json' }, 'list.json: is no JSON object');
    await refused({ runs: ['offline'], system: 'none.json' }, 'none.json cannot be read: ENOENT');
  });

  it('to write over something, or into a run', async () => {
    mkdirSync(join(folder, 'full'));
    writeFileSync(join(folder, 'full', 'note.txt'), 'mine');
    await refused({ runs: ['offline'], out: 'full' }, 'full" is not empty; allowed: a new folder');
    await refused({ runs: ['offline'], out: 'box.json' }, 'box.json" is not a folder');
    await refused({ runs: ['offline'], out: 'offline/tree' }, 'lies in the run');
    expect(existsSync(join(folder, 'offline', 'tree'))).toBe(false);
    mkdirSync(join(folder, 'bare'));
    expect((await pack({ runs: ['offline'], out: 'bare' })).code).toBe(0);
    expect(readdirSync(join(folder, 'bare'))).toEqual(['open']);
  });

  it('links that lead out of a run, and logs that are gone', async () => {
    cpSync(join(folder, 'offline'), join(folder, 'linked'), { recursive: true });
    const log = join(folder, 'linked', 'accuracy', 'mlperf_log_detail.txt');
    rmSync(log);
    symlinkSync(join(folder, 'offline', 'accuracy', 'mlperf_log_detail.txt'), log);
    rmSync(join(folder, 'linked', 'performance', 'run_1', 'mlperf_log_summary.txt'));
    const lines = await refused(
      { runs: ['linked'] },
      'linked: accuracy/mlperf_log_detail.txt is a link that leads out of the run',
      'linked: performance/run_1/mlperf_log_summary.txt is missing',
    );
    expect(lines).toHaveLength(2);
  });

  it('run.json of another schema or without what is needed', async () => {
    const old = alter('old', 'offline', (record) => Object.assign(record, { schema: 'other/1' }));
    const bare = alter('stripped', 'offline', (record) =>
      Object.assign(record, { system: { cpu: 5 } }),
    );
    await refused(
      { runs: [old, bare] },
      'old: run.json has the schema "other/1"; allowed: "loadmark/run/1"',
      'stripped: run.json has no usable system.cpu, system.os, system.cores, system.memoryBytes, system.gpus',
    );
  });

  it('an audit whose log does not pass any more', async () => {
    cpSync(join(folder, 'server-audit'), join(folder, 'edited'), { recursive: true });
    const log = join(folder, 'edited', 'performance', 'run_1', 'mlperf_log_accuracy.json');
    writeFileSync(
      log,
      readFileSync(log, 'utf8').replace('"token_count" : 64', '"token_count" : 63'),
    );
    await refused(
      { runs: ['server', 'server-accuracy', 'edited'] },
      'edited: the log of the audit TEST06 does not pass any more',
    );
  });
});

describe('bench package --system-template', () => {
  it('describes this machine in 35 fields, lists those left empty, and writes over nothing', async () => {
    const file = join(folder, 'mine.json');
    const { code, stdout } = await bench('package', '--system-template', file);
    expect(code).toBe(0);
    const fields = JSON.parse(readFileSync(file, 'utf8'));
    expect(Object.keys(fields)).toHaveLength(35);
    expect(fields).toMatchObject({
      number_of_nodes: '1',
      framework: expect.stringMatching(/^loadmark /),
    });
    expect(fields.host_memory_capacity).toMatch(/^\d+ GiB$/);
    expect(stdout).toContain('\n  cooling\n');
    const again = await bench('package', '--system-template', file);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('allowed: a file that does not exist yet');
  });

  it('is part of a help that shows the whole way', async () => {
    const { code, stdout } = await bench('package', '--help');
    expect(code).toBe(0);
    for (const word of [
      '--system-template box.json',
      '--audit TEST06',
      'bench check tree',
      '--interactive',
    ]) {
      expect(stdout).toContain(word);
    }
  });
});
