// Do the settings of a run go together? Each was checked alone (run-config.ts); here it is told what contradicts what,
// before anything starts.

import { join } from 'node:path';
import type { Dataset } from '../datasets/dataset.js';
import { isFile } from './config-files.js';
import type { Fault } from './errors.js';
import { findLoadgenFaults } from './loadgen-config.js';
import { type RunSettings, samplesPerQuery, scenarioSettings } from './run-config.js';
import { findUnseenFaults, needsTokenizer, type Script } from './script-config.js';

type WhereIs = (...path: string[]) => string;

/** What of a dataset decides about a run. */
export type DatasetFacts = Pick<Dataset, 'kind' | 'length' | 'synthetic'>;

/** Is the run possible with these samples? */
export function findSampleFaults(
  run: RunSettings,
  { length: available }: DatasetFacts,
  whereIs: WhereIs,
): Fault[] {
  const { dataset, samples, loadgen, scenario } = run;
  if (samples !== null && samples > available) {
    const message = `samples is ${samples}; allowed: 1 to ${available}, the test samples of ${dataset}`;
    return [{ where: whereIs('samples'), message }];
  }
  const sampleCount = samples ?? available;
  const together = samplesPerQuery(run);
  if (together > sampleCount) {
    const message = `multi_stream.samples_per_query is ${together}; allowed: 1 to ${sampleCount}, the samples of the run`;
    return [{ where: whereIs('multi_stream', 'samples_per_query'), message }];
  }
  const { minDurationS, minQueryCount } = run[scenarioSettings[scenario]];
  const around = {
    sampleCount,
    samplesPerQuery: together,
    isOffline: scenario === 'Offline',
    minDurationS,
    minQueryCount: minQueryCount ?? 1,
  };
  return findLoadgenFaults(loadgen, around, whereIs);
}

/** Modes, scenarios, clocks and systems that do not go together. */
export function findModeFaults(run: RunSettings, whereIs: WhereIs): Fault[] {
  const { mode, scenario, clock, sut } = run;
  const faults: Fault[] = [];
  if (mode === 'find-peak' && scenario !== 'Server') {
    const message = `mode find-peak looks for a rate of arrivals, and scenario is ${scenario}; allowed: --scenario Server`;
    faults.push({ where: whereIs('mode'), message });
  }
  if (clock === 'virtual' && sut === 'native') {
    const message =
      'clock is "virtual", and sut native computes in real time; allowed: real, or sut null or scripted';
    faults.push({ where: whereIs('clock'), message });
  }
  if (run.engine.profileSteps > 0 && sut !== 'native') {
    const message = `engine.profile_steps is ${run.engine.profileSteps}, and sut ${sut} has no kernels to profile; allowed: 0, or sut native on a GPU`;
    faults.push({ where: whereIs('engine', 'profile_steps'), message });
  }
  if (!run.engine.cudaGraphs && sut !== 'native') {
    const message = `engine.cuda_graphs is false, and sut ${sut} has no CUDA graphs; allowed: true, or sut native on a GPU`;
    faults.push({ where: whereIs('engine', 'cuda_graphs'), message });
  }
  const where = whereIs('scripted', 'script');
  if (sut === 'scripted' && run.scripted.script === null) {
    const message = 'sut is scripted, and there is no script; allowed: --script FILE';
    faults.push({ where: whereIs('sut'), message });
  } else if (sut !== 'scripted' && where.startsWith('--')) {
    faults.push({ where, message: `a script is followed by sut scripted, and sut is ${sut}` });
  }
  return faults;
}

/** Can the script be followed with these rows and this model? */
export function findFollowFaults(
  run: RunSettings,
  script: Script,
  dataset: DatasetFacts,
  modelFolder: string,
  whereIs: WhereIs,
): Fault[] {
  const hasTokens = dataset.kind === 'generation';
  const isOffline = run.scenario === 'Offline';
  const faults = findUnseenFaults(script, { hasTokens, isOffline }).map(
    (message): Fault => ({ where: script.file, message }),
  );
  const hasLengths = dataset.synthetic !== undefined;
  if (hasLengths && script.answers.degrade > 0) {
    const message = `answers.degrade is ${script.answers.degrade}; allowed with a synthetic dataset: 0, since it has no right answers`;
    faults.push({ where: script.file, message });
  }
  const tokenizer = join(modelFolder, 'tokenizer.json');
  if (hasTokens && needsTokenizer(script, hasLengths) && !isFile(tokenizer)) {
    const message = `the script's answers need the model's tokenizer, and ${tokenizer} does not exist`;
    faults.push({ where: whereIs('model'), message });
  }
  return faults;
}
