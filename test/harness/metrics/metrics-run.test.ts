// `--metrics-port` beside real runs: what a scraper reads meanwhile. The thread that serves is compiled code, which
// `npm test` makes first.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { main } from '../../../harness/cli.js';
import type { RunConfig } from '../../../harness/config.js';
import { MetricsServer } from '../../../harness/metrics/metrics-server.js';
import { callBench } from '../bench-call.js';
import { type PageFamily, readExposition } from './exposition-checker.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-metrics-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('serves a tiny run while it goes, in the format to the letter, rising to what run.json says', async () => {
  let stderr = '';
  let stdout = '';
  let url: string | undefined;
  const given = ['--scenario', 'Server', '--target-qps', '25', '--min-duration', '2.5'];
  const few = ['--mode', 'performance', '--set', 'server.min_query_count=50', '--json'];
  const run = main([...given, ...few, '--metrics-port', '0', '--output', join(folder, 'run')], {
    stdout: {
      write: (text: string) => {
        stdout += text;
      },
    },
    stderr: {
      write: (text: string) => {
        stderr += text;
        url ??= /live figures at (\S+)/.exec(stderr)?.[1];
      },
    },
  });
  let isOver = false;
  const ended = run.finally(() => {
    isOver = true;
  });
  const pages: Map<string, PageFamily>[] = [];
  while (!isOver) {
    await sleep(50);
    if (url === undefined) continue;
    // The last request may find the port closed.
    const response = await fetch(url).catch(() => null);
    if (response === null) continue;
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    pages.push(readExposition(await response.text()));
  }
  expect([0, 3]).toContain(await ended);
  const record = JSON.parse(stdout);
  const read = (page: Map<string, PageFamily> | undefined, family: string, name = family) =>
    page
      ?.get(family)
      ?.samples.find((s) => s.name === name && s.labels.pass !== 'accuracy' && !s.labels.le)?.value;
  const issued = pages.map((page) => read(page, 'loadmark_samples_issued_total') ?? 0);
  expect(issued.toSorted((a, b) => a - b)).toEqual(issued);
  const during = issued.filter((count) => count > 0);
  expect(new Set(during).size).toBeGreaterThan(10);
  expect(during.at(-1)).toBeLessThanOrEqual(record.performance.issuedSamples);
  const last = pages.at(-1)!;
  expect(last.get('loadmark_run_info')?.samples[0]?.labels).toMatchObject({
    model: 'tiny-int4',
    scenario: 'Server',
    sut: 'native',
  });
  const completed = read(last, 'loadmark_samples_completed_total')!;
  expect(completed).toBeGreaterThan(0.8 * record.performance.completedSamples);
  const meanOf = (family: string) =>
    read(last, family, `${family}_sum`)! / read(last, family, `${family}_count`)!;
  const ttft = 1000 * meanOf('loadmark_time_to_first_token_seconds');
  expect(ttft / record.performance.ttftMs.mean).toBeGreaterThan(0.7);
  expect(ttft / record.performance.ttftMs.mean).toBeLessThan(1.4);
  expect(read(last, 'loadmark_batch_occupancy')).toBeGreaterThanOrEqual(0);
  expect(read(last, 'loadmark_kv_cache_used_ratio')).toBeLessThanOrEqual(1);
  const memory = last.get('loadmark_device_resident_bytes')?.samples[0];
  expect(memory).toMatchObject({ labels: { device: 'process' } });
  await expect(fetch(url!)).rejects.toThrow();
});

it('refuses a port that is in use before anything starts, in one line', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const output = join(folder, 'refused');
  try {
    const given = ['--metrics-port', String(port), '--output', output];
    const { code, stdout, stderr } = await callBench(...given);
    expect(stderr).toBe(
      `bench: --metrics-port: port ${port} of 127.0.0.1 is in use; allowed: a free port, or 0 for any\n`,
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(existsSync(output)).toBe(false);
  } finally {
    server.close();
  }
});

it('refuses what is no port, and an address that is not here', async () => {
  const high = await callBench('--metrics-port', '65536');
  expect(high.code).toBe(2);
  expect(high.stderr).toMatch(/metrics\.port is 65536; allowed: .*0 to 65535/);
  const host = await callBench('--metrics-port', '0', '--set', 'metrics.host=192.0.2.1');
  expect(host.code).toBe(2);
  expect(host.stderr).toMatch(/--metrics-port: port 0 of 192\.0\.2\.1 cannot be had/);
});

/** Nanoseconds that this thread has been on a processor; NaN where Linux does not tell. */
function threadCpuNs(): number {
  const file = `/proc/self/task/${process.pid}/schedstat`;
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[0]) : Number.NaN;
}

it.skipIf(Number.isNaN(threadCpuNs()))(
  'costs the thread that issues nothing to be scraped',
  async () => {
    const shown = { name: 'run', dataset: 'none', scenario: 'Server', mode: 'performance' };
    const config = { ...shown, sut: 'null', model: { name: 'none' } } as RunConfig;
    const metrics = { port: 0, host: '127.0.0.1' };
    const server = await MetricsServer.start({ ...config, metrics });
    const scrapes = 400;
    const script = `
    let bytes = 0;
    for (let i = 0; i < ${scrapes}; i++) bytes += (await (await fetch('${server!.url}')).text()).length;
    console.log(bytes);`;
    try {
      const before = threadCpuNs();
      const { stdout } = await promisify(execFile)(process.execPath, [
        '--input-type=module',
        '-e',
        script,
      ]);
      const microseconds = (threadCpuNs() - before) / 1e3;
      expect(Number(stdout)).toBeGreaterThan(200 * scrapes);
      // Served on this thread a scrape takes some hundred.
      expect(microseconds / scrapes).toBeLessThan(60);
    } finally {
      await server!.close();
    }
  },
);
