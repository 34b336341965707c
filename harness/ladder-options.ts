// The options of `bench ladder`, checked together so that every fault is told at once.

import { resolve } from 'node:path';
import { type Fault, InputError } from './errors.js';
import { type LadderRequest, ladderDefaults } from './ladder/ladder-plan.js';
import { readCount } from './option-values.js';
import { collectRunOptions, type RunFlag, settingFlags } from './run-options.js';

export const ladderFlags: readonly RunFlag[] = [
  {
    flags: '--repeats <n>',
    help: `runs of each rung, in turns (${ladderDefaults.repeats}; fewer show little)`,
  },
  {
    flags: '--order <steps>',
    help: "which first: weights,batching,kv-cache,activations,graphs,device or a setting's key (as the optimized file has them)",
  },
  { flags: '--no-alone', help: 'do not measure each factor alone on the base: no interactions' },
  {
    flags: '--output <dir>',
    help: 'runs and ladder.json; a call that broke off is gone on with (results/ladder/<UTC time>)',
  },
  { flags: '--json', help: 'print ladder.json on stdout and nothing else' },
  { flags: '--quiet', help: 'no progress' },
  ...settingFlags.filter(({ flags }) => !flags.startsWith('--mode ')),
];

/** @throws InputError with every fault. */
export function collectLadderOptions(
  base: string,
  optimized: string,
  parsed: Readonly<Record<string, unknown>>,
  argv: readonly string[],
): LadderRequest {
  const faults: Fault[] = [];
  const { overrides, faults: ofSettings, command } = collectRunOptions(parsed, argv);
  faults.push(...ofSettings);
  const mode = overrides.find(({ path }) => path.join('.') === 'mode');
  if (mode !== undefined) {
    const message = `"${String(mode.value)}" is asked for; allowed: nothing, since a ladder scores each rung once and times it in every repeat`;
    faults.push({ where: mode.where, message });
  }
  const request: LadderRequest = {
    base,
    optimized,
    overrides,
    order: typeof parsed.order === 'string' ? parsed.order.split(',').filter((n) => n !== '') : [],
    repeats: readCount(parsed, 'repeats', ladderDefaults.repeats, 1000, faults),
    alone: parsed.alone !== false,
    output: resolve(
      typeof parsed.output === 'string' ? parsed.output : stampedFolder('ladder', new Date()),
    ),
    json: parsed.json === true,
    quiet: parsed.quiet === true,
    command,
  };
  if (faults.length > 0) throw new InputError(faults);
  return request;
}

/** results/ladder/20260101T120000000Z */
export function stampedFolder(kind: string, at: Date): string {
  return `results/${kind}/${at.toISOString().replace(/[-:.]/g, '')}`;
}
