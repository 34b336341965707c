// `bench quantize` from its options to the folder it leaves: what is in it, what is refused, and that an interrupted or
// refused call leaves nothing behind.

import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer, openDataset, ownFieldNames, type Tokenizer } from '../../datasets/index.js';
import { readCalibrationTexts, shareSamples } from '../../harness/calibration-texts.js';
import { type QuantizeRecord, quantizeCheckpoint } from '../../harness/commands/quantize.js';
import { collectQuantizeOptions } from '../../harness/quantize-options.js';
import { Engine } from '../../native/index.js';
import { callBench } from './bench-call.js';

const work = mkdtempSync(join(tmpdir(), 'loadmark-bench-quantize-'));
const model = join(work, 'little');
const golden = join(dirname(fileURLToPath(import.meta.url)), '../golden/transformers/float32');
let tokenizer: Tokenizer;

beforeAll(async () => {
  mkdirSync(model);
  for (const name of ['config.json', 'model.safetensors']) {
    copyFileSync(join(golden, name), join(model, name));
  }
  writeFileSync(join(model, 'tokenizer.json'), JSON.stringify(makeTokenizer()));
  const special = { bos_token: '<s>', eos_token: '</s>' };
  writeFileSync(join(model, 'tokenizer_config.json'), JSON.stringify(special));
  writeFileSync(join(model, 'notes.txt'), 'not for the copy');
  tokenizer = await loadTokenizer(model);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** One token a character, within the little model's vocabulary of 160. */
function makeTokenizer(): object {
  const characters = ['\n', ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))];
  const vocab = Object.fromEntries(
    ['<unk>', '<s>', '</s>', ...characters].map((text, id) => [text, id]),
  );
  const added = ['<unk>', '<s>', '</s>'].map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  return {
    version: '1.0',
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    model: { type: 'BPE', vocab, merges: [], unk_token: '<unk>' },
  };
}

async function bench(...argv: string[]) {
  const { code: exitCode, stdout, stderr } = await callBench('quantize', ...argv);
  return { exitCode, stdout, stderr };
}

function readJson<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(...path), 'utf8')) as T;
}

describe('a checkpoint', () => {
  const out = join(work, 'little-int4');
  const options = ['--group-size', '32', '--calibration', 'tiny-orca,tiny-mmlu', '--samples', '9'];

  test('is written whole, with its report', async () => {
    const { exitCode, stdout, stderr } = await bench(model, ...options, '--out', out);
    expect(stderr).toMatch(/layer 1\/2 {2}output error .* \(rtn .*\n.*layer 2\/2/);
    expect(exitCode).toBe(0);
    expect(readdirSync(out).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'quantize_config.json',
      'quantize_report.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(readdirSync(work).filter((name) => /partial|replaced/.test(name))).toEqual([]);
    const record = readJson<QuantizeRecord>(out, 'quantize_report.json');
    expect(record).toMatchObject({ schema: 'loadmark/quantize/1', model: 'little', sequences: 9 });
    expect(record.calibration.map(({ dataset, rows }) => [dataset, rows?.length])).toEqual([
      ['tiny-orca', 5],
      ['tiny-mmlu', 4],
    ]);
    expect(record.linears).toHaveLength(14);
    for (const linear of record.linears) {
      expect(linear.gptqOutputError, linear.name).toBeLessThan(linear.rtnOutputError!);
      expect(stdout).toContain(linear.name);
    }
    expect(stdout).toContain('gptq loses less than rtn in 14 of 14 linears');
  });

  test('carries the configuration that other tools read', () => {
    const quantization = {
      bits: 4,
      group_size: 32,
      damp_percent: 0.01,
      desc_act: false,
      static_groups: false,
      sym: true,
      true_sequential: true,
      quant_method: 'gptq',
      checkpoint_format: 'gptq',
      lm_head: false,
    };
    const own = readJson<{ meta: { quantizer: string[] } }>(out, 'quantize_config.json');
    expect(own).toMatchObject(quantization);
    expect(own.meta.quantizer[0]).toMatch(/^loadmark:\d/);
    const config = readJson<Record<string, unknown>>(out, 'config.json');
    const { quantization_config: inside, ...rest } = config;
    expect(inside).toEqual(own);
    expect(rest).toEqual(readJson(model, 'config.json'));
    const copy = readFileSync(join(out, 'tokenizer.json'));
    expect(copy).toEqual(readFileSync(join(model, 'tokenizer.json')));
  });

  test('is loaded by the engine', async () => {
    const engine = await Engine.load(
      {
        modelPath: out,
        device: 'cpu',
        threads: 1,
        maxBatch: 1,
        maxSequenceTokens: 64,
        maxStepTokens: 64,
        pageTokens: 16,
        kvCacheBytes: 0,
        kvCacheType: 'fp32',
        instructionSet: 'auto',
        activationType: 'int8',
      },
      { onEvents: () => {} },
    );
    expect(engine.info.weightFormat).toBe('int4 g32 sym (gptq)');
    await engine.close();
  });

  test('is not overwritten, but with --force', async () => {
    const before = readFileSync(join(out, 'model.safetensors'));
    const refused = await bench(model, '--method', 'rtn', '--group-size', '64', '--out', out);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(/--out: ".*little-int4" is not empty; allowed: .*--force/);
    expect(readFileSync(join(out, 'model.safetensors'))).toEqual(before);
    const forced = await bench(
      ...[model, '--method', 'rtn', '--group-size', '64', '--asym', '--checkpoint-format'],
      ...['gptq_v2', '--out', out, '--force', '--json', '--quiet'],
    );
    expect(forced).toMatchObject({ exitCode: 0, stderr: '' });
    const record = JSON.parse(forced.stdout) as QuantizeRecord;
    expect(record).toEqual(readJson(out, 'quantize_report.json'));
    expect(record).toMatchObject({ method: 'rtn', sequences: 0, calibration: [] });
    expect(record.quantization).toMatchObject({
      group_size: 64,
      sym: false,
      checkpoint_format: 'gptq_v2',
    });
    expect(readFileSync(join(out, 'model.safetensors'))).not.toEqual(before);
    expect(readdirSync(work).sort()).toEqual(['little', 'little-int4']);
  });
});

describe('refusals', () => {
  test('every fault at once, nothing started', async () => {
    const { exitCode, stderr, stdout } = await bench(
      ...['tinny', '--method', 'awq', '--bits', '3', '--group-size', '48', '--damp', '2'],
      ...['--samples', '0', '--calibration', 'tiny-orcas', '--sym', '--asym'],
      ...['--checkpoint-format', 'marlin', '--threads', 'x', '--out', model],
    );
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    const wanted = [
      /MODEL: model is "tinny"; allowed: .*tiny/,
      /--out: .*" is not empty; allowed/,
      /--method: .*"awq" is not in this version/,
      /--bits: .*"3" is not in this version/,
      /--group-size: group-size is "48"; allowed: 32, 64, 128, -1/,
      /--damp: .*2; allowed: .*0 to 1/,
      /--samples: .*0; allowed/,
      /--calibration: .*"tiny-orcas"; allowed: .*did you mean "tiny-orca"/,
      /--asym: contradicts --sym/,
      /--checkpoint-format: .*"marlin"; allowed: gptq, gptq_v2/,
      /--threads: .*"x"; allowed/,
    ];
    for (const fault of wanted) expect(stderr).toMatch(fault);
    expect(stderr.trim().split('\n')).toHaveLength(wanted.length);
  });

  test.each([
    ['no folder', [], /--out: is missing/],
    [
      'gptq without texts',
      ['--out', join(work, 'x')],
      /--calibration: is missing; wanted: a dataset/,
    ],
    [
      'more texts than there are',
      ['--out', join(work, 'x'), '--calibration', 'tiny-orca', '--samples', '513'],
      /--samples: samples asks 513 rows of tiny-orca; allowed: up to 512/,
    ],
    [
      'a group wider than the model',
      ['--out', join(work, 'x'), '--method', 'rtn', '--group-size', '128'],
      /self_attn\.q_proj: group size 128 does not divide the input features 64.*mlp\.up_proj/,
    ],
    [
      'the model itself',
      ['--out', model, '--method', 'rtn', '--force'],
      /holds the checkpoint to quantize/,
    ],
    [
      'above the model',
      ['--out', work, '--method', 'rtn', '--force'],
      /holds the checkpoint to quantize/,
    ],
    [
      'an order for rtn',
      ['--out', join(work, 'x'), '--method', 'rtn', '--desc-act'],
      /--desc-act: rtn/,
    ],
  ])('%s', async (_, argv, message) => {
    const { exitCode, stderr } = await bench(model, ...argv);
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(2);
    expect(readdirSync(work).filter((name) => /^x|partial/.test(name))).toEqual([]);
  });

  test('a model that is not there', async () => {
    const { exitCode, stderr } = await bench('tinny', '--method', 'rtn', '--out', join(work, 'x'));
    expect(stderr).toMatch(/MODEL: model is "tinny"; allowed: .*tiny/);
    expect(exitCode).toBe(2);
  });

  test('--force replaces checkpoints only', async () => {
    const precious = join(work, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'thesis.txt'), 'years of work');
    const { exitCode, stderr } = await bench(
      model,
      '--method',
      'rtn',
      '--out',
      precious,
      '--force',
    );
    expect(stderr).toMatch(/no config\.json; --force replaces the folder of a checkpoint only/);
    expect(exitCode).toBe(2);
    expect(readdirSync(precious)).toEqual(['thesis.txt']);
    rmSync(precious, { recursive: true });
  });
});

test('an interrupted call leaves nothing', async () => {
  const request = collectQuantizeOptions(model, {
    groupSize: '32',
    calibration: 'tiny-orca',
    samples: '200',
    out: join(work, 'interrupted'),
  });
  const controller = new AbortController();
  const told: string[] = [];
  const streams = {
    stdout: { write: () => true },
    stderr: {
      write: (text: string) => {
        told.push(text);
        if (text.startsWith('layer 1')) controller.abort();
      },
    },
  };
  const ended = quantizeCheckpoint(request, streams, controller.signal);
  await expect(ended).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
  expect(told.join('')).not.toContain('layer 2');
  expect(readdirSync(work).filter((name) => name.startsWith('interrupted'))).toEqual([]);
});

describe('calibration texts', () => {
  const readNamed = (name: string, samples: number, maxTokens: number) =>
    readCalibrationTexts([{ kind: 'rows', name, path: name }], tokenizer, {
      ...{ samples, maxTokens, windowTokens: 64, seed: 0, fields: ownFieldNames },
      allowEvaluation: false,
    });

  test('are whole rows of the calibration split, each once', async () => {
    const { sequences, sources } = await readNamed('tiny-mmlu', 100, 100_000);
    const dataset = openDataset('tiny-mmlu', 'calibration');
    const rows = sources[0]!.rows!;
    expect(new Set(rows).size).toBe(100);
    expect(sources[0]!.digest).toBe(dataset.digest());
    const subjects = new Set<string>();
    for (const [i, row] of rows.entries()) {
      const sample = dataset.sample(row);
      if (sample.kind !== 'choice') throw new Error('tiny-mmlu is made of choices');
      subjects.add(sample.subject);
      const text = sample.prompt + sample.choices[sample.answer];
      expect(tokenizer.decode(sequences[i]!).replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      const first = tokenizer.bosId ?? tokenizer.encode(sample.prompt)[0];
      expect([sequences[i]![0], sequences[i]!.at(-1)]).toEqual([first, tokenizer.eosId]);
    }
    expect(subjects.size).toBe(5);
  });

  test('are the same rows however many are taken, and are cut to the limit', async () => {
    const few = await readNamed('tiny-orca', 5, 50);
    const more = await readNamed('tiny-orca', 20, 100_000);
    expect(more.sources[0]!.rows!.slice(0, 5)).toEqual(few.sources[0]!.rows);
    expect(few.sequences.map((sequence) => sequence.length)).toEqual([50, 50, 50, 50, 50]);
    expect(more.sequences[0]!.subarray(0, 50)).toEqual(few.sequences[0]);
  });

  test('are shared evenly', () => {
    expect(shareSamples(9, 2)).toEqual([5, 4]);
    expect(shareSamples(128, 1)).toEqual([128]);
    expect(shareSamples(7, 3)).toEqual([3, 2, 2]);
  });
});
