// The options of `bench sweep`, checked together so that every fault is told at once.

import { resolve } from 'node:path';
import { type Fault, InputError } from './errors.js';
import { stampedFolder } from './ladder-options.js';
import { suggestName } from './name-suggestion.js';
import { readCount } from './option-values.js';
import { type Override, scenarioSection } from './overrides.js';
import {
  collectRunOptions,
  findSetting,
  type RunFlag,
  settingFlags,
  settingNames,
} from './run-options.js';
import { quote } from './setting-fields.js';
import { parseSlo, type Slo } from './sweep/slo.js';
import type { SweepAxis, SweepRequest } from './sweep/sweep-plan.js';

export const sweepFlags: readonly RunFlag[] = [
  {
    flags: '--vary <name=values...>',
    help: "a run's option, or a key of --set, and its values: max-batch=1,8,64, or with semicolons between where values have commas: 'device=cuda:0; cuda:0,1'; all that are given make a grid",
  },
  {
    flags: '--rates <list>',
    help: 'Server at each of these queries/s: 1,2,5,10; auto looks for the highest inside the limits',
  },
  {
    flags: '--concurrency <list>',
    help: 'so many queries in flight, the next as one is answered: 1,2,4,8 (SingleStream, a closed loop)',
  },
  {
    flags: '--slo <limits>',
    help: "in ms at a percentile: ttft_p99=500,tpot_p99=50,latency_p99=2000 (the run's, else the model's)",
  },
  {
    flags: '--repeats <n>',
    help: 'runs of each point, in turns (3: with 2 intervals are three times as wide, with 5 half as wide; 1 has none, and leaves out what differs from run to run)',
  },
  {
    flags: '--output <dir>',
    help: 'runs and sweep.json; a call that broke off is gone on with (results/sweep/<UTC time>)',
  },
  { flags: '--json', help: 'print sweep.json on stdout and nothing else' },
  { flags: '--quiet', help: 'no progress' },
  ...settingFlags,
];

type Parsed = Readonly<Record<string, unknown>>;

/** More would be a mistake of the grid. */
const mostPoints = 1000;

/** @throws InputError with every fault. */
export function collectSweepOptions(
  config: string,
  parsed: Parsed,
  argv: readonly string[],
): SweepRequest {
  const faults: Fault[] = [];
  const { overrides, faults: ofSettings, command } = collectRunOptions(parsed, argv);
  faults.push(...ofSettings);
  const axes = readAxes(parsed.vary, faults);
  const rates = readRates(parsed.rates, faults);
  const concurrency = readConcurrency(parsed.concurrency, faults);
  faults.push(...findChoiceFaults(parsed), ...findLoadFaults(parsed, overrides));
  faults.push(...findSwept(parsed, axes, overrides));
  const request: SweepRequest = {
    config,
    overrides,
    axes,
    rates,
    concurrency,
    slo: readSlo(parsed.slo, faults),
    repeats: readCount(parsed, 'repeats', 3, 1000, faults),
    output: resolve(
      typeof parsed.output === 'string' ? parsed.output : stampedFolder('sweep', new Date()),
    ),
    json: parsed.json === true,
    quiet: parsed.quiet === true,
    command,
  };
  if (faults.length > 0) throw new InputError(faults);
  return request;
}

const kinds = ['vary', 'rates', 'concurrency'] as const;

function findChoiceFaults(parsed: Parsed): Fault[] {
  const [kind, ...others] = kinds.filter((name) => parsed[name] !== undefined);
  if (kind === undefined) {
    const message = 'nothing is varied; allowed: --vary name=value,value, --rates or --concurrency';
    return [{ where: 'bench sweep', message }];
  }
  const faults = others.map((other): Fault => {
    return { where: `--${other}`, message: `is there with --${kind}; allowed: one of them` };
  });
  if (parsed.slo !== undefined && kind === 'vary') {
    const message = 'has nothing to judge; allowed: together with --rates or --concurrency';
    faults.push({ where: '--slo', message });
  }
  return faults;
}

/** Rates are Server's, a closed loop is SingleStream's, and both are of performance. */
function findLoadFaults(parsed: Parsed, overrides: readonly Override[]): Fault[] {
  const kind = kinds.slice(1).find((name) => parsed[name] !== undefined);
  if (kind === undefined) return [];
  const fixed: readonly (readonly [string, string])[] = [
    ['scenario', kind === 'rates' ? 'Server' : 'SingleStream'],
    ['mode', 'performance'],
  ];
  return fixed.flatMap(([key, only]): Fault[] => {
    const given = overrides.find(({ path }) => path.join('.') === key);
    if (given === undefined || given.value === only) return [];
    const message = `is ${quote(given.value)}; allowed with --${kind}: ${only}`;
    return [{ where: given.where, message }];
  });
}

/**
 * A load that is swept has no other value beside it, though a search may be told where to begin. A varied setting wins over
 * the same option, but not where one of them is of the scenario and one of a section by name: these are laid in turn.
 */
function findSwept(
  parsed: Parsed,
  axes: readonly SweepAxis[],
  given: readonly Override[],
): Fault[] {
  const { rates, concurrency } = parsed;
  const ofAxes = axes.flatMap(({ values }) => values[0]!.overrides.map(({ path }) => path));
  const isList = rates !== undefined && rates !== 'auto';
  const loads: (readonly [string, readonly string[]])[] = [
    ...(isList ? [['--rates', ['server', 'target_qps']] as const] : []),
    ...(concurrency === undefined
      ? []
      : [['--concurrency', ['single_stream', 'concurrency']] as const]),
  ];
  return given.flatMap(({ path, where }): Fault[] => {
    const isVaried = ofAxes.some((axis) => isSamePath(path, axis) && path[0] !== axis[0]);
    const load = loads.find(([, swept]) => isSamePath(path, swept))?.[0];
    const option = isVaried ? '--vary' : load;
    if (option === undefined) return [];
    return [{ where, message: `is there with ${option}, which sweeps it; allowed: one of them` }];
  });
}

/** A key of the scenario's section may be one of any section. */
function isSamePath([first, ...rest]: readonly string[], other: readonly string[]): boolean {
  const isAny = first === scenarioSection || other[0] === scenarioSection;
  return rest.join('.') === other.slice(1).join('.') && (isAny || first === other[0]);
}

function readAxes(value: unknown, faults: Fault[]): SweepAxis[] {
  const texts = Array.isArray(value) ? value.map(String) : [];
  const axes: SweepAxis[] = [];
  for (const text of texts) {
    const refuse = (message: string) => faults.push({ where: '--vary', message });
    const equals = text.indexOf('=');
    const name = text.slice(0, Math.max(0, equals));
    const values = splitValues(text.slice(equals + 1));
    const find = findSetting(name);
    if (equals < 1 || values.includes('')) {
      refuse(
        `${quote(text)} is not name=value,value or name=value;value; examples: max-batch=1,8,64 and device=cuda:0;cuda:0,1`,
      );
    } else if (find === null) {
      refuse(
        `${quote(name)} is no setting; allowed: ${settingNames.join(', ')}, or a key such as engine.page_tokens${suggestName(name, settingNames)}`,
      );
    } else if (axes.some((axis) => axis.name === name)) {
      refuse(`${name} is varied twice; allowed: once, with all its values`);
    } else if (new Set(values).size < values.length) {
      refuse(`${quote(text)} has a value twice; allowed: each once`);
    } else {
      axes.push({ name, values: values.map((part) => ({ text: part, overrides: find(part) })) });
    }
  }
  const points = axes.reduce((product, { values }) => product * values.length, 1);
  if (points > mostPoints) {
    const message = `makes a grid of ${points} points; allowed: up to ${mostPoints}`;
    faults.push({ where: '--vary', message });
  }
  return axes;
}

/** Commas stand between values, or within them where semicolons stand between. */
function splitValues(text: string): string[] {
  return text.split(text.includes(';') ? ';' : ',').map((part) => part.trim());
}

function readRates(value: unknown, faults: Fault[]): SweepRequest['rates'] {
  if (value === undefined) return null;
  if (value === 'auto') return 'auto';
  const texts = String(value).split(',');
  const rates = texts.map(Number);
  const isPlain = texts.every((text) => /^\d*\.?\d+(e[+-]?\d+)?$/i.test(text));
  const isGood = isPlain && rates.every((rate) => rate > 0 && rate <= 1e6);
  if (isGood && new Set(rates).size === rates.length) return rates;
  const message = `is ${quote(String(value))}; allowed: auto, or queries/s above 0 to 1000000, each once, with commas between them`;
  faults.push({ where: '--rates', message });
  return null;
}

function readConcurrency(value: unknown, faults: Fault[]): SweepRequest['concurrency'] {
  if (value === undefined) return null;
  const texts = String(value).split(',');
  const counts = texts.map(Number);
  const isGood =
    texts.every((text) => /^\d+$/.test(text)) && counts.every((n) => n >= 1 && n <= 65_536);
  if (isGood && new Set(counts).size === counts.length) return counts;
  const message = `is ${quote(String(value))}; allowed: queries in flight from 1 to 65536, each once, with commas between them`;
  faults.push({ where: '--concurrency', message });
  return null;
}

function readSlo(value: unknown, faults: Fault[]): Slo | null {
  if (value === undefined) return null;
  try {
    return parseSlo(String(value));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    faults.push(...error.faults);
    return null;
  }
}
