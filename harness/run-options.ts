// The options of `bench run`, and which setting of the configuration each one overrides. Reading argv is cli.ts's
// business.

import type { RunOptions } from './commands/run.js';
import { parseScalar } from './config.js';
import type { Fault } from './errors.js';
import { type Override, scenarioSection } from './overrides.js';

interface SettingOption {
  readonly flags: string;
  readonly help: string;
  readonly paths: readonly (readonly string[])[];
  /** The value is a text whatever it looks like. */
  readonly isText?: boolean;
  /** What the option means where no value follows it. */
  readonly bare?: number;
}

export const deviceHelp =
  'auto, cpu, cuda:N or cuda:all; several (cuda:0,1; cpu,cpu) have a worker each';
export const tensorParallelHelp = 'devices of the list that compute a worker together (1)';

/** One option a line. */
const settingOptions: readonly SettingOption[] = [
  text('--scenario <name>', 'Offline, Server, SingleStream or MultiStream', ['scenario']),
  text(
    '--mode <name>',
    'submission (accuracy, then performance), accuracy, performance, or find-peak (Server)',
    ['mode'],
  ),
  text(
    '--model <name|dir>',
    'a model of configs/models, a folder with a checkpoint, or synthetic:<shape>[:seed]',
    ['model'],
  ),
  text(
    '--dataset <name|file>',
    'tiny-orca, tiny-mmlu, open-orca, cnn-dailymail, synthetic:openorca, synthetic:<prompt>x<output>, or a file (*.jsonl, *.json, *.parquet, *.pkl)',
    ['dataset'],
  ),
  text('--prompt <style>', "plain, or chat: by the model's chat template (as the model has it)", [
    'prompt',
  ]),
  text('--sut <name>', 'the system under test: native, null or scripted', ['sut']),
  text('--script <name|file>', 'what sut scripted does: times, answers and faults, in YAML', [
    'scripted',
    'script',
  ]),
  text('--clock <name>', 'real, or virtual: simulated time, for sut null and scripted', ['clock']),
  text('--device <name,...>', deviceHelp, ['engine', 'device']),
  scalar('--tensor-parallel <n>', tensorParallelHelp, ['engine', 'tensor_parallel']),
  text('--kv-cache <type>', 'auto, fp32, fp16, bf16 or fp8', ['engine', 'kv_cache']),
  scalar(
    '--cuda-graphs <true|false>',
    "a GPU's decode steps as CUDA graphs, or kernel by kernel (true)",
    ['engine', 'cuda_graphs'],
  ),
  scalar('--threads <n>', 'threads of each worker on the CPU', ['engine', 'threads']),
  scalar('--max-batch <n>', 'sequences in flight', ['engine', 'max_batch']),
  {
    flags: '--profile [steps]',
    help: 'time every kernel of the first steps of the measured pass, after warm-up, on a GPU (50): profile.json and a table',
    paths: [['engine', 'profile_steps']],
    bare: 50,
  },
  scalar('--target-qps <n>', 'expected (Offline) or demanded (Server) samples per second', [
    scenarioSection,
    'target_qps',
  ]),
  scalar('--min-duration <s>', 'least duration of the performance pass, in seconds', [
    scenarioSection,
    'min_duration_s',
  ]),
  scalar('--samples <n>', 'use the first n samples of the dataset', ['samples']),
  {
    flags: '--seed <n>',
    help: "seed of all three of LoadGen's generators",
    paths: [
      ['seeds', 'qsl'],
      ['seeds', 'sample_index'],
      ['seeds', 'schedule'],
    ],
  },
  scalar('--metrics-port <n>', 'serve live figures for Prometheus at this port', [
    'metrics',
    'port',
  ]),
  text(
    '--mlperf-conf <file>',
    'values by model, laid over the run configuration (with --user-conf: configs/mlperf.conf)',
    ['mlperf', 'mlperf_conf'],
  ),
  text('--user-conf <file>', "the submitter's values, laid over mlperf.conf", [
    'mlperf',
    'user_conf',
  ]),
  text('--audit-conf <file>', 'an audit.config, applied last; needs --mode performance', [
    'mlperf',
    'audit_conf',
  ]),
  text('--audit <name>', 'TEST06: a short performance pass whose answers are then verified', [
    'mlperf',
    'audit',
  ]),
  text('--audit-eos <id,...>', "tokens that end an answer (those of the model's files)", [
    'mlperf',
    'audit_eos',
  ]),
];

/** MLPerf's options that this version does not have. */
const laterOptions = ['--endpoint <url...>'];

/** An option as commander wants it described. */
export interface RunFlag {
  readonly flags: string;
  readonly help: string;
  readonly isHidden?: boolean;
}

export const runFlags: readonly RunFlag[] = [
  { flags: '--config <name|file>', help: 'a run of configs/runs, or a YAML file (optimized)' },
  ...settingOptions.map(({ flags, help }) => ({ flags, help })),
  { flags: '--accuracy', help: 'the accuracy pass only' },
  { flags: '--set <key=value...>', help: 'override any setting, such as engine.max_batch=16' },
  { flags: '--output <dir>', help: 'where the results go (results/<run>/<UTC time>)' },
  { flags: '--json', help: 'print run.json on stdout and nothing else' },
  { flags: '--quiet', help: 'no progress' },
  { flags: '--no-report', help: 'do not write report.html' },
  { flags: '--trace', help: 'write trace-<pass>.json too, for Perfetto and chrome://tracing' },
  ...laterOptions.map((flags) => ({ flags, help: 'not in this version', isHidden: true })),
];

/** Of the options of a run those that set something: what a command that starts runs passes on to each of them. */
export const settingFlags: readonly RunFlag[] = [
  ...settingOptions.map(({ flags, help }) => ({ flags, help })),
  { flags: '--set <key=value...>', help: 'override any setting, such as engine.max_batch=16' },
];

/** An option of a run by its name without dashes, or a key as `--set` takes it; null where it is neither. */
export function findSetting(name: string): ((value: string) => readonly Override[]) | null {
  const option = settingOptions.find(({ flags }) => flags.split(' ')[0] === `--${name}`);
  if (option !== undefined) return (value) => readOption(option, { [keyOf(option.flags)]: value });
  if (!/^\w+(\.\w+)+$/.test(name)) return null;
  return (value) => readPair(`${name}=${value}`, []);
}

export const settingNames: readonly string[] = settingOptions.map(({ flags }) =>
  flags.split(' ')[0]!.slice(2),
);

/** What commander read, as the run command takes it. */
export function collectRunOptions(
  parsed: Readonly<Record<string, unknown>>,
  argv: readonly string[],
): RunOptions {
  const faults = laterOptions.flatMap((flags): Fault[] => {
    const name = flags.split(' ')[0]!;
    return parsed[keyOf(flags)] === undefined
      ? []
      : [{ where: name, message: 'this option is not in this version' }];
  });
  const overrides = settingOptions.flatMap((option) => readOption(option, parsed));
  if (parsed.accuracy === true) {
    overrides.push({ path: ['mode'], value: 'accuracy', where: '--accuracy' });
  }
  // An audit is a performance pass: who asks for it need not say so twice.
  if (parsed.audit !== undefined && parsed.mode === undefined && parsed.accuracy !== true) {
    overrides.push({ path: ['mode'], value: 'performance', where: '--audit' });
  }
  for (const pair of listOf(parsed.set)) overrides.push(...readPair(pair, faults));
  return {
    config: typeof parsed.config === 'string' ? parsed.config : 'optimized',
    overrides,
    faults,
    output: typeof parsed.output === 'string' ? parsed.output : null,
    json: parsed.json === true,
    quiet: parsed.quiet === true,
    trace: parsed.trace === true,
    report: parsed.report !== false,
    command: ['bench', ...argv],
  };
}

function text(flags: string, help: string, path: readonly string[]): SettingOption {
  return { flags, help, paths: [path], isText: true };
}

function scalar(flags: string, help: string, path: readonly string[]): SettingOption {
  return { flags, help, paths: [path] };
}

function readOption(option: SettingOption, parsed: Readonly<Record<string, unknown>>): Override[] {
  const read = parsed[keyOf(option.flags)];
  const given = read === true && option.bare !== undefined ? String(option.bare) : read;
  if (typeof given !== 'string') return [];
  const value = option.isText === true ? given : parseScalar(given);
  const where = option.flags.split(' ')[0]!;
  return option.paths.map((path) => ({ path, value, where }));
}

function readPair(pair: string, faults: Fault[]): Override[] {
  const equals = pair.indexOf('=');
  if (equals < 1) {
    const message = `"${pair}" is not key=value; an example: engine.max_batch=16`;
    faults.push({ where: '--set', message });
    return [];
  }
  const key = pair.slice(0, equals);
  const value = parseScalar(pair.slice(equals + 1));
  return [{ path: key.split('.'), value, where: `--set ${key}` }];
}

/** "--min-duration <s>" -> "minDuration", as commander names it. */
function keyOf(flags: string): string {
  const name = flags.split(' ')[0]!.slice(2);
  return name.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
