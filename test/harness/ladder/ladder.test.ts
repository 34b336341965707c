// `bench ladder`: its design and arithmetic on runs whose speeds are known, settings that depend on one another, going on
// after an interruption, and the command line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLadder } from '../../../harness/commands/ladder.js';
import type { RunConfig } from '../../../harness/config.js';
import type { RunStarter } from '../../../harness/experiment/run-starter.js';
import type { Ladder } from '../../../harness/ladder/ladder.js';
import { findFactors, orderFactors, overridesOf } from '../../../harness/ladder/ladder-factor.js';
import { findSteps, type LadderRequest, planLadder } from '../../../harness/ladder/ladder-plan.js';
import { collectLadderOptions } from '../../../harness/ladder-options.js';
import { findPackageRoot } from '../../../harness/package-root.js';
import { callBench } from '../bench-call.js';
import { makeSamples } from '../compare/made-runs.js';
import { editRecord, readRecord } from '../compare/scripted-runs.js';
import { makeStarter } from './made-starter.js';

let folder = '';
let places = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-ladder-'));
  writeFileSync(join(folder, 'slow.yaml'), config('slow', 1, 8));
  writeFileSync(join(folder, 'fast.yaml'), config('fast', 64, 32));
});
afterAll(() => rmSync(folder, { recursive: true }));

const config = (name: string, batch: number, page: number) =>
  `name: ${name}\nsut: scripted\nclock: virtual\nscripted: { script: steady }\nengine: { threads: ${batch}, max_batch: ${batch}, page_tokens: ${page} }\n`;

function ask(
  options: Readonly<Record<string, unknown>> = {},
  output = join(folder, `ladder-${places++}`),
): LadderRequest {
  const [slow, fast] = [join(folder, 'slow.yaml'), join(folder, 'fast.yaml')];
  return collectLadderOptions(slow, fast, { quiet: true, json: true, ...options, output }, []);
}

async function climb(request: LadderRequest, start: RunStarter, signal?: AbortSignal) {
  let stdout = '';
  const stream = { write: (text: string) => (stdout += text) };
  const streams = { stdout: stream, stderr: stream };
  const code = await runLadder(request, streams, signal ?? new AbortController().signal, start);
  return { code, stdout, ladder: JSON.parse(stdout) as Ladder };
}

/** ms a sample: threads make it 2 times as fast, batching 4 times, pages 1.5 times, and pages behind batching 3 times. */
function modelled(noise: readonly number[] = [1]) {
  return makeStarter(({ engine }: RunConfig, count) => {
    const [threads, batch] = [engine.threads === 64, engine.maxBatch === 64];
    const pages = engine.pageTokens === 32 ? (batch ? 3 : 1.5) : 1;
    const speed = (threads ? 2 : 1) * (batch ? 4 : 1) * pages * noise[count % noise.length]!;
    return makeSamples(60, 100 / speed, (i) => ({ rouge1: batch && i % 10 === 0 ? 0.5 : 1 }));
  });
}

/** A percent up and down, never in step with the sides. */
const noise = [1, 1.01, 0.99, 1.005, 0.995, 1.01, 0.99];

describe('a ladder', () => {
  it('makes all rungs and factors in turns, and says what each gave', async () => {
    const { start, made } = modelled(noise);
    const request = ask({ repeats: '4' });
    const { code, ladder } = await climb(request, start);
    expect(code).toBe(0);
    const turn = ['rung-0', 'rung-1', 'rung-2', 'rung-3', 'alone-2', 'alone-3'];
    expect(made.map((path) => relative(request.output, path))).toEqual(
      [1, 2, 3, 4].flatMap((repeat) => turn.map((side) => `${side}/run-${repeat}`)),
    );
    const { steps, whole, rungs } = ladder;
    const { startedAt, version, commit, system } = readRecord(made[0]!);
    expect(ladder.measuredOn).toEqual({
      ...{ startedAt, version, commit, system },
      devices: ['cpu'],
    });
    expect(steps.map(({ name }) => name)).toEqual(['engine.threads', 'batching', 'kv-cache']);
    const ratios = steps.map(({ before }) => before.main!.ratio!);
    for (const [i, true_] of [2, 4, 3].entries()) {
      expect(ratios[i]! / true_).toBeCloseTo(1, 1);
      const { lower, upper, method } = steps[i]!.before.main!.interval!;
      expect(lower < true_ && true_ < upper).toBe(true);
      expect(method).toBe('paired t on logarithms');
    }
    expect(ratios.reduce((product, ratio) => product * ratio, 1)).toBeCloseTo(
      whole.main!.ratio!,
      9,
    );
    expect(rungs.map(({ runs }) => runs)).toEqual([4, 4, 4, 4]);
    expect(rungs[3]!.figure! / rungs[0]!.figure!).toBeCloseTo(whole.main!.ratio!, 9);
    // Threads are the first step; batching gives the same alone, pages half of it.
    expect(steps.map(({ interaction }) => interaction?.isShown)).toEqual([undefined, false, true]);
    expect(steps[2]!.alone!.main!.ratio).toBeCloseTo(1.5, 1);
    expect(steps[2]!.interaction!.ratio).toBeCloseTo(2, 1);
    expect(readFileSync(join(request.output, 'ladder.json'), 'utf8')).toBe(
      `${JSON.stringify(ladder, null, 2)}\n`,
    );
  });

  it('tells the cost in quality of each step, and against the base', async () => {
    const { ladder } = await climb(ask({ repeats: '1' }), modelled().start);
    const differences = ladder.steps.map(({ before, sinceBase }) =>
      [before, sinceBase].map(({ quality }) => quality!.metrics[0]!.difference),
    );
    expect(differences).toEqual([
      [0, 0],
      [-5, -5],
      [0, -5],
    ]);
  });

  it('goes in the order that is asked for, without factors alone where they are not wanted', async () => {
    const { start, made } = modelled();
    const { ladder } = await climb(
      ask({ repeats: '1', order: 'kv-cache,batching', alone: false }),
      start,
    );
    expect(ladder.steps.map(({ name }) => name)).toEqual([
      'kv-cache',
      'batching',
      'engine.threads',
    ]);
    expect(ladder.steps.map(({ before }) => before.main!.ratio!.toFixed(3))).toEqual([
      '1.500',
      '8.000',
      '2.000',
    ]);
    expect(made).toHaveLength(4);
    expect(ladder.steps.map(({ alone }) => alone)).toEqual([null, null, null]);
  });

  it('keeps what is done when it is interrupted, and goes on from there', async () => {
    const request = ask({ repeats: '2' });
    const controller = new AbortController();
    const first = modelled();
    const stopping: RunStarter = (argv, signal) => {
      if (first.made.length === 7) controller.abort();
      return first.start(argv, signal);
    };
    const broken = await climb(request, stopping, controller.signal);
    expect(broken.code).toBe(130);
    expect(broken.ladder).toMatchObject({ interrupted: true });
    expect(broken.ladder.steps[0]!.before.main!.ratio).toBeCloseTo(2, 9);
    // The last of them was told to come to an end, and says so.
    const cut = join(first.made.at(-1)!, 'run.json');
    const record = JSON.parse(readFileSync(cut, 'utf8'));
    writeFileSync(cut, JSON.stringify({ ...record, interrupted: true }));

    const second = modelled();
    const { code, ladder } = await climb(request, second.start);
    expect(code).toBe(0);
    expect(ladder.interrupted).toBe(false);
    expect([...first.made.slice(0, 7), ...second.made]).toHaveLength(12);
    expect(second.made[0]).toBe(first.made.at(-1));
    const third = modelled();
    expect((await climb(request, third.start)).ladder.steps).toEqual(ladder.steps);
    expect(third.made).toEqual([]);
  });

  it('has no interaction of what has no ratio, and a page that says why', async () => {
    const { start, made } = modelled(noise);
    const request = ask({ repeats: '2' });
    const mixing: RunStarter = async (argv, signal) => {
      const ended = await start(argv, signal);
      // As if the code had changed behind the first turn.
      if (made.length > 6) editRecord(made.at(-1)!, { commit: 'another' });
      return ended;
    };
    const { code, ladder, stdout } = await climb(request, mixing);
    expect(code).toBe(0);
    expect(stdout).not.toContain('report.html was not written');
    for (const { before, alone, interaction } of ladder.steps) {
      expect(before).toMatchObject({
        main: null,
        reasons: [expect.any(String), expect.any(String)],
      });
      expect(alone!.main).toBeNull();
      expect(interaction).toBeNull();
    }
    expect(readFileSync(join(request.output, 'report.html'), 'utf8')).toContain(
      'are no repeats of one another (commit: ',
    );
  });

  it('refuses a folder with other runs, and touches nothing of them', async () => {
    const request = ask({ repeats: '1' });
    const { start, made } = modelled();
    await climb(request, start);
    const other = ask({ repeats: '1', samples: '10' }, request.output);
    await expect(climb(other, start)).rejects.toThrow(
      /rung-0\/run-1" holds a run with other settings/,
    );
    expect(made).toHaveLength(6);
    expect((await climb(request, start)).code).toBe(0);
  });
});

describe('what is told of steps and of the whole', () => {
  /** The terminal's text, the page and the record of one ladder. */
  async function tell(repeats: string) {
    const request = { ...ask({ repeats }), json: false };
    let text = '';
    const stream = { write: (part: string) => (text += part) };
    const signal = new AbortController().signal;
    await runLadder(request, { stdout: stream, stderr: stream }, signal, modelled(noise).start);
    const read = (name: string) => readFileSync(join(request.output, name), 'utf8');
    return { text, page: read('report.html'), ladder: JSON.parse(read('ladder.json')) as Ladder };
  }
  /** The row that begins with a name, of the table with this column. */
  const rowOf = (page: string, column: string, name: string) => {
    const table = page.slice(page.indexOf(column));
    const start = table.indexOf(`<th scope="row" class="text">${name}</th>`);
    return table.slice(start, table.indexOf('</tr>', start));
  };

  it('is the same verdict on a terminal and on the page, at one level', async () => {
    const { text, page, ladder } = await tell('4');
    const rows = [
      ...ladder.steps.map(({ name, before }) => ({ name, page: name, contrast: before })),
      { name: 'whole', page: 'the whole', contrast: ladder.whole },
    ];
    expect(rows.map(({ contrast }) => contrast.verdict!.speed)).toEqual(Array(4).fill('faster'));
    expect(rows.map(({ contrast }) => contrast.verdict!.quality)).toEqual([
      ...['cannot tell', 'worse', 'cannot tell'],
      'worse',
    ]);
    const head = text.split('\n').find((line) => line.startsWith('step'))!;
    expect(head).toMatch(
      /^step +tokens\/s +ratio +interval, 98\.75 % +speed +rouge1, points +interval, 97\.5 % +quality +what changes$/,
    );
    for (const { name, page: named, contrast } of rows) {
      const { speed, quality } = contrast.verdict!;
      const line = text.split('\n').find((one) => one.startsWith(`${name} `))!;
      expect(line).toMatch(new RegExp(`x to [\\d.]+x +${speed} +.* ${quality}( +\\S|$)`));
      expect(rowOf(page, '>against the base</th>', named)).toContain(`>${speed}<`);
      expect(rowOf(page, '>identical answers</th>', named)).toContain(`>${quality}<`);
    }
    expect(text).not.toContain('show little');
    expect(text).toContain('ratios of the 3 steps and of the whole are at 98.75 % each');
  });

  it('shows little at two repeats, and says so: the whole no more than its steps', async () => {
    const { text, page, ladder } = await tell('2');
    // At 95 % the whole would be told faster, by repeats of which no step is.
    for (const { before } of ladder.steps) expect(before.verdict!.speed).not.toBe('slower');
    expect(ladder.whole.main!.interval!.confidence).toBeCloseTo(0.9875, 12);
    // Student's t of one degree of freedom at 99.375 % is tan(pi (0.99375 - 0.5)).
    const reach = Math.tan(Math.PI * (0.99375 - 0.5)) / Math.SQRT2;
    const least = Math.exp(0.01 * reach).toPrecision(3);
    const told = `2 repeats show little: if a ratio scatters by 1 % from repeat to repeat, only one above ${least}x is told from 1, with 5 repeats one above 1.02x (Student's t, 1 degree of freedom)`;
    expect(text).toContain(told);
    expect(page.slice(0, page.indexOf('<h2>'))).toContain(told.replace("'", '&#39;'));
  });

  it('has one level for a ladder of one step, whose whole is no other question', async () => {
    const ladder = await climbFiles(
      'name: from\nsut: scripted\nclock: virtual\nscripted: { script: steady }\n',
      'name: onward\nsut: scripted\nclock: virtual\nscripted: { script: steady }\nengine: { page_tokens: 32 }\n',
    );
    expect(ladder.simultaneous.steps).toEqual({ count: 1, alphaEach: 0.05 });
    expect(ladder.whole).toEqual(ladder.steps[0]!.before);
  });

  it('has five repeats unless it is told otherwise', () => {
    expect(ask().repeats).toBe(5);
  });
});

describe('settings that depend on one another', () => {
  const factors = ['a', 'b', 'c', 'd'].map((name) => ({ name, changes: [] }));
  const namesOf = (chosen: readonly { readonly name: string }[]) =>
    chosen.flatMap(({ name }) => name.split(' + '));

  it('move together, with the fewest others, and say why', async () => {
    // a is allowed with c only, and d behind b only.
    const steps = await findSteps(factors, async (chosen) => {
      const names = namesOf(chosen);
      if (names.includes('a') && !names.includes('c')) return 'a needs c';
      return names.includes('d') && !names.includes('b') ? 'd needs b' : null;
    });
    expect(steps).toMatchObject([
      { name: 'a + c', mergedBecause: 'a needs c', notAloneBecause: null },
      { name: 'b', mergedBecause: null, notAloneBecause: null },
      { name: 'd', mergedBecause: null, notAloneBecause: 'd needs b' },
    ]);
  });

  it('that nothing helps are refused', async () => {
    await expect(findSteps(factors, async () => 'never')).rejects.toThrow('never');
  });

  it("are found by the configuration's own check", async () => {
    const text = (name: string, system: string) =>
      `name: ${name}\nclock: virtual\nmode: performance\n${system}engine: { max_batch: ${name.length} }\n`;
    const ladder = await climbFiles(
      text('from', 'sut: null\n'),
      text('onward', 'sut: scripted\nscripted: { script: steady }\n'),
    );
    expect(ladder.steps.map(({ name }) => name)).toEqual(['system + script', 'batching']);
    expect(ladder.steps[0]!.mergedBecause).toMatch(/script/);
  });

  it('that come to the same on this machine are no step', async () => {
    const text = (name: string, device: string, types: string) =>
      `name: ${name}\nmodel: tiny\nmode: performance\nengine: { device: ${device}, activations: ${types}, kv_cache: ${types} }\n`;
    const ladder = await climbFiles(text('from', 'cpu', 'fp32'), text('onward', 'auto', 'auto'));
    // On a machine with a GPU the device is a step as well.
    const isCpu = ladder.same.length > 0;
    expect(ladder.steps.map(({ name }) => name).at(-1)).toBe('kv-cache');
    expect(ladder.same).toEqual(isCpu ? [{ key: 'engine.device', from: 'cpu', to: 'auto' }] : []);
  });
});

describe('CUDA graphs', () => {
  const place = (name: string, engine: string) => {
    const file = join(folder, `${name}.yaml`);
    const text = `name: ${name}\nmodel: tiny-int4\nmode: performance\nengine: { ${engine} }\n`;
    writeFileSync(file, text);
    return file;
  };

  it('are a factor of a GPU, which the command line can order', () => {
    const base = place('eager', 'device: "cuda:0", max_batch: 1, cuda_graphs: false');
    const optimized = place('graphed', 'device: "cuda:0", max_batch: 64, cuda_graphs: true');
    const workers = [{ devices: ['cuda:0'], activationType: 'fp16', kvCacheType: 'fp16' }];
    const config = { workers } as unknown as RunConfig;
    const { factors, same } = findFactors(
      { base, optimized, overrides: [], root: findPackageRoot().folder },
      [config, config],
    );
    expect(same).toEqual([]);
    const graphs = {
      name: 'graphs',
      changes: [{ key: 'engine.cuda_graphs', from: false, to: true }],
    };
    expect(factors.map(({ name }) => name)).toEqual(['batching', 'graphs']);
    expect(orderFactors(factors, ['graphs'])[0]).toEqual(graphs);
    expect(overridesOf([graphs])).toEqual([
      { path: ['engine', 'cuda_graphs'], value: true, where: '--set engine.cuda_graphs' },
    ]);
  });

  it('that are off need a GPU on every rung', async () => {
    const files = [place('off', 'device: cpu, cuda_graphs: false'), place('on', 'device: cpu')];
    const request = collectLadderOptions(files[0]!, files[1]!, { quiet: true, output: folder }, []);
    await expect(planLadder(request)).rejects.toThrow(
      /off\.yaml:4:\d+: engine\.cuda_graphs is false, and the CPU engine has no CUDA graphs; allowed: true, or a GPU/,
    );
  });
});

async function climbFiles(from: string, to: string): Promise<Ladder> {
  const files = ['from', 'onward'].map((name) => join(folder, `${name}.yaml`));
  for (const [i, text] of [from, to].entries()) writeFileSync(files[i]!, text);
  const output = join(folder, `ladder-${places++}`);
  const options = { quiet: true, json: true, repeats: '1', samples: '5', output };
  const { start } = makeStarter(() => makeSamples(5, 10));
  return (await climb(collectLadderOptions(files[0]!, files[1]!, options, []), start)).ladder;
}

describe('the command line', () => {
  it.each([
    [['slow', 'slow'], /come to the same settings/],
    [
      ['slow', 'fast', '--order', 'weights,batching,batching'],
      /"weights" is no step .*\n.*"batching" is there twice/,
    ],
    [
      ['slow', 'fast', '--repeats', '0', '--set', 'mode=accuracy'],
      /--set mode: "accuracy" .*\n.*--repeats: is "0"/,
    ],
    [['slow', 'nowhere'], /there is no file/],
    [['slow', 'other'], /generation.temperature is 0 in .* and 1 in .*allowed: the same in both/],
  ])('refuses %j', async (words, message) => {
    writeFileSync(
      join(folder, 'other.yaml'),
      `${config('other', 64, 32)}generation: { temperature: 1 }\n`,
    );
    const files = words.slice(0, 2).map((name) => join(folder, `${name}.yaml`));
    const call = await callBench(
      'ladder',
      ...files,
      ...words.slice(2),
      '--output',
      join(folder, 'no'),
    );
    expect(call).toMatchObject({ code: 2, stdout: '' });
    expect(call.stderr).toMatch(message);
  });

  it.each([
    ['/proc/ladder', 'cannot be made: no folder can be made there'],
    ['/proc', 'cannot be written into: no folder can be made there'],
    ['/proc/version', 'is a file; allowed: a folder, there already or not'],
    ['/proc/version/in', 'cannot be made: a part of its path is a file and not a folder'],
  ])('makes no run for an --output %s', async (output, message) => {
    const { start, made } = modelled();
    await expect(climb(ask({ repeats: '1' }, output), start)).rejects.toMatchObject({
      exitCode: 2,
      message: `--output: "${output}" ${message}`,
    });
    expect(made).toEqual([]);
  });

  it('tells a fault that both configurations have once', async () => {
    const asked = ['--device', 'teapot', '--output', join(folder, 'refused')];
    const { code, stderr } = await callBench('ladder', 'baseline', 'optimized', ...asked);
    expect(stderr).toMatch(/^bench: --device: device is "teapot".*\n$/);
    expect(code).toBe(2);
  });

  it('runs in processes of their own, and prints a line a step', async () => {
    const output = join(folder, 'real');
    const [slow, fast] = [join(folder, 'slow.yaml'), join(folder, 'fast.yaml')];
    const options = [
      '--repeats',
      '1',
      '--samples',
      '20',
      '--no-alone',
      '--set',
      'engine.threads=1',
    ];
    const call = await callBench('ladder', slow, fast, ...options, '--output', output, '--quiet');
    expect(call.stderr).toBe('');
    expect(call.code).toBe(0);
    expect(call.stdout).toMatch(/^base +\d+/m);
    // The scripted system does not look at either.
    expect(call.stdout).toMatch(/^batching +\d+ +1\.00x .*engine\.max_batch 1 -> 64$/m);
    expect(call.stdout).toMatch(/^kv-cache +\d+ +1\.00x .*engine\.page_tokens 8 -> 32$/m);
    expect(JSON.parse(readFileSync(join(output, 'ladder.json'), 'utf8')).schema).toBe(
      'loadmark/ladder/2',
    );
  }, 60_000);

  it('measures the engine on the built-in model', async () => {
    const [from, to] = ['plain', 'quick'].map((name) => join(folder, `${name}.yaml`));
    const text = (model: string, batch: number) =>
      `model: ${model}\nengine: { device: cpu, max_batch: ${batch} }\n`;
    writeFileSync(from!, text('tiny', 1));
    writeFileSync(to!, text('tiny-int4', 8));
    const output = ['--output', join(folder, 'built-in'), '--json', '--quiet'];
    const short = ['--repeats', '1', '--samples', '16', '--no-alone'];
    const call = await callBench('ladder', from!, to!, ...short, ...output);
    expect(call.stderr).toBe('');
    const { steps, rungs } = JSON.parse(call.stdout) as Ladder;
    expect(steps.map(({ name }) => name)).toEqual(['weights', 'batching']);
    expect(rungs.map(({ runs }) => runs)).toEqual([1, 1, 1]);
    for (const { before } of steps) {
      expect(before.quality!.metrics[0]).toMatchObject({ metric: 'rouge1', samples: 16 });
    }
    // More sequences a step change no token.
    expect(steps[1]!.before.quality!.metrics[0]!.difference).toBe(0);
  }, 60_000);
});
