// The page about a run: every figure is run.json's, nothing of the data becomes markup, and what is missing is said.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ladderSchema } from '../../../../harness/ladder/ladder.js';
import { findPackageRoot } from '../../../../harness/package-root.js';
import { atShare } from '../../../../harness/report/html/charts/distribution.js';
import { allEvidence, readRunEvidence, readRunRecord } from '../../../../harness/run-evidence.js';
import { distributeTimes } from '../../../../harness/timed-samples.js';
import { callBench } from '../../bench-call.js';
import { hostileText, makeHostileRun, makeRun, readPage } from './made-runs.js';
import { checkFigures, checkSelfContained, figuresOf, lookUp } from './page-figures.js';

let folder = '';
let offline = '';
let server = '';
let streams = '';
let hostile = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-page-'));
  const few = ['--samples', '48', '--min-duration', '0.2'];
  offline = await makeRun(folder, 'offline', ...few, '--target-qps', '1');
  const rate = ['--target-qps', '200', '--set', 'server.min_query_count=60'];
  server = await makeRun(folder, 'server', '--scenario', 'Server', ...few, ...rate);
  const mode = ['--mode', 'performance', '--set', 'multi_stream.min_query_count=10'];
  streams = await makeRun(folder, 'streams', '--scenario', 'MultiStream', ...few, ...mode);
  hostile = await makeHostileRun(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

function readRecord(run: string) {
  return JSON.parse(readFileSync(join(run, 'run.json'), 'utf8'));
}

describe('the page of a run', () => {
  it('shows the figures of run.json, to the last digit, each with its place there', () => {
    for (const run of [offline, server, streams, hostile]) {
      const page = readPage(run);
      const record = readRecord(run);
      const fields = checkFigures(page, record);
      expect(fields).toBeGreaterThan(40);
      for (const field of ['performance.tokensPerSecond', 'performance.latencyMs.p99']) {
        expect(page).toContain(`data-field="${field}" data-value="${lookUp(record, field)}"`);
      }
    }
    const metrics = Object.keys(readRecord(offline).accuracy.metrics);
    expect(metrics).toContain('rougeL');
    const shown = figuresOf(readPage(offline)).map(({ field }) => field);
    expect(shown).toEqual(
      expect.arrayContaining(metrics.map((name) => `accuracy.metrics.${name}`)),
    );
  });

  it('is one file that runs nothing and asks for nothing, and is small', () => {
    for (const run of [offline, server, streams, hostile]) {
      checkSelfContained(readPage(run));
    }
  });

  it('says first whether the run counts, with limits and targets, and why not', () => {
    expect(readPage(server)).toMatch(/<main>\s*<section class="verdict (good|bad)"/);
    const record = readRecord(server);
    const page = readPage(server);
    const { ttftMs } = record.performance;
    const kept = ttftMs.p99 <= 2000 ? 'keeps' : 'breaks';
    expect(page).toContain(`time to first token ${kept} its limit`);
    const met = record.accuracy.targets.filter(({ pass }: { pass: boolean }) => pass).length;
    expect(page).toContain(`${met} of 5 quality targets met`);
    expect(readPage(streams)).toMatch(/<p class="verdict-title">INVALID<\/p>/);
    expect(readPage(streams)).toContain('Early stopping not satisfied');
    const scripted = readPage(hostile);
    expect(scripted).toContain('SCRIPTED: no measurement');
    expect(scripted).toContain('SIMULATED: every time below is of the virtual clock');
  });

  it('draws what there is to draw, in every chart a title, a description and its data', () => {
    const titles = (run: string) =>
      [...readPage(run).matchAll(/<svg [^>]*>\n<title>([^<]*)<\/title><desc>[^<]+<\/desc>/g)].map(
        ([, title]) => title,
      );
    const everywhere = [
      'Tokens of answers, by when they were complete',
      'Samples asked for and not yet answered',
      'Time to first token',
      'Time per output token',
      'Output length',
    ];
    const engine = ['Tokens the engine computed', 'Sequences a step', 'KV cache in use'];
    expect(titles(offline)).toEqual(expect.arrayContaining([...everywhere, ...engine]));
    expect(titles(offline)).toContain('Scores against their references');
    const limited = ['Percentiles against their limits', 'Issue lag', 'Latency by output length'];
    expect(titles(server)).toEqual(expect.arrayContaining([...everywhere, ...engine, ...limited]));
    for (const run of [offline, server, streams, hostile]) {
      const page = readPage(run);
      expect(new Set(titles(run)).size).toBe(titles(run).length);
      expect(page.match(/<figure>/g)).toHaveLength(page.match(/<summary>Data<\/summary>/g)!.length);
    }
  });

  it('shows texts as they are, and never as markup', () => {
    const page = readPage(hostile);
    const escaped = hostileText
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;');
    // Prompt, expected answer and id of each of eight samples.
    expect(page.split(escaped).length - 1).toBeGreaterThanOrEqual(24);
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<img');
  });
});

describe('the evidence behind it', () => {
  it('gives the percentiles of run.json where the page draws its own distributions', async () => {
    for (const run of [offline, server, streams, hostile]) {
      const { record, file } = readRunRecord(run);
      const { times, missing } = await readRunEvidence(record, file, allEvidence);
      expect(missing).toEqual([]);
      const drawn = distributeTimes(times!, record.scenario === 'MultiStream');
      for (const field of ['latencyMs', 'ttftMs', 'tpotMs', 'issueLagUs'] as const) {
        const histogram = record.performance![field]!;
        for (const [key, share] of [
          ['p50', 0.5],
          ['p90', 0.9],
          ['p99', 0.99],
          ['max', 1],
        ] as const) {
          // LoadGen's times are whole nanoseconds.
          const off = Math.abs(atShare(drawn[field], share) - histogram[key]);
          expect([record.scenario, field, key, off < 2e-3]).toEqual([
            record.scenario,
            field,
            key,
            true,
          ]);
        }
      }
    }
  });

  it('has the means of run.json, with errors, and the worst samples in their order', async () => {
    const { record, file } = readRunRecord(hostile);
    const { scores, findSample } = await readRunEvidence(record, file, allEvidence);
    expect(scores!.count).toBe(24);
    for (const metric of ['rouge1', 'rouge2', 'rougeL', 'rougeLsum']) {
      const { value, stderr } = scores!.estimates[metric]!;
      expect(value).toBeCloseTo(record.accuracy!.metrics[metric]!, 3);
      expect(stderr).toBeGreaterThan(0);
    }
    const ranks = scores!.worst.map(({ rank }) => rank);
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
    expect(ranks).toHaveLength(8);
    expect(findSample(scores!.worst[0]!.sampleIndex)!.prompt).toContain(hostileText);
  });

  it('counts in the course of the engine what the engine counted in the whole pass', async () => {
    for (const run of [offline, server, streams]) {
      const { record, file } = readRunRecord(run);
      const { engine } = await readRunEvidence(record, file, allEvidence);
      const sum = (field: 'steps' | 'sequenceSteps' | 'generatedTokens' | 'promptTokens') =>
        engine!.reduce((total, interval) => total + interval[field], 0);
      const { sut, performance } = record;
      expect(sum('steps')).toBe(sut!.steps);
      expect(sum('sequenceSteps') / sum('steps')).toBeCloseTo(sut!.occupancy!, 9);
      expect(sum('generatedTokens')).toBe(performance!.generatedTokens);
      expect(sum('promptTokens')).toBe(performance!.promptTokens);
      const fullest = Math.max(...engine!.map(({ kvShare }) => kvShare));
      expect(fullest).toBeGreaterThan(0);
      expect(fullest).toBeLessThanOrEqual(sut!.kvPeakShare!);
      expect(Math.max(...engine!.map(({ outstanding }) => outstanding))).toBeGreaterThan(0);
    }
  });
});

describe('bench report', () => {
  it('makes the same page again, from the folder and from its run.json', async () => {
    for (const run of [offline, hostile]) {
      const before = readPage(run);
      const { code, stdout, stderr } = await callBench('report', run);
      expect([code, stdout, stderr]).toEqual([0, `${join(run, 'report.html')}\n`, '']);
      expect(readPage(run)).toBe(before);
      const other = join(folder, 'other.html');
      await callBench('report', join(run, 'run.json'), '--output', other);
      expect(readFileSync(other, 'utf8')).toBe(before);
    }
  });

  it('works from every record that is kept, of GPUs too, and says what is not there', async () => {
    const results = join(findPackageRoot().folder, 'results', 'reference');
    let [pages, ladders] = [0, 0];
    for (const machine of readdirSync(results)) {
      cpSync(join(results, machine), join(folder, machine), { recursive: true });
      for (const name of readdirSync(join(folder, machine)).filter((one) =>
        one.endsWith('.json'),
      )) {
        const file = join(folder, machine, name);
        const record = JSON.parse(readFileSync(file, 'utf8'));
        const { code, stdout, stderr } = await callBench('report', file);
        if (record.schema === ladderSchema) {
          expect([name, code, stderr]).toEqual([name, 0, '']);
          const page = readFileSync(join(folder, machine, 'report.html'), 'utf8');
          expect(checkFigures(page, record)).toBeGreaterThan(10);
          expect(page).toContain('NVIDIA H100 80GB HBM3');
          ladders++;
          continue;
        }
        if (record.schema !== 'loadmark/run/1') {
          expect([code, stderr]).toEqual([2, expect.stringContaining('allowed: loadmark/run/1')]);
          continue;
        }
        expect([name, code, stderr]).toEqual([name, 0, '']);
        expect(stdout).toContain('without ');
        const page = readFileSync(file.replace(/json$/, 'html'), 'utf8');
        expect(checkFigures(page, record)).toBeGreaterThan(1);
        expect(page).toContain('Not on this page');
        expect(page).toMatch(record.performance?.mbu ? /<title>Roofline<\/title>/ : /./);
        pages++;
      }
    }
    expect(pages).toBeGreaterThan(10);
    expect(ladders).toBe(1);
  });

  it('reckons what GPUs read from the steps that each worker made', async () => {
    const kept = join(
      findPackageRoot().folder,
      'results/reference/h100-80gb/offline-llama-3-8b.json',
    );
    const record = JSON.parse(readFileSync(kept, 'utf8'));
    const { sut, performance, system } = record;
    expect(performance.mbu).toBeGreaterThan(0.1);
    const readOf = async (changes: object) => {
      const file = join(folder, 'of-workers.json');
      writeFileSync(file, JSON.stringify({ ...record, ...changes }));
      expect(await callBench('report', file)).toMatchObject({ code: 0, stderr: '' });
      const page = readFileSync(file.replace(/json$/, 'html'), 'utf8');
      return /[^>]*GB\/s at least/.exec(page)![0];
    };
    const worker = {
      ...{ state: 'ok', failure: null, samples: 1, promptTokens: 1, generatedTokens: 1 },
      ...{ occupancy: 1, kvPeakShare: 0.5, preemptions: 0, busyShare: 0.5 },
    };
    const workers = [sut.steps, 0].map((steps, at) => ({
      ...worker,
      ...{ devices: [`cuda:${at}`], steps },
    }));
    const idle = await readOf({
      system: { ...system, gpus: [system.gpus[0], system.gpus[0]] },
      sut: { ...sut, devices: ['cuda:0', 'cuda:1'], workers },
      performance: { ...performance, mbu: performance.mbu / 2, mfu: performance.mfu / 2 },
    });
    expect(idle).toBe(await readOf({}));
  });

  it('draws a CPU below the read of memory that was measured, and says where none was', async () => {
    const { sut, ...record } = readRecord(offline);
    expect(sut.memoryRead).toBeNull();
    expect(readPage(offline)).toContain('which a cache may hold: memory is no ceiling');
    expect(readPage(offline)).not.toContain('<title>Roofline</title>');
    const run = join(folder, 'large');
    cpSync(offline, run, { recursive: true });
    const memoryRead = { gbs: 40, threads: 2, seconds: 0.1 };
    const known = { ...sut, memoryRead, memoryReadAbsentBecause: null };
    writeFileSync(join(run, 'run.json'), JSON.stringify({ ...record, sut: known }));
    expect((await callBench('report', run)).code).toBe(0);
    const page = readPage(run);
    expect(page).toContain('<title>Roofline</title>');
    expect(page).toContain('40\u00a0GB/s, read by 2 threads</text>');
    expect(page).toContain('data-field="sut.memoryRead.gbs" data-value="40"');
    checkFigures(page, { ...record, sut: known });
  });

  it('goes on without files that are damaged, too large or gone, and names them', async () => {
    const run = join(folder, 'damaged');
    cpSync(offline, run, { recursive: true });
    writeFileSync(join(run, 'samples-performance.jsonl'), '{"series":0}\n{"series":\n');
    rmSync(join(run, 'engine-performance.jsonl'));
    const { code, stdout } = await callBench('report', run);
    expect(code).toBe(0);
    expect(stdout).toContain('samples-performance.jsonl, line 2: ');
    expect(stdout).toContain('engine-performance.jsonl is not there');
    const page = readPage(run);
    expect(page).toContain('line 2: ');
    expect(page).not.toContain('<title>Time to first token</title>');
    const { record, file } = readRunRecord(run);
    const { missing, scores } = await readRunEvidence(record, file, {
      ...allEvidence,
      mostBytes: 100,
    });
    expect(scores).toBeNull();
    expect(missing.join('\n')).toContain(`\`bench report ${run}\` reads it`);
  });

  it('does not take texts from a dataset that has changed', async () => {
    const run = join(folder, 'changed');
    cpSync(hostile, run, { recursive: true });
    const record = readRecord(run);
    writeFileSync(
      join(run, 'run.json'),
      JSON.stringify({ ...record, dataset: { ...record.dataset, digest: '0'.repeat(64) } }),
    );
    const { code, stdout } = await callBench('report', run);
    expect([code, stdout]).toEqual([0, expect.stringContaining('its digest differs')]);
    expect(readPage(run)).toContain('<p class="absent">not known</p>');
  });

  it('refuses what is no run, before it writes anything', async () => {
    const broken = join(folder, 'broken.json');
    writeFileSync(broken, '{"schema":"loadmark/run/1"}');
    const calls = [
      [[join(folder, 'nowhere')], 'does not exist'],
      [[folder], 'holds no record; allowed: the folder of a run'],
      [[broken], 'has no usable system, model, dataset, config'],
      [[offline, server, '--output', 'x.html'], 'there are 2 runs'],
      [[offline, '--output', join(offline, 'run.json')], 'allowed: a file *.html'],
    ] as const;
    for (const [argv, message] of calls) {
      const { code, stdout, stderr } = await callBench('report', ...argv);
      expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)]);
    }
  });

  it('is what a run writes by itself, unless it is told not to', async () => {
    const system = ['--sut', 'scripted', '--script', 'steady', '--clock', 'virtual'];
    const argv = [...system, '--mode', 'performance', '--samples', '8'];
    const run = join(folder, 'without');
    const without = await callBench(...argv, '--output', run, '--quiet', '--no-report');
    expect(without.stdout).not.toContain('Report ');
    expect(readdirSync(run)).not.toContain('report.html');
    const withPage = await callBench(...argv, '--output', join(folder, 'with'), '--quiet');
    expect(withPage.stdout).toMatch(/\nReport {6}.*with\/report\.html \(\d+\.\d\d s\)\n/);
  });
});
