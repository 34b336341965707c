// Makes a planned run without running it: a record with the settings that were asked for and the speed that a test's own
// model of them says.

import type { RunConfig } from '../../../harness/config.js';
import { RunPlanner, recordedConfig } from '../../../harness/experiment/planned-run.js';
import type { RunStarter } from '../../../harness/experiment/run-starter.js';
import { collectRunOptions } from '../../../harness/run-options.js';
import { type MadeSample, makeRun } from '../compare/made-runs.js';

export interface MadeStarter {
  readonly start: RunStarter;
  /** Folders in the order in which their runs were made. */
  readonly made: string[];
}

/**
 * @param samplesOf what a run of this configuration brings; `count` of them were made before
 * @param remarksOf what it says of itself
 */
export function makeStarter(
  samplesOf: (config: RunConfig, count: number) => readonly MadeSample[],
  remarksOf: (config: RunConfig) => readonly string[] = () => [],
): MadeStarter {
  const planner = new RunPlanner();
  const made: string[] = [];
  const start: RunStarter = async (argv) => {
    const after = (flag: string) => argv[argv.indexOf(flag) + 1]!;
    const set = argv.filter((_, i) => argv[i - 1] === '--set');
    const { overrides } = collectRunOptions({ set }, []);
    const config = await planner.resolve(after('--config'), overrides);
    const { name, mode, scenario } = config;
    const output = after('--output');
    const samples = samplesOf(config, made.length);
    const remarks = remarksOf(config);
    makeRun(output, samples, { name, mode, scenario, remarks }, recordedConfig(config));
    made.push(output);
    return { code: 0, stderr: '' };
  };
  return { start, made };
}
