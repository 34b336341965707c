// The pages of runs, of comparisons, a ladder and sweeps in a real browser: each loads without a complaint, no label lies on another, nothing is cut off, and it can be
// read in the dark and on paper. Where there is no Chromium this is skipped, by name.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPackageRoot } from '../../../../harness/package-root.js';
import { callBench } from '../../bench-call.js';
import { Chromium, findChromium } from './chromium.js';
import {
  concurrencySweep,
  makeGrid,
  makeLadder,
  makeSweep,
  rateSweep,
} from './made-experiments.js';
import { makeHostileRun, makeRun, readPage } from './made-runs.js';
import {
  contrasts,
  cutOff,
  overlappingLabels,
  scrollsSideways,
  strandedTexts,
} from './page-checks.js';

const program = findChromium();
const reason = program === null ? ' (skipped: no Chromium in $CHROMIUM or on the path)' : '';

describe.skipIf(program === null)(`pages in Chromium${reason}`, () => {
  let folder = '';
  let browser: Chromium;
  const pages: string[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'loadmark-browser-'));
    const few = ['--samples', '64', '--min-duration', '0.3'];
    const rate = ['--target-qps', '150', '--set', 'server.min_query_count=80'];
    const runs = [
      await makeRun(folder, 'offline', ...few, '--target-qps', '1'),
      await makeRun(folder, 'server', '--scenario', 'Server', ...few, ...rate),
      await makeHostileRun(folder),
    ];
    pages.push(...runs.map((run) => join(run, 'report.html')));
    const kept = ['h100-80gb/server-llama-3-8b', 'epyc-zen5-2-cores/mmlu-optimized'];
    for (const name of kept) {
      const record = join(findPackageRoot().folder, 'results', 'reference', `${name}.json`);
      const page = join(folder, `${name.replace('/', '-')}.html`);
      expect((await callBench('report', record, '--output', page)).code).toBe(0);
      pages.push(page);
    }
    const compared = join(folder, 'compared');
    await callBench('compare', runs[0]!, runs[2]!, '--output', compared);
    pages.push(join(compared, 'report.html'));
    const models = join(folder, 'models');
    const other = await makeRun(folder, 'bf16', ...few, '--target-qps', '1', '--model', 'tiny');
    await callBench('compare', other, runs[0]!, '--output', models);
    pages.push(join(models, 'report.html'));
    const evaluations = ['tiny', 'tiny-int4'].map((model) => [
      model,
      join(folder, `eval-${model}`),
    ]);
    const data = join(findPackageRoot().folder, 'test/golden/lm-eval/data');
    for (const [model, place] of evaluations) {
      const asked = ['--tasks', 'mmlu,hellaswag,wikitext', '--limit', '4', '--data', data];
      expect((await callBench('eval', model!, ...asked, '--output', place!)).code).toBe(0);
    }
    const scored = join(folder, 'scored');
    const rules = ['--gate', 'mmlu=-1.5pt,wikitext=+1%', '--output', scored];
    await callBench('compare', ...evaluations.map(([, place]) => place!), ...rules);
    pages.push(join(scored, 'report.html'));
    const experiments = [
      await makeLadder(folder),
      await makeSweep(folder, 'rates', rateSweep),
      await makeSweep(folder, 'loop', concurrencySweep),
      await makeGrid(folder),
    ];
    pages.push(...experiments.map((place) => join(place, 'report.html')));
    browser = await Chromium.start(program!);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  const open = (page: string, width?: number) => browser.open(pathToFileURL(page).href, width);

  it('would tell of refused scripts and requests, of labels on each other and of what is cut off', async () => {
    const [head, body] = readPage(join(folder, 'hostile')).split('</main>') as [string, string];
    const page = join(folder, 'with-faults.html');
    const script = '<script>document.title = "ran"</script>';
    const image = '<img src="https://example.invalid/x.png">';
    const drawing =
      '<svg viewBox="0 0 560 40"><title>T</title><text x="5" y="20">one</text><text x="9" y="22">two</text><text x="555" y="20">three</text></svg>';
    writeFileSync(page, `${head}${script}${image}${drawing}</main>${body}`);
    await open(page);
    const told = browser.complaints.join('\n');
    expect(told).toMatch(/inline script/);
    expect(told).toMatch(/Content Security Policy/);
    expect(told).toContain('https://example.invalid/x.png');
    expect(await browser.evaluate('document.title')).not.toBe('ran');
    expect(await browser.evaluate(overlappingLabels)).toEqual(['T: one | two']);
    expect(await browser.evaluate(cutOff)).toContain('three');
  });

  it('loads without a complaint, holds nothing that could run, and shows hostile texts as texts', async () => {
    for (const page of pages) {
      await open(page);
      expect([page, browser.complaints]).toEqual([page, []]);
      const strangers = await browser.evaluate(
        `document.querySelectorAll('script, img, iframe, object, embed, link').length`,
      );
      expect([page, strangers]).toEqual([page, 0]);
      expect(await browser.evaluate(`document.querySelectorAll('figure > svg').length`)).toBe(
        await browser.evaluate(`document.querySelectorAll('figure').length`),
      );
    }
    await open(join(folder, 'hostile', 'report.html'));
    const text = await browser.evaluate<string>(`document.querySelector('pre.shown').textContent`);
    expect(text).toContain(`</script></pre><img src=x onerror="alert('1')">`);
  });

  it('sets prompts and answers beside each other on paper, none of them alone in a row below', async () => {
    await browser.look('print', 'light');
    await open(join(folder, 'models', 'report.html'), 688);
    const groups = await browser.evaluate<number>(
      `document.querySelectorAll('.columns.of-4').length`,
    );
    expect(groups).toBeGreaterThan(0);
    const lefts = await browser.evaluate<number[]>(
      `[...document.querySelector('.columns.of-4').children].map((child) => child.getBoundingClientRect().left)`,
    );
    expect(lefts[1]).toBeGreaterThan(lefts[0]!);
    expect(lefts.slice(2)).toEqual([lefts[1], lefts[1]]);
  });

  it('has no label on another and cuts nothing off, on a screen, a telephone and paper', async () => {
    for (const page of pages) {
      for (const [media, width] of [
        ['screen', 1240],
        ['screen', 400],
        ['screen', 900],
        ['print', 688],
        ['print', 720],
      ] as const) {
        await browser.look(media, 'light');
        await open(page, width);
        const where = `${page} at ${width}`;
        expect([where, await browser.evaluate(overlappingLabels)]).toEqual([where, []]);
        expect([where, await browser.evaluate(cutOff)]).toEqual([where, []]);
        expect([where, await browser.evaluate(scrollsSideways)]).toEqual([where, false]);
        expect([where, await browser.evaluate(strandedTexts)]).toEqual([where, 0]);
      }
    }
  });

  it('can be read in light and in the dark', async () => {
    const papers = [];
    for (const scheme of ['light', 'dark'] as const) {
      await browser.look('screen', scheme);
      await open(pages[0]!);
      papers.push(await browser.evaluate('getComputedStyle(document.body).backgroundColor'));
      const found = await browser.evaluate<Record<string, number>>(contrasts);
      for (const [name, contrast] of Object.entries(found)) {
        expect([scheme, name, contrast > 4.5]).toEqual([scheme, name, true]);
      }
    }
    expect(papers).toEqual(['rgb(255, 255, 255)', 'rgb(21, 24, 27)']);
  });

  it('opens what is folded on paper, which stays white, but for the data of charts', async () => {
    const isShown = (what: string) =>
      browser.evaluate<boolean>(`document.querySelector('${what}').checkVisibility()`);
    await browser.look('screen', 'dark');
    await open(pages[0]!);
    expect(await isShown('section > details.fold .fold-body')).toBe(false);
    await browser.look('print', 'dark');
    expect(await isShown('section > details.fold .fold-body')).toBe(true);
    expect(await isShown('figure details')).toBe(false);
    expect(await browser.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(
      'rgb(255, 255, 255)',
    );
    const pdf = await browser.printPdf();
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    expect(pdf.length).toBeGreaterThan(30_000);
  });
});
