// A submission with nothing wrong with it, made by LoadGen at MLPerf's full length on the virtual clock: llama3.1-8b,
// closed, Offline, Server and Interactive. Tests break copies of it.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findPackageRoot } from '../../../harness/package-root.js';
import { type ResultFolder, SubmitterFolder } from '../../../harness/submission/submission-tree.js';
import {
  emptySystemFields,
  filledSystemFields,
} from '../../../harness/submission/system-description.js';
import {
  defaultSettings,
  officialSeeds,
  type SystemUnderTest,
  startTest,
  type TestOutcome,
  type TestSettings,
  VirtualClock,
} from '../../../loadgen/index.js';

export const rows = 13_368;
const auditConf = readFileSync(
  join(findPackageRoot().folder, 'configs', 'audits', 'TEST06.conf'),
  'utf8',
);
const answerTokens = 8;
const endToken = 128_009;

const base: TestSettings = {
  ...defaultSettings,
  ...officialSeeds('v6.0'),
  useTokenLatencies: true,
  sampleConcatenatePermutation: true,
  minDurationMs: 600_000,
  minQueryCount: 100,
};

export const scenarios = {
  Offline: { scenario: 'Offline', offlineExpectedQps: 20, minQueryCount: rows },
  Server: {
    scenario: 'Server',
    serverTargetQps: 5,
    serverTtftLatencyNs: 2e9,
    serverTpotLatencyNs: 1e8,
  },
  Interactive: {
    scenario: 'Server',
    serverTargetQps: 5,
    serverTtftLatencyNs: 5e8,
    serverTpotLatencyNs: 3e7,
  },
} as const;

/** Answers `i` with eight tokens, the last of which ends it: the first after 100 ms, then one every 20 ms. */
function system(clock: VirtualClock, isOffline: boolean): SystemUnderTest {
  const bytes = (tokens: readonly number[]) => new Uint8Array(Int32Array.from(tokens).buffer);
  let freeNs = 0;
  return {
    name: 'scripted',
    issueQuery(samples, responder) {
      for (const { id, index } of samples) {
        const tokens = Array.from(
          { length: answerTokens },
          (_, i) => 1000 + ((index + 7 * i) % 9000),
        );
        tokens[answerTokens - 1] = endToken;
        // Offline serves 22 samples a second, so that the whole query lasts its ten minutes.
        freeNs = isOffline ? Math.max(freeNs, clock.nowNs()) + 1e9 / 22 : clock.nowNs();
        if (!isOffline) {
          const first = [{ id, data: bytes(tokens.slice(0, 1)), tokenCount: 1 }];
          clock.schedule(freeNs + 100e6, () => responder.firstTokenComplete(first));
        }
        const whole = [{ id, data: bytes(tokens), tokenCount: answerTokens }];
        clock.schedule(freeNs + 240e6, () => responder.querySamplesComplete(whole));
      }
    },
    flushQueries() {},
  };
}

async function run(
  settings: Partial<TestSettings>,
  mode: TestSettings['mode'],
  audit?: string,
): Promise<TestOutcome> {
  const clock = new VirtualClock(1_700_000_000_000);
  const library = {
    name: 'cnn-dailymail',
    totalSampleCount: rows,
    performanceSampleCount: rows,
    loadSamplesToRam() {},
    unloadSamplesFromRam() {},
  };
  const sut = system(clock, settings.scenario === 'Offline');
  const writer = { name: 'loadmark', version: 'test' };
  return startTest(
    sut,
    library,
    { ...base, ...settings, mode },
    { writer, clock, ...(audit === undefined ? {} : { auditConf: audit }) },
  );
}

export function writeFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** First and last 4096 characters around dots, as MLCommons' script cuts it. */
export function truncate(log: string): string {
  return `${log.slice(0, 4096)}\n\n...\n\n${log.slice(-4096)}`;
}

export function accuracyText(log: string, changes: Readonly<Record<string, string>> = {}): string {
  const metrics = {
    rouge1: '38.7792',
    rouge2: '15.9075',
    rougeL: '24.4957',
    rougeLsum: '35.793',
    gen_len: '8167644',
    gen_num: '13368',
    ...changes,
  };
  const dictionary = Object.entries(metrics).map(([key, value]) => `'${key}': ${value}`);
  const hash = createHash('sha256').update(log).digest('hex');
  return `\nResults\n\n{${dictionary.join(', ')}}\n\nhash=${hash}\n`;
}

function describeSystem(division: string, submitter: string): string {
  const filled = Object.fromEntries(filledSystemFields.map((key) => [key, 'N/A']));
  const empty = Object.fromEntries(emptySystemFields.map((key) => [key, '']));
  const known = { division, submitter, status: 'available', system_type: 'datacenter' };
  const counts = { number_of_nodes: '1', accelerators_per_node: '0' };
  return JSON.stringify({ ...filled, ...empty, ...known, ...counts });
}

async function writeResult(folder: ResultFolder, settings: Partial<TestSettings>): Promise<void> {
  const performance = await run(settings, 'PerformanceOnly');
  const accuracy = await run({ ...settings, serverTargetQps: 1000 }, 'AccuracyOnly');
  writeFile(folder.performance('summary'), performance.logs.summary);
  writeFile(folder.performance('detail'), performance.logs.detail);
  writeFile(folder.accuracy('summary'), accuracy.logs.summary);
  writeFile(folder.accuracy('detail'), accuracy.logs.detail);
  writeFile(folder.accuracy('accuracy'), truncate(accuracy.logs.accuracy));
  writeFile(folder.accuracyText, accuracyText(accuracy.logs.accuracy));
  writeFile(join(folder.path, 'whole-accuracy-log.json'), accuracy.logs.accuracy);
  const measurements = {
    input_data_types: 'int32',
    retraining: 'No',
    starting_weights_filename: 'model.safetensors',
    weight_data_types: 'int4',
    weight_transformations: 'quantization',
  };
  writeFile(folder.measurements, JSON.stringify(measurements));
  writeFile(folder.userConf, '*.Server.target_qps = 5\n');
  writeFile(folder.readme, 'How to run it.\n');
  const verdict =
    'First token check pass: True\nEOS check pass: True\nSample length check pass: True\n';
  const test06 = folder.audit('TEST06');
  const audit = await run(settings, 'PerformanceOnly', auditConf);
  writeFile(test06.verdict, verdict);
  writeFile(test06.performance('summary'), audit.logs.summary);
  writeFile(test06.performance('detail'), audit.logs.detail);
  writeFile(test06.accuracyLog, audit.logs.accuracy);
}

/** Writes the tree below `root`. */
export async function writeGoodTree(root: string): Promise<SubmitterFolder> {
  const place = new SubmitterFolder(root, 'closed', 'Somebody');
  writeFile(place.system('box'), describeSystem('closed', 'Somebody'));
  writeFile(place.sourceReadme('llama3.1-8b'), 'loadmark\n');
  for (const [name, settings] of Object.entries(scenarios)) {
    await writeResult(place.result('box', 'llama3.1-8b', name), settings);
  }
  return place;
}
