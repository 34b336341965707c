// Decode steps as CUDA graphs, and the same steps with graphs off: token for token the same answers of one GPU and of two
// ranks, other words in the record, and kernels that are launched one by one.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPackageRoot } from '../../harness/package-root.js';
import {
  type DeviceName,
  type EngineInfo,
  type EngineOptions,
  type GenerateRequest,
  hostFeatures,
} from '../../native/index.js';
import {
  activationTypes,
  answerAll,
  builtInModels,
  gpuOptions,
  hasGpu,
  loadRequests,
  withBench,
} from './built-in.js';

// Two ranks on one GPU must not load kernels late. Set before CUDA is first called, which hasGpu does.
process.env.CUDA_MODULE_LOADING = 'EAGER';
const available = hasGpu();
const gpus = available ? hostFeatures().cuda.devices.length : 0;
const root = findPackageRoot().folder;

const twoRanks: Partial<EngineOptions> = {
  tensorParallelDevices: [0, 1].map((i): DeviceName => `cuda:${gpus >= 2 ? i : 0}`),
};
const arrangements: readonly [string, Partial<EngineOptions>][] = [
  ['one GPU', {}],
  ['two ranks', twoRanks],
];

/** What is the same with graphs on and off, and what is said of them. */
function splitInfo({ kernels, ...info }: EngineInfo) {
  const { decode_graphs: graphs, ...others } = kernels;
  return { graphs, rest: { ...info, kernels: others } };
}

describe.skipIf(!available).each(builtInModels)('%s', (model) => {
  let requests: GenerateRequest[];
  beforeAll(async () => {
    requests = await loadRequests(128);
  });

  describe.each(arrangements)('%s', (_, devices) => {
    const load = (
      activations: (typeof activationTypes)[number],
      cudaGraphs: boolean,
      maxBatch: number,
      asked: readonly GenerateRequest[],
    ) =>
      withBench(
        gpuOptions(model, activations, { ...devices, maxBatch, cudaGraphs }),
        async (bench) => ({
          answers: await answerAll(bench, asked),
          info: bench.engine.info,
        }),
      );

    test.each(
      activationTypes.flatMap((type) => [1, 2, 3, 7, 64].map((batch) => [type, batch] as const)),
    )('greedy answers, %s, batch %i', async (activations, maxBatch) => {
      const asked = requests.slice(0, maxBatch < 7 ? 12 : requests.length);
      const on = await load(activations, true, maxBatch, asked);
      const off = await load(activations, false, maxBatch, asked);
      expect(off.answers).toEqual(on.answers);
      expect(off.answers.some((tokens) => tokens.length > 8)).toBe(true);
      const [withGraphs, without] = [splitInfo(on.info), splitInfo(off.info)];
      expect(withGraphs.graphs).toMatch(/^\d+ of 1 to \d+ rows, \d+ MiB$/);
      expect(without.graphs).toBe('off');
      expect(without.rest).toEqual(withGraphs.rest);
    });

    test('drawn tokens beside greedy ones', async () => {
      const asked = requests.slice(0, 24).map((request, i) => ({
        ...request,
        temperature: i % 3 === 0 ? 0 : 20,
        maxNewTokens: 16,
        seed: BigInt(i),
      }));
      const on = await load('fp16', true, 16, asked);
      const off = await load('fp16', false, 16, asked);
      expect(off.answers).toEqual(on.answers);
    });
  });
});

// In processes of their own: a GPU that has failed serves its process no more.
describe.skipIf(!available)('a kernel that fails', () => {
  const program = `
    import { Engine } from ${JSON.stringify(join(root, 'dist', 'native', 'index.js'))};
    const [options, requests] = JSON.parse(process.argv[1]);
    const engine = await Engine.load(options, {
      onEvents: () => {},
      onBroken: (error) => {
        process.stdout.write(error.message);
        clearTimeout(late);
        engine.close();
      },
    });
    const late = setTimeout(() => process.exit(1), 60_000);
    const seed = 0n;
    engine.submit(requests.map((one) => ({ ...one, promptTokens: Int32Array.of(3, 4, 5), stopTokens: new Int32Array(0), seed })));
  `;

  test.each([
    [true, /under way: step \d+, a decode graph of 4 rows/],
    [false, /under way: step \d+, a step of 3 decode rows/],
  ])('is one of a graph, or of a step without: %j', (cudaGraphs, told) => {
    const fault = { faultAtStep: 8, faultKind: 'device-fault' } as const;
    const options = gpuOptions('tiny-int4', 'fp16', { maxBatch: 4, cudaGraphs, ...fault });
    const requests = [0, 1, 2].map((id) => ({
      ...{ id, maxNewTokens: 64, minNewTokens: 0, temperature: 0, topK: 0, topP: 1 },
    }));
    const argv = ['--input-type=module', '-e', program, JSON.stringify([options, requests])];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
      encoding: 'utf8',
      timeout: 100_000,
    });
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(told);
  });
});

describe.skipIf(!available)('bench', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'loadmark-graphs-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const bench = (...argv: string[]) =>
    spawnSync(process.execPath, [join(root, 'dist', 'harness', 'cli.js'), ...argv], {
      encoding: 'utf8',
      timeout: 100_000,
      maxBuffer: 2 ** 28,
    });
  const groups = [
    ['cuda:0', '1'],
    ['cuda:0,1', '2'],
  ] as const;
  for (const [device, ranks] of groups) {
    test.skipIf(gpus < Number(ranks))(`records what was asked on ${device}`, () => {
      const make = (graphs: string) => {
        const output = join(folder, `${ranks}-${graphs}`);
        const short = ['--samples', '8', '--target-qps', '1', '--min-duration', '0', '--quiet'];
        const on = ['--device', device, '--tensor-parallel', ranks, '--cuda-graphs', graphs];
        const argv = ['--mode', 'performance', ...short, ...on, '--json', '--output', output];
        const { stdout, stderr } = bench(...argv);
        expect(stdout, stderr).not.toBe('');
        return { output, run: JSON.parse(stdout) };
      };
      const [on, off] = [make('true'), make('false')];
      expect(on.run.sut.kernels.decode_graphs).toMatch(/^\d+ of 1 to \d+ rows, /);
      expect(off.run.sut.kernels.decode_graphs).toBe('off');
      expect([on, off].map(({ run }) => run.config.engine.cudaGraphs)).toEqual([true, false]);
      const { stdout, stderr } = bench('compare', off.output, on.output, '--json');
      expect(stdout, stderr).not.toBe('');
      const { factors } = JSON.parse(stdout) as {
        readonly factors: readonly { readonly name: string; readonly isSame: boolean }[];
      };
      const differing = factors.filter(({ isSame }) => !isSame).map(({ name }) => name);
      expect(differing).toContain('CUDA graphs');
      expect(differing).not.toContain('kernels');
    });
  }
});
