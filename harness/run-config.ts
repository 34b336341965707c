// What a run and a model can be told: every setting of configs/runs/*.yaml and configs/models/*.yaml, with its range
// and its default. config.ts reads the files; what the settings do is the business of whoever uses them.

import { engineFields } from './engine-config.js';
import { loadgenFields, maxSamples } from './loadgen-config.js';
import { mlperfFields, seedFields } from './mlperf-config.js';
import {
  type Checked,
  choice,
  number,
  optionalNumber,
  optionalText,
  pathSegment,
  section,
  seed,
  table,
  text,
  writtenName,
} from './setting-fields.js';
import { metricsFields, telemetryFields } from './telemetry-config.js';

export { maxSamples } from './loadgen-config.js';

const count = (max: number) => ({ min: 1, max, whole: true }) as const;
const rate = { min: 0, aboveMin: true, max: 1e6 } as const;
const seconds = { min: 0, max: 86_400 } as const;
const milliseconds = { min: 0, aboveMin: true, max: 3_600_000 } as const;
const percentile = { min: 50, max: 99.9 } as const;

export const scenarios = ['Offline', 'Server', 'SingleStream', 'MultiStream'] as const;
export type RunScenario = (typeof scenarios)[number];

/** Where a scenario's own settings stand. */
export const scenarioSettings = {
  Offline: 'offline',
  Server: 'server',
  SingleStream: 'singleStream',
  MultiStream: 'multiStream',
} as const satisfies Record<RunScenario, string>;

/** The section of a scenario as files name it; that of Offline, the default, for what is no scenario. */
export function sectionOf(scenario: string): string {
  const known = scenarios.find((candidate) => candidate === scenario) ?? 'Offline';
  return writtenName(scenarioSettings[known]);
}

/** The metrics a target can be set on, and whether its factor is a floor or a band. */
export const targetKinds = {
  rouge1: 'at-least',
  rouge2: 'at-least',
  rougeL: 'at-least',
  rougeLsum: 'at-least',
  tokensPerSample: 'within',
  mmlu: 'at-least',
} as const;
export type TargetMetric = keyof typeof targetKinds;
const targetMetrics = Object.keys(targetKinds) as TargetMetric[];

const generation = section({
  /** null leaves both to the model. */
  maxNewTokens: optionalNumber(count(1_048_576)),
  minNewTokens: optionalNumber({ min: 0, max: 1_048_576, whole: true }),
  /** 0 is greedy. */
  temperature: number({ min: 0, max: 100 }, 0),
  /** 0 is off. */
  topK: number({ min: 0, max: 1_000_000, whole: true }, 0),
  /** 1 is off. */
  topP: number({ min: 0, aboveMin: true, max: 1 }, 1),
  /** Each sample draws from a generator of its own, seeded with this and its index. */
  seed: seed(1n),
});

/** How a dataset's prompts are put to a model. */
export const promptStyles = ['plain', 'chat'] as const;
export type PromptStyle = (typeof promptStyles)[number];

const offline = section({
  /** Expected samples/s: sets how many samples the query holds; null measures it. */
  targetQps: optionalNumber(rate),
  minDurationS: number(seconds, 600),
  /** Least samples of the query; null takes each sample of the dataset once. */
  minQueryCount: optionalNumber(count(maxSamples)),
});

const server = section({
  /** Mean arrivals a second of the Poisson process. */
  targetQps: number(rate, 1),
  /** Arrivals a second of the accuracy pass, where only the answers count; null is target_qps. */
  accuracyQps: optionalNumber(rate),
  minDurationS: number(seconds, 600),
  /** 459 is the least with which LoadGen certifies a 99th percentile (none above the limit); 662 allows one above. */
  minQueryCount: number(count(maxSamples), 662),
  /** Latency limits; null leaves each to the model. */
  ttftMs: optionalNumber(milliseconds),
  tpotMs: optionalNumber(milliseconds),
  /** For datasets whose answers are not made of tokens. */
  queryMs: optionalNumber(milliseconds),
  /** The percentile that must keep the latency limits. */
  targetPercentile: number(percentile, 99),
});

/** How long a stream runs; its queries follow each other, so a guess of their latency says how many to generate. */
const streamFields = {
  /** Guess of one query's latency; null measures it. */
  expectedLatencyMs: optionalNumber(milliseconds),
  minDurationS: number(seconds, 600),
};

const singleStream = section({
  ...streamFields,
  /** Queries in flight: 1 is MLPerf's scenario, more a closed loop, of at least `roundsInFlight` times as many queries. */
  concurrency: number(count(65_536), 1),
  /** 64 is the least with which LoadGen certifies a 90th percentile. */
  minQueryCount: number(count(maxSamples), 100),
  /** The percentile that is the result. */
  targetPercentile: number(percentile, 90),
});

const multiStream = section({
  ...streamFields,
  /** Samples issued together. */
  samplesPerQuery: number(count(65_536), 8),
  /** 662 is the least with which LoadGen certifies a 99th percentile. */
  minQueryCount: number(count(maxSamples), 662),
  /** The percentile that is the result. */
  targetPercentile: number(percentile, 99),
});

const nullSut = section({
  /** Time to serve one sample, one after the other; 0 answers within issueQuery. */
  delayMs: number({ min: 0, max: 3_600_000 }, 0),
  /** Tokens each answer claims; LoadGen's time per output token needs two. */
  outputTokens: number({ min: 2, max: 65_536, whole: true }, 2),
});

/** Names of the fields in a dataset's file; null: those of the file's form, or the same name. */
const datasetFields = section({
  id: optionalText(),
  prompt: optionalText(),
  reference: optionalText(),
  tokens: optionalText(),
});

const scripted = section({
  /** The script's file, or a name in configs/scripts. */
  script: optionalText(),
});

/** configs/runs/*.yaml */
export const runFields = section({
  /** Names the folder below results/ too. */
  name: pathSegment('run'),
  model: text('tiny-int4'),
  dataset: text('tiny-orca'),
  datasetFields,
  /** `chat` writes each prompt as a user's message by the model's chat template; `model` leaves it to the model. */
  prompt: choice(['model', ...promptStyles], 'model'),
  sut: choice(['native', 'null', 'scripted'], 'native', ['openai']),
  scenario: choice(scenarios, 'Offline', ['Interactive']),
  /** `submission` is the accuracy pass, then the performance pass. */
  mode: choice(['submission', 'performance', 'accuracy', 'find-peak'], 'submission'),
  /** `virtual` computes the times of a null or scripted system instead of waiting for them. */
  clock: choice(['real', 'virtual'], 'real'),
  /** A system that answers nothing for so long, by the clock of the run, while samples are outstanding, is given up. */
  watchdogS: number({ min: 0, aboveMin: true, max: 86_400 }, 120),
  /** Use the first of the dataset's test samples only; null is all of them. */
  samples: optionalNumber(count(maxSamples)),
  engine: engineFields,
  generation,
  offline,
  server,
  singleStream,
  multiStream,
  seeds: seedFields,
  mlperf: mlperfFields,
  loadgen: loadgenFields,
  telemetry: telemetryFields,
  metrics: metricsFields,
  nullSut,
  scripted,
});
export type RunSettings = Checked<typeof runFields>;

/** Of a closed loop of several queries, so that filling and draining it weigh little in its rate. */
const roundsInFlight = 10;

/** The least queries of SingleStream. */
export function leastQueries({ concurrency, minQueryCount }: RunSettings['singleStream']): number {
  return concurrency === 1 ? minQueryCount : Math.max(minQueryCount, roundsInFlight * concurrency);
}

/** Samples a query: more than one in MultiStream only. */
export function samplesPerQuery({ scenario, multiStream }: RunSettings): number {
  return scenario === 'MultiStream' ? multiStream.samplesPerQuery : 1;
}

/** Why a run of this size is not started, or null: what LoadGen generates is kept in memory. */
export function refuseSize(run: RunSettings): string | null {
  const name = sectionOf(run.scenario);
  const planned = Math.max(countByDuration(run), samplesPerQuery(run) * leastCount(run));
  if (planned <= maxSamples) return null;
  return `${name} comes to ${planned} samples by its rate or latency, duration and count; allowed: up to ${maxSamples}`;
}

function leastCount(run: RunSettings): number {
  return run.scenario === 'SingleStream'
    ? leastQueries(run.singleStream)
    : (run[scenarioSettings[run.scenario]].minQueryCount ?? 0);
}

/** Samples that LoadGen generates for the duration; 0 where the rate is yet to be measured. */
function countByDuration(run: RunSettings): number {
  const { minDurationS } = run[scenarioSettings[run.scenario]];
  switch (run.scenario) {
    case 'Offline':
      return Math.trunc(1.1 * (run.offline.targetQps ?? 0) * minDurationS);
    case 'Server':
      return Math.trunc(1.1 * run.server.targetQps * minDurationS);
    case 'SingleStream':
    case 'MultiStream': {
      const { expectedLatencyMs } = run[scenarioSettings[run.scenario]];
      if (expectedLatencyMs === null) return 0;
      const together = run.scenario === 'SingleStream' ? run.singleStream.concurrency : 1;
      const queries = Math.trunc((2 * minDurationS * 1000 * together) / expectedLatencyMs);
      return queries * samplesPerQuery(run);
    }
  }
}

/** configs/models/*.yaml */
export const modelFields = section({
  name: text('model'),
  /** Folder of the checkpoint; a relative one starts at the file that names it. */
  path: text('.'),
  /** Said where there is no checkpoint in that folder: how to get it. */
  obtain: optionalText(),
  prompt: section({
    /** `chat` is for answers of free text: choices are compared after the plain prompt. */
    style: choice(promptStyles, 'plain'),
    /** Of a chat: the message before the user's. */
    system: optionalText(),
  }),
  generation: section({
    maxNewTokens: number(count(1_048_576), 1024),
    /** Two, since LoadGen's time per output token is undefined below. */
    minNewTokens: number({ min: 0, max: 1_048_576, whole: true }, 2),
  }),
  /** Server's limits, where the run does not set its own. */
  latency: section({
    ttftMs: number(milliseconds, 2000),
    tpotMs: number(milliseconds, 200),
    queryMs: number(milliseconds, 2000),
  }),
  /** By dataset: what the unquantized model reaches, and which share of it is enough. */
  accuracy: table(
    section({
      factor: number({ min: 0, aboveMin: true, max: 1 }, 0.99),
      /** null: reported, not judged. */
      references: table(optionalNumber({ min: 0, max: 1e12 }), targetMetrics),
      /** Metrics whose share differs from `factor`. */
      factors: table(number({ min: 0, aboveMin: true, max: 1 }, 0.99), targetMetrics),
    }),
  ),
});
export type ModelSettings = Checked<typeof modelFields>;

/** Why these answer lengths cannot be, or null. */
export function refuseLengths({ generation }: RunSettings, model: ModelSettings): string | null {
  const most = generation.maxNewTokens ?? model.generation.maxNewTokens;
  const least = generation.minNewTokens ?? model.generation.minNewTokens;
  return least <= most
    ? null
    : `min_new_tokens is ${least}; allowed: up to max_new_tokens, which is ${most}`;
}
