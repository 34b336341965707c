// Do the runs of a submission belong together? One system for all, and in one place one model, one dataset and one
// system under test: speed, accuracy and audit are to be those of the same thing.

import type { Fault } from '../errors.js';
import type { RunRecord } from '../run-record.js';
import type { PackagedRun } from './packaged-run.js';

/** A submission's system folder is of one system. */
export function findUnlikeSystems(runs: readonly PackagedRun[]): Fault[] {
  const [first] = runs;
  if (first === undefined) return [];
  const wanted = describeMachine(first.record);
  return runs.flatMap(({ folder, record }) => {
    const found = describeMachine(record);
    if (found === wanted) return [];
    const message = `was made on another system (${found}) than ${first.folder.path} (${wanted}); allowed: one`;
    return [{ where: folder.path, message }];
  });
}

function describeMachine({ system }: RunRecord): string {
  const gibibytes = Math.round(system.memoryBytes / 2 ** 30);
  const gpus = system.gpus.map(({ name }) => name);
  return [system.cpu, `${system.cores} cores`, `${gibibytes} GiB`, ...gpus].join(', ');
}

const traits: readonly (readonly [name: string, read: (record: RunRecord) => string])[] = [
  ['model', ({ model }) => [model.name, model.digest ?? ''].join(' ').trim()],
  ['dataset', ({ dataset }) => `${dataset.name} ${dataset.digest}`],
  ['number of samples', ({ dataset }) => String(dataset.samples)],
  ['system under test', ({ sut }) => describeSut(sut)],
  ['clock', ({ clock }) => clock],
];

/** @param place <benchmark>/<scenario>, where all of these runs go. */
export function findUnlikeRuns(place: string, runs: readonly PackagedRun[]): Fault[] {
  const [first, ...others] = new Set(runs);
  if (first === undefined) return [];
  return others.flatMap(({ folder, record }) =>
    traits.flatMap(([name, read]) => {
      const [wanted, found] = [read(first.record), read(record)];
      if (wanted === found) return [];
      const message = `the ${name} of ${place} is ${found} here and ${wanted} in ${first.folder.path}; allowed: one`;
      return [{ where: folder.path, message }];
    }),
  );
}

function describeSut(sut: RunRecord['sut']): string {
  if (sut === null) return 'none';
  return [sut.kind, ...sut.devices, JSON.stringify(sut.features)].join(' ');
}
