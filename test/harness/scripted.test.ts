// The scripted system through the real command: its times by both clocks, each of its faults, and what is refused.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callBench } from './bench-call.js';

let folder = '';
let runs = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-scripted-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function bench(...argv: string[]) {
  const call = await callBench(...argv);
  return { ...call, stderr: call.stderr.replaceAll(`${folder}/`, '') };
}

/** A run of 60 samples by the script, into a folder of its own. */
async function follow(script: string, ...argv: string[]) {
  const number = runs++;
  const output = join(folder, `run-${number}`);
  const file = write(`script-${number}.yaml`, script);
  const common = ['--samples', '60', '--quiet', '--output', output];
  const result = await bench('--sut', 'scripted', '--script', file, ...common, ...argv);
  const read = (name: string) => readFileSync(join(output, name), 'utf8');
  const readRun = () => JSON.parse(read('run.json'));
  const readRows = (pass: string) =>
    read(`samples-${pass}.jsonl`)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  return { ...result, output, read, readRun, readRows };
}

const virtual = ['--clock', 'virtual'];
const server = ['--scenario', 'Server', '--target-qps', '50', '--set', 'server.min_duration_s=10'];
const offline = ['--min-duration', '0.1', '--target-qps', '1'];
const steady = 'time_to_first_token: { base_ms: 20 }\ntime_per_output_token: { base_ms: 5 }\n';

describe('a scripted run on the virtual clock', () => {
  it('lasts as long as the script says, to the nanosecond, and says that it is neither real nor measured', async () => {
    const run = await follow(`${steady}answers: { tokens: 11 }`, ...virtual, ...server);
    expect(run.code).toBe(4);
    expect(run.stdout).toMatch(/^VALID .*\nSCRIPTED .*script-\d+\.yaml\nSIMULATED .*\n/);
    const record = run.readRun();
    expect(record).toMatchObject({ clock: 'virtual', valid: true });
    expect(record.sut).toMatchObject({ kind: 'scripted', features: { faults: 'none' } });
    expect(record.sut.features.scriptSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(record.config.script.answers.tokens).toBe(11);
    const { latencyMs, ttftMs, tpotMs, issueLagUs } = record.performance;
    for (const at of ['mean', 'p50', 'p99', 'max']) {
      expect([latencyMs[at], ttftMs[at], tpotMs[at], issueLagUs[at]]).toEqual([70, 20, 5, 0]);
    }
    expect(record.performance.scheduledSamplesPerSecond).toBeGreaterThan(40);
  });

  it('queues for slots, first come, first served', async () => {
    const script = `${steady}answers: { tokens: 11 }\nslots: 4`;
    const run = await follow(script, ...virtual, ...offline, '--mode', 'performance');
    // 60 samples, four at a time, 70 ms each: 15 rounds.
    expect(run.readRun().performance.latencyMs.max).toBeCloseTo(15 * 70, 6);
    const ends = run.readRows('performance').map((row) => row.completedNs / 1e6);
    expect(ends.slice(0, 8)).toEqual([70, 70, 70, 70, 140, 140, 140, 140]);
  });

  it('spreads times and lengths by row: the same in every pass and every run', async () => {
    const script = `time_to_first_token: { base_ms: 10, spread_ms: 100 }
time_per_output_token: { base_ms: 1, spread_ms: 2 }
answers: { tokens: 5, spread_tokens: 10 }`;
    const first = await follow(script, ...virtual, ...offline);
    const byRow = (pass: string) => {
      const rows = first.readRows(pass).map((row) => {
        const firstNs = row.firstTokenNs - row.scheduledNs;
        return [row.sampleIndex, [firstNs, row.completedNs - row.firstTokenNs]] as const;
      });
      return new Map(rows);
    };
    const times = byRow('performance');
    expect([...times].sort()).toEqual([...byRow('accuracy')].sort());
    const waits = [...times.values()].map(([wait]) => (wait ?? 0) / 1e6);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...waits)).toBeLessThan(110);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(80);
    expect(waits.reduce((sum, wait) => sum + wait, 0) / 60).toBeGreaterThan(45);
    const lengths = first.readRows('accuracy').map((row) => row.outputTokenCount);
    expect(new Set(lengths).size).toBeGreaterThan(6);
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([5, 15]);

    const again = await follow(script, ...virtual, ...offline);
    expect(again.readRows('performance')).toEqual(first.readRows('performance'));
    const other = await follow(`${script}\nseed: 2`, ...virtual, ...offline);
    expect(other.readRows('performance')).not.toEqual(first.readRows('performance'));
  });

  it('answers within issueQuery when it is synchronous', async () => {
    const script = `${steady}answers: { tokens: 11 }\nsync: true`;
    const run = await follow(script, ...virtual, ...server, '--mode', 'performance');
    const rows = run.readRows('performance');
    for (let i = 1; i < rows.length; i++) {
      expect(rows[i].issuedNs).toBeGreaterThanOrEqual(rows[i - 1].completedNs);
    }
    expect(Math.max(...rows.map((row) => row.issuedNs - row.scheduledNs))).toBeGreaterThan(1e6);
  });

  it.each([
    ['SingleStream', 100],
    ['MultiStream', 662 * 8],
  ])('serves %s', async (scenario, least) => {
    const run = await follow(steady, ...virtual, '--scenario', scenario, '--min-duration', '10');
    expect(run.code).toBe(0);
    expect(run.readRun().performance.issuedSamples).toBeGreaterThanOrEqual(least);
  });
});

describe('the answers of a script', () => {
  it('are the references, with an end of sequence or two', async () => {
    const scores = async (answers: string) => {
      const run = await follow(`${steady}answers: ${answers}`, ...virtual, ...offline);
      const { rouge1, rougeL, genTokLen } = run.readRun().accuracy.metrics;
      return { rouge1, rougeL, genTokLen };
    };
    const plain = await scores('{}');
    expect(plain).toMatchObject({ rouge1: 100, rougeL: 100 });
    const { genTokLen } = plain;
    expect(await scores('{ eos: once }')).toEqual({ ...plain, genTokLen: genTokLen + 60 });
    expect(await scores('{ eos: twice }')).toEqual({ ...plain, genTokLen: genTokLen + 120 });
  });

  it('lose ROUGE with the share that is spoilt, and no token', async () => {
    const lengths: number[] = [];
    const losses: number[] = [];
    for (const share of [0.01, 0.03, 0.1]) {
      const script = `${steady}answers: { degrade: ${share} }`;
      const run = await follow(script, ...virtual, ...offline, '--accuracy', '--samples', '300');
      const { rouge1, rougeL, genTokLen } = run.readRun().accuracy.metrics;
      lengths.push(genTokLen);
      losses.push(100 - rouge1);
      expect((100 - rouge1) / (100 * share)).toBeCloseTo(1, 1);
      expect(100 - rougeL).toBeCloseTo(100 - rouge1, 2);
    }
    expect(new Set(lengths).size).toBe(1);
    expect(losses).toEqual([...losses].sort((a, b) => a - b));
  });

  it('pick the right choice, except for the share that is spoilt', async () => {
    const mmlu = ['--dataset', 'tiny-mmlu', '--accuracy', '--samples', '500'];
    const right = await follow(steady, ...virtual, ...offline, ...mmlu);
    expect(right.readRun().accuracy.metrics.mmlu).toBe(100);
    const script = `${steady}answers: { degrade: 0.1 }`;
    const spoilt = await follow(script, ...virtual, ...offline, ...mmlu);
    expect(spoilt.readRun().accuracy.metrics.mmlu).toBeCloseTo(90, 0);
    expect(spoilt.code).toBe(4);
  });
});

describe('a scripted run on the real clock', () => {
  it('takes the same times, hardly late', async () => {
    const script = `${steady}answers: { tokens: 11 }\nslots: 20`;
    const run = await follow(script, ...offline);
    expect(run.stdout).toMatch(/^VALID .*\nSCRIPTED .*\n\n/);
    const { performance, clock } = run.readRun();
    expect(clock).toBe('real');
    // 60 samples, twenty at a time, 70 ms each. Never early; late by what else the machine does.
    expect(performance.latencyMs.max).toBeGreaterThanOrEqual(210);
    expect(performance.latencyMs.max).toBeLessThan(400);
    expect(performance.ttftMs.p50).toBeGreaterThanOrEqual(90);
    const ends = run.readRows('performance').map((row) => row.completedNs - row.scheduledNs);
    expect(Math.min(...ends)).toBeGreaterThanOrEqual(70e6);
  });

  it('blocks issueQuery when it is synchronous', async () => {
    const script = `${steady}answers: { tokens: 3 }\nsync: true\nslots: 30`;
    const run = await follow(script, ...offline, '--accuracy');
    expect(run.readRun().accuracy.durationSeconds).toBeGreaterThanOrEqual(0.06);
  });
});

const twice = 'Attempted to complete a sample twice.';
const unasked = /Received a completion for sample \d+, which does not exist\./;
const silent = 'The system under test went silent while samples were outstanding.';
const tooFew = 'Number of tokens need to be greater than 1';

describe('a scripted fault', () => {
  it.each([
    ['drop: { sample: 7 }', silent],
    ['drop: { probability: 0.1 }', silent],
    ['answer_twice: { sample: 7 }', twice],
    ['first_token_twice: { sample: 7 }', twice],
    ['answer_unasked: { sample: 7 }', unasked],
    [
      'answer_before_first_token: { sample: 7 }',
      "Attempted to record a sample latency before it's first token latency",
    ],
    ['zero_tokens: { sample: 7 }', 'attempted to record 0 as number of tokens'],
    ['one_token: { sample: 7 }', tooFew],
    ['negative_tokens: { sample: 7 }', 'Attempted to record a negative number of tokens'],
    [
      'fail: { sample: 7, reason: out of memory }',
      '1 sample failed, first sample 7: out of memory',
    ],
    ['silence: { sample: 7 }', silent],
  ])(
    '%s ends the run with exit 5 and its name, in both passes or the first',
    async (fault, text) => {
      const script = `${steady}faults: { ${fault} }`;
      const run = await follow(script, ...virtual, ...server);
      expect(run.stderr).toBe('');
      expect(run.code).toBe(5);
      expect(run.stdout).toMatch(/^INVALID /);
      const record = run.readRun();
      const reasons: string[] = record.invalidReasons;
      expect(record.valid).toBe(false);
      if (typeof text === 'string') expect(reasons.join('\n')).toContain(text);
      else expect(reasons.join('\n')).toMatch(text);
      // LoadGen's own log names it as an error too, and what was answered is kept.
      expect(run.read('accuracy/mlperf_log_detail.txt')).toContain('"is_error": true');
      const isGivenUp = text === silent;
      expect(record.performance === null).toBe(isGivenUp);
      const answered = run.readRows('accuracy').filter((row) => row.completedNs !== null);
      expect(answered.length).toBe(record.accuracy.samplesScored);
      expect(answered.length).toBeGreaterThanOrEqual(1);
      if (fault === 'drop: { sample: 7 }') expect(answered.length).toBe(59);
      expect(readdirSync(join(run.output, 'accuracy'))).toContain('mlperf_log_accuracy.json');
    },
  );

  it.each(['Offline', 'SingleStream', 'MultiStream', 'Server'])(
    'of silence ends %s on the real clock, when the watchdog says',
    async (scenario) => {
      const script = 'answers: { tokens: 4 }\nfaults: { silence: { sample: 5 } }';
      const quick = ['--set', 'watchdog_s=0.2', 'server.target_qps=200'];
      const run = await follow(script, '--scenario', scenario, '--mode', 'performance', ...quick);
      expect(run.code).toBe(5);
      const { performance, invalidReasons } = run.readRun();
      expect(invalidReasons.join('\n')).toContain(silent);
      expect(performance.completedSamples).toBeGreaterThanOrEqual(1);
      expect(performance.failedSamples).toBeGreaterThanOrEqual(1);
    },
  );

  it('happens in the pass that it is written for', async () => {
    const script = `${steady}faults: { fail: { sample: 7, pass: performance } }`;
    const run = await follow(script, ...virtual, ...server);
    expect(run.code).toBe(5);
    expect(run.readRun()).toMatchObject({
      accuracy: { failedSamples: 0, samplesScored: 60 },
      performance: { failedSamples: 1 },
    });
    expect(run.readRun().invalidReasons).toContain(
      'performance: 1 sample failed, first sample 7: the script says so',
    );
  });
});

describe('find-peak', () => {
  it('finds the rate that a system of known capacity keeps', async () => {
    // One sample at a time, 10 ms each: a queue of deterministic service that ends at 100 a second.
    const script = 'time_to_first_token: { base_ms: 9 }\ntime_per_output_token: { base_ms: 1 }';
    const limits = ['--set', 'server.ttft_ms=100', 'server.min_duration_s=60'];
    const run = await follow(
      `${script}\nslots: 1\nanswers: { tokens: 2 }`,
      ...virtual,
      ...['--scenario', 'Server', '--mode', 'find-peak', '--target-qps', '10', ...limits],
    );
    const { performance, mode, accuracy, settings } = run.readRun();
    expect([mode, accuracy]).toEqual(['find-peak', null]);
    expect(settings.requested.mode).toBe('FindPeakPerformance');
    const { peakQps, probes } = performance.peakSearch;
    expect(peakQps).toBeGreaterThan(60);
    expect(peakQps).toBeLessThan(100);
    const rates = (passed: boolean) =>
      probes
        .filter((p: { passed: boolean }) => p.passed === passed)
        .map((p: { qps: number }) => p.qps);
    expect(Math.max(...rates(true))).toBe(peakQps);
    expect(Math.min(...rates(false))).toBeGreaterThan(peakQps);
    expect(Math.min(...rates(false)) - peakQps).toBeLessThan(0.2);
    expect(performance.ttftMs.p99).toBeLessThanOrEqual(100);
    // Figures of the best rate alone; the evidence has every probe.
    expect(performance.issuedSamples).toBeLessThan(7000);
    const series = new Set(run.readRows('performance').map((row) => row.series));
    expect(series.size).toBe(probes.length);
    expect(run.stdout).toMatch(/\nPeak {8}[\d.]+ queries\/s keep the latency limits\n/);
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/^PEAK FOUND /);
  });

  it('has done its work when it found one, though early stopping calls the probe INVALID', async () => {
    // Shorter than the 459 answers that a 99th percentile takes.
    const script = 'time_to_first_token: { base_ms: 9 }\ntime_per_output_token: { base_ms: 1 }';
    const few = ['server.ttft_ms=100', 'server.min_duration_s=2', 'server.min_query_count=100'];
    const run = await follow(
      `${script}\nslots: 1\nanswers: { tokens: 2 }`,
      ...virtual,
      ...['--scenario', 'Server', '--mode', 'find-peak', '--target-qps', '10', '--set', ...few],
    );
    expect(run.code).toBe(0);
    const { valid, invalidReasons, remarks } = run.readRun();
    expect([valid, invalidReasons]).toEqual([true, []]);
    expect(remarks.join()).toContain('the probe at the peak is INVALID as a run of its own');
    expect(run.read('performance/run_1/mlperf_log_summary.txt')).toContain('Result is : INVALID');
  });

  it('says that the first rate is too high, or that none is', async () => {
    const find = ['--scenario', 'Server', '--mode', 'find-peak', ...virtual];
    const slow = await follow('time_to_first_token: { base_ms: 3000 }', ...find);
    expect(slow.code).toBe(3);
    expect(slow.readRun().performance.peakSearch.peakQps).toBeNull();
    expect(slow.stdout).toContain('\nPeak        none found\n');

    const set = ['server.min_duration_s=20', 'loadgen.find_peak_step=100'];
    const endless = ['--target-qps', '1000', '--set', ...set];
    const fast = await follow('answers: { tokens: 4 }', ...find, ...endless);
    expect(fast.code).toBe(3);
    expect(fast.readRun().invalidReasons.join()).toContain('would take more than 2000000 queries');
    expect(fast.stdout).toMatch(/^NO PEAK /);
  });

  it('ends where nothing bounds a probe by its length, and refuses steps that would take for ever', async () => {
    const find = ['--scenario', 'Server', '--mode', 'find-peak', ...virtual, '--target-qps', '5'];
    const set = ['--set', 'server.min_duration_s=0', 'server.min_query_count=10'];
    const answers = 'answers: { tokens: 4 }';
    const doubled = await follow(answers, ...find, ...set);
    expect(doubled.code).toBe(3);
    expect(doubled.readRun().invalidReasons.join()).toContain('more than one query a nanosecond');
    const small = await follow(answers, ...find, ...set, 'loadgen.find_peak_step=0.01');
    expect(small.code).toBe(3);
    expect(small.readRun().invalidReasons.join()).toContain('would be one of more than 1000');
    const tiny = await follow(answers, ...find, ...set, 'loadgen.find_peak_step=0.000001');
    expect(tiny.code).toBe(2);
    expect(tiny.stderr).toContain(
      'loadgen.find_peak_step is 0.000001; allowed: a number from 0.01',
    );
  });
});

describe('what a scripted run refuses', () => {
  it.each([
    [['--sut', 'native', '--clock', 'virtual'], '--clock: clock is "virtual", and sut native'],
    [['--sut', 'scripted'], '--sut: sut is scripted, and there is no script; allowed: --script'],
    [['--sut', 'null', '--script', 'steady'], '--script: a script is followed by sut scripted'],
    [['--sut', 'scripted', '--script', 'stedy'], '(did you mean "steady"?)'],
    [['--clock', 'fast'], '--clock: clock is "fast"; allowed: real, virtual'],
    [['--set', 'watchdog_s=0'], 'watchdog_s is 0; allowed: a number above 0 to 86400'],
    [['--mode', 'find-peak', '--scenario', 'SingleStream'], 'allowed: --scenario Server'],
    [['--dataset', 'none.jsonl'], '--dataset: "none.jsonl" cannot be read: it does not exist'],
  ])('%j', async (argv, message) => {
    const { code, stderr } = await bench(...argv, '--output', join(folder, 'never'));
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it('tells every fault of a script at once, with its line', async () => {
    const script = [
      'time_to_first_token: { base_ms: -1 }',
      'slot: 3',
      'answers:',
      '  spread_tokens: 5',
      '  eos: thrice',
      'faults:',
      '  drop: { sample: 1, probability: 0.5 }',
      '  fail: { pass: accuracy }',
      '  first_token_twice: { sample: 2 }',
      '  one_token: { sample: 1.5 }',
    ].join('\n');
    const { code, stderr } = await follow(script, ...virtual);
    expect(code).toBe(2);
    const file = /script-\d+\.yaml/.exec(stderr)?.[0];
    for (const line of [
      ':1:33: time_to_first_token.base_ms is -1; allowed: a number from 0 to 3600000',
      ':2:1: unknown setting "slot" (did you mean "slots"?); allowed: time_to_first_token, ',
      ':4:18: answers.spread_tokens is 5; allowed without answers.tokens: 0',
      ':5:8: answers.eos is "thrice"; allowed: none, once, twice',
      ':7:9: faults.drop has a sample and a probability; allowed: one of them',
      ':8:9: faults.fail has neither sample nor probability; allowed: one of them',
      ': faults.first_token_twice cannot happen: first tokens are not reported in Offline',
      ':10:24: faults.one_token.sample is 1.5; allowed: a whole number',
    ]) {
      expect(stderr).toContain(`bench: ${file}${line}`);
    }
  });

  it('refuses a script that says nothing, and a fault that says of no sample', async () => {
    for (const empty of ['', '# nothing\n', '{}']) {
      const { code, stderr } = await follow(empty, ...virtual);
      expect(code).toBe(2);
      expect(stderr).toContain(
        'the script says nothing; wanted: at least one of time_to_first_token',
      );
    }
    for (const drop of ['{}', '']) {
      const { code, stderr } = await follow(`faults: { drop: ${drop} }`, ...virtual);
      expect(code).toBe(2);
      expect(stderr).toContain('faults.drop has neither sample nor probability; allowed: one of');
    }
  });

  it('refuses references without a tokenizer', async () => {
    const model = write('bare.yaml', 'path: .');
    const { code, stderr } = await follow(steady, '--model', model);
    expect(code).toBe(2);
    expect(stderr).toContain("--model: the script's answers need the model's tokenizer");
    const free = await follow('answers: { tokens: 4 }', ...virtual, ...offline, '--model', model);
    expect(free.stderr).toBe('');
  });
});

describe('a dataset of JSON lines', () => {
  it('is run and scored like a built-in one, with its own tokens', async () => {
    const row = (i: number) =>
      JSON.stringify({ q: `q ${i}`, answer: `the answer ${i} is given`, ids: [1, 2, 3, i] });
    const lines = Array.from({ length: 80 }, (_, i) => row(i));
    const dataset = write('own.jsonl', lines.join('\n'));
    const fields = ['prompt=q', 'reference=answer', 'tokens=ids'].map((f) => `dataset_fields.${f}`);
    const named = ['--dataset', dataset, '--set', ...fields];
    const run = await follow(steady, ...virtual, ...named, '--min-duration', '0.01');
    expect(run.stderr).toBe('');
    expect(run.code).toBe(0);
    const issued = run.readRun().performance.issuedSamples;
    expect(run.readRun()).toMatchObject({
      dataset: { name: 'own', path: dataset, samples: 60, totalSamples: 80 },
      accuracy: { samplesScored: 60, metrics: { rouge1: 100 } },
      performance: { promptTokens: 4 * issued },
    });
    expect(run.readRows('accuracy')[0]).toMatchObject({ promptTokenCount: 4 });
  });

  it('is refused with the first twenty of its wrong lines', async () => {
    const dataset = write('wrong.jsonl', '{"prompt": 1, "reference": "r"}\n'.repeat(25));
    const { code, stderr } = await follow(steady, '--dataset', dataset);
    expect(code).toBe(2);
    expect(stderr).toContain('wrong.jsonl:20: prompt is 1; allowed: a text');
    expect(stderr).not.toContain('wrong.jsonl:21');
    expect(stderr).toContain('wrong.jsonl: 5 more rows are wrong');
  });
});

describe("the section of LoadGen's settings", () => {
  const performance = [...virtual, ...offline, '--mode', 'performance'];

  it('reaches LoadGen under its own names', async () => {
    const set = [
      'loadgen.sample_concatenate_permutation=true',
      'loadgen.performance_sample_count=30',
      'loadgen.coalesce_queries=true',
      'loadgen.max_async_queries=1000',
      'loadgen.max_duration_s=1000',
      'loadgen.max_query_count=20000',
      'loadgen.accuracy_log_probability=0.5',
      'loadgen.accuracy_log_rng_seed=18446744073709551615',
    ];
    const run = await follow(steady, ...virtual, ...server, ...set);
    expect(run.readRun().settings.requested).toMatchObject({
      sampleConcatenatePermutation: true,
      performanceSampleCountOverride: 30,
      serverCoalesceQueries: true,
      serverMaxAsyncQueries: 1000,
      maxDurationMs: 1_000_000,
      maxQueryCount: 20_000,
      accuracyLogProbability: 0.5,
      accuracyLogRngSeed: '18446744073709551615',
    });
    const rows = run.readRows('performance');
    expect(new Set(rows.slice(0, 30).map((row) => row.sampleIndex)).size).toBe(30);
    expect(Math.max(...rows.map((row) => row.sampleIndex))).toBe(29);
    const log = JSON.parse(run.read('performance/run_1/mlperf_log_accuracy.json'));
    expect(log.length / rows.length).toBeCloseTo(0.5, 1);
  });

  it('issues the same sample, or each once', async () => {
    const same = ['loadgen.performance_issue_same=true', 'loadgen.performance_issue_same_index=7'];
    const one = await follow(steady, ...performance, '--set', ...same);
    expect(new Set(one.readRows('performance').map((row) => row.sampleIndex)).size).toBe(1);
    const unique = ['loadgen.performance_issue_unique=true', 'offline.min_query_count=500'];
    const each = await follow(steady, ...performance, '--set', ...unique);
    expect(each.readRows('performance').length).toBe(60);
  });

  it('refuses what contradicts itself', async () => {
    const set = [
      'loadgen.performance_issue_same=true',
      'loadgen.performance_issue_unique=true',
      'loadgen.performance_issue_same_index=60',
      'loadgen.performance_sample_count=61',
      'loadgen.accuracy_log_probability=0.1',
      'loadgen.accuracy_log_sampling_target=5',
      'loadgen.max_duration_s=5',
      'loadgen.max_query_count=3',
    ];
    const { code, stderr } = await follow(steady, ...server, ...set);
    expect(code).toBe(2);
    for (const fault of [
      'performance_sample_count is 61; allowed: 1 to 60, the samples of the run, or null',
      'performance_issue_same is true, and so is performance_issue_unique; allowed: one',
      'accuracy_log_sampling_target is 5, and accuracy_log_probability is 0.1',
      'max_duration_s is 5; allowed: 0 for none, or from min_duration_s, which is 10',
      'max_query_count is 3; allowed: 0 for none, or from min_query_count, which is 500',
    ]) {
      expect(stderr).toContain(`loadgen.${fault}`);
    }
    const index = [
      'loadgen.performance_issue_same=true',
      'loadgen.performance_issue_same_index=60',
    ];
    const beyond = await follow(steady, ...performance, '--set', ...index);
    expect(beyond.stderr).toContain('performance_issue_same_index is 60; allowed: 0 to 59');
  });
});
