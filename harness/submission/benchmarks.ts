// What does MLPerf Inference ask of a language-model benchmark in a round? Sizes, limits, accuracy references and audits,
// as MLCommons' submission checker of commit b66003e1 (2026-08-20) holds them. Facts only; judging is rules/'s business.

/** The rounds whose layout of a submission is known here; older ones kept measurements and audits elsewhere. */
export const submissionRounds = ['v6.0', 'v6.1'] as const;
export type SubmissionRound = (typeof submissionRounds)[number];

export const divisions = ['closed', 'open', 'network'] as const;
export type Division = (typeof divisions)[number];

/** Names of scenario folders; Interactive is LoadGen's Server under limits of its own. */
export const scenarioNames = [
  'Offline',
  'Server',
  'Interactive',
  'SingleStream',
  'MultiStream',
] as const;
export type ScenarioName = (typeof scenarioNames)[number];

/** Compliance tests that a language model can be asked for. */
export type AuditName = 'TEST06' | 'TEST07' | 'TEST09';

export type SystemType = 'datacenter' | 'edge';

/** Limits of the 99th percentile, in ms; values must stay below them. */
export interface LatencyLimits {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

/** A value of accuracy.txt and what it must reach: reference x factor, and for lengths no more than reference x 1.1. */
export interface AccuracyReference {
  /** As accuracy.txt spells it. */
  readonly key: string;
  readonly reference: number;
  readonly factor: number;
  /** The greatest value that passes; null where more is never wrong. */
  readonly most: number | null;
}

export interface Benchmark {
  readonly name: string;
  readonly rounds: readonly SubmissionRound[];
  readonly systemTypes: readonly SystemType[];
  /** Rows of the performance data set; a run must be able to hold all of them. */
  readonly performanceSampleCount: number;
  readonly accuracySampleCount: number;
  /** Closed and network divisions. */
  readonly requiredScenarios: readonly ScenarioName[];
  /** One of these besides; empty where none is asked for. */
  readonly oneOfScenarios: readonly ScenarioName[];
  readonly limits: Readonly<Partial<Record<ScenarioName, LatencyLimits>>>;
  /** Of a whole answer in Server; LoadGen logs 0 where it judges by tokens. */
  readonly greatestTargetLatencyMs: number;
  readonly accuracy: readonly AccuracyReference[];
  /** Compliance tests of the closed and network divisions. */
  readonly audits: readonly AuditName[];
  /** Tokens that end an answer; none where they are not known here, and so not looked for. */
  readonly endTokens: readonly number[];
}

/** Least duration of a performance run, ms. */
export const leastDurationMs = 600_000;

function floor(key: string, reference: number, factor: number): AccuracyReference {
  return { key, reference, factor, most: null };
}

/** Generated lengths: 0.9 to 1.1 of the reference, whatever the accuracy target. */
function band(key: string, reference: number, upperReference = reference): AccuracyReference {
  return { key, reference, factor: 0.9, most: upperReference * 1.1 };
}

const both = ['v6.0', 'v6.1'] as const;
const serverOrInteractive = ['Server', 'Interactive'] as const;

const datacenter = {
  systemTypes: ['datacenter'],
  greatestTargetLatencyMs: 20_000,
  requiredScenarios: ['Offline'],
  oneOfScenarios: serverOrInteractive,
  audits: ['TEST06'],
} as const;

function llama2(name: string, factor: number, rounds: readonly SubmissionRound[]): Benchmark {
  return {
    ...datacenter,
    name,
    rounds,
    performanceSampleCount: 24_576,
    accuracySampleCount: 24_576,
    limits: {
      Server: { ttftMs: 2000, tpotMs: 200 },
      Interactive: { ttftMs: 450, tpotMs: 40 },
    },
    accuracy: [
      floor('rouge1', 44.4312, factor),
      floor('rouge2', 22.0352, factor),
      floor('rougeL', 28.6162, factor),
      band('tokens_per_sample', 294.45),
    ],
    endTokens: [2],
  };
}

const llama3EndTokens = [128_001, 128_008, 128_009] as const;

const benchmarks: readonly Benchmark[] = [
  llama2('llama2-70b-99', 0.99, ['v6.0']),
  llama2('llama2-70b-99.9', 0.999, both),
  {
    ...datacenter,
    name: 'llama3.1-8b',
    rounds: both,
    performanceSampleCount: 13_368,
    accuracySampleCount: 13_368,
    limits: {
      Server: { ttftMs: 2000, tpotMs: 100 },
      Interactive: { ttftMs: 500, tpotMs: 30 },
    },
    accuracy: [
      floor('rouge1', 38.7792, 0.99),
      floor('rouge2', 15.9075, 0.99),
      floor('rougeL', 24.4957, 0.99),
      floor('rougeLsum', 35.793, 0.99),
      band('gen_len', 8_167_644),
    ],
    endTokens: llama3EndTokens,
  },
  {
    name: 'llama3.1-8b-edge',
    rounds: both,
    systemTypes: ['edge'],
    performanceSampleCount: 5000,
    accuracySampleCount: 5000,
    requiredScenarios: ['SingleStream', 'Offline'],
    oneOfScenarios: [],
    limits: {},
    greatestTargetLatencyMs: 20_000,
    accuracy: [
      floor('rouge1', 39.06, 0.99),
      floor('rouge2', 16.1147, 0.99),
      floor('rougeL', 24.6375, 0.99),
      floor('rougeLsum', 36.124, 0.99),
      band('gen_len', 3_051_113),
    ],
    audits: [],
    endTokens: llama3EndTokens,
  },
  {
    ...datacenter,
    name: 'mixtral-8x7b',
    rounds: ['v6.0'],
    performanceSampleCount: 15_000,
    accuracySampleCount: 15_000,
    requiredScenarios: ['Offline', 'Server'],
    oneOfScenarios: [],
    limits: { Server: { ttftMs: 2000, tpotMs: 200 } },
    accuracy: [
      floor('rouge1', 45.5989, 0.99),
      floor('rouge2', 23.3526, 0.99),
      floor('rougeL', 30.4608, 0.99),
      // The checker takes its floor and its ceiling from two references.
      band('tokens_per_sample', 144.84, 145.9),
      floor('gsm8k', 73.66, 0.99),
      floor('mbxp', 60.16, 0.99),
    ],
    endTokens: [2],
  },
];

const largeModels: readonly Benchmark[] = [
  {
    ...datacenter,
    name: 'llama3.1-405b',
    rounds: ['v6.0'],
    performanceSampleCount: 8313,
    accuracySampleCount: 8313,
    limits: { Server: { ttftMs: 6000, tpotMs: 175 }, Interactive: { ttftMs: 4500, tpotMs: 80 } },
    greatestTargetLatencyMs: 60_000,
    accuracy: [
      floor('rougeL', 21.6666, 0.99),
      floor('exact_match', 90.1335, 0.99),
      band('tokens_per_sample', 684.68),
    ],
    endTokens: llama3EndTokens,
  },
  {
    ...datacenter,
    name: 'deepseek-r1',
    rounds: both,
    performanceSampleCount: 4388,
    accuracySampleCount: 4388,
    limits: { Server: { ttftMs: 2000, tpotMs: 80 }, Interactive: { ttftMs: 1500, tpotMs: 15 } },
    greatestTargetLatencyMs: 60_000,
    accuracy: [floor('exact_match', 81.3582, 0.99), band('tokens_per_sample', 3886.2274)],
    endTokens: [],
  },
  {
    ...datacenter,
    name: 'gpt-oss-120b',
    rounds: both,
    performanceSampleCount: 6396,
    accuracySampleCount: 4395,
    limits: { Server: { ttftMs: 3000, tpotMs: 80 }, Interactive: { ttftMs: 2000, tpotMs: 15 } },
    greatestTargetLatencyMs: 60_000,
    accuracy: [floor('exact_match', 83.13, 0.99)],
    audits: ['TEST07', 'TEST09'],
    endTokens: [],
  },
];

const allBenchmarks = [...benchmarks, ...largeModels];

/** The benchmark of that name in a round, or null; "llama3_1-8b" is "llama3.1-8b", as the checker has it. */
export function findBenchmark(name: string, round: SubmissionRound): Benchmark | null {
  const official = name.replace(/^llama3_1-/, 'llama3.1-');
  const found = allBenchmarks.find((benchmark) => benchmark.name === official);
  return found?.rounds.includes(round) ? found : null;
}

/** Names of a round's benchmarks. */
export function benchmarkNames(round: SubmissionRound): string[] {
  return allBenchmarks.filter(({ rounds }) => rounds.includes(round)).map(({ name }) => name);
}
