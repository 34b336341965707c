// The options of `bench sweep`, checked together so that every fault is told at once.

import { resolve } from 'node:path';
import { type Fault, InputError } from './errors.js';
import { stampedFolder } from './ladder-options.js';
import { suggestName } from './name-suggestion.js';
import { readCount } from './option-values.js';
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
    help: "a run's option, or a key of --set, and its values: max-batch=1,8,64; all that are given make a grid",
  },
  {
    flags: '--rates <list>',
    help: 'Server at each of these queries/s: 1,2,5,10; auto looks for the highest inside the limits',
  },
  {
    flags: '--slo <limits>',
    help: "in ms at a percentile: ttft_p99=500,tpot_p99=50,latency_p99=2000 (the run's, else the model's)",
  },
  { flags: '--repeats <n>', help: 'runs of each point, in turns (1)' },
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
  if (rates === null && parsed.vary === undefined) {
    const message = 'nothing is varied; allowed: --vary name=value,value or --rates';
    faults.push({ where: 'bench sweep', message });
  }
  if (parsed.rates !== undefined && parsed.vary !== undefined) {
    faults.push({ where: '--rates', message: 'is there with --vary; allowed: one of the two' });
  }
  if (parsed.slo !== undefined && parsed.rates === undefined) {
    faults.push({
      where: '--slo',
      message: 'has nothing to judge; allowed: together with --rates',
    });
  }
  if (parsed.rates !== undefined) {
    const fixed: readonly (readonly [string, string])[] = [
      ['scenario', 'Server'],
      ['mode', 'performance'],
    ];
    for (const [key, only] of fixed) {
      const given = overrides.find(({ path }) => path.join('.') === key);
      if (given === undefined || given.value === only) continue;
      const message = `is ${quote(given.value)}; allowed with --rates: ${only}`;
      faults.push({ where: given.where, message });
    }
  }
  const request: SweepRequest = {
    config,
    overrides,
    axes,
    rates,
    slo: readSlo(parsed.slo, faults),
    repeats: readCount(parsed, 'repeats', 1, 1000, faults),
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

function readAxes(value: unknown, faults: Fault[]): SweepAxis[] {
  const texts = Array.isArray(value) ? value.map(String) : [];
  const axes: SweepAxis[] = [];
  for (const text of texts) {
    const refuse = (message: string) => faults.push({ where: '--vary', message });
    const equals = text.indexOf('=');
    const name = text.slice(0, Math.max(0, equals));
    const values = text
      .slice(equals + 1)
      .split(',')
      .map((part) => part.trim());
    const find = findSetting(name);
    if (equals < 1 || values.includes('')) {
      refuse(`${quote(text)} is not name=value,value; an example: max-batch=1,8,64`);
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

function readRates(value: unknown, faults: Fault[]): SweepRequest['rates'] {
  if (value === undefined) return null;
  if (value === 'auto') return 'auto';
  const rates = String(value).split(',').map(Number);
  const isGood = rates.every((rate) => rate > 0 && rate <= 1e6);
  if (isGood && new Set(rates).size === rates.length) return rates;
  const message = `is ${quote(String(value))}; allowed: auto, or queries/s above 0 to 1000000, each once, with commas between them`;
  faults.push({ where: '--rates', message });
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
