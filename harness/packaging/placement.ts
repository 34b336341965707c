// Where in the tree does each run go, and is every place complete? One place a benchmark and scenario, each with one
// accuracy pass, one performance pass and the audits that the division asks for.

import type { Fault } from '../errors.js';
import { suggestName } from '../name-suggestion.js';
import type { PackageRequest } from '../package-options.js';
import {
  type Benchmark,
  benchmarkNames,
  findBenchmark,
  type ScenarioName,
  scenarioNames,
} from '../submission/benchmarks.js';
import type { PackedRun } from './packed-run.js';

/** A run and the scenario it is for. */
export interface ScenarioRun {
  readonly run: PackedRun;
  readonly scenario: ScenarioName;
}

/** results/<system>/<benchmark>/<scenario>, and the runs that fill it. */
export interface PlacedResult {
  readonly benchmark: Benchmark;
  readonly scenario: ScenarioName;
  readonly accuracy: PackedRun;
  readonly performance: PackedRun;
  /** By test. */
  readonly audits: ReadonlyMap<string, PackedRun>;
}

/** Gives each run its scenario; a run that is meant for Interactive must be one of Server. */
export function nameScenario(
  run: PackedRun,
  isInteractive: boolean,
  faults: Fault[],
): ScenarioRun[] {
  const { scenario: given } = run.record;
  if (isInteractive && given !== 'Server') {
    const message = `--interactive takes runs of Server, and this is one of ${given}`;
    faults.push({ where: run.name, message });
    return [];
  }
  const scenario = isInteractive ? 'Interactive' : scenarioNames.find((name) => name === given);
  if (scenario !== undefined) return [{ run, scenario }];
  const message = `scenario is "${given}"; allowed: ${scenarioNames.join(', ')}`;
  faults.push({ where: run.name, message });
  return [];
}

type Slots = Map<string, PackedRun>;

/** Puts runs in their places; what is twice, missing or unlike is a fault. */
export function placeRuns(
  runs: readonly ScenarioRun[],
  request: PackageRequest,
  faults: Fault[],
): PlacedResult[] {
  const places = new Map<string, { benchmark: Benchmark; scenario: ScenarioName; slots: Slots }>();
  for (const { run, scenario } of runs) {
    const benchmark = decideBenchmark(run, request, faults);
    if (benchmark === null) continue;
    const name = `${benchmark.name}/${scenario}`;
    const place = places.get(name) ?? { benchmark, scenario, slots: new Map() };
    places.set(name, place);
    for (const slot of slotsOf(run)) fillSlot(place.slots, slot, run, name, faults);
  }
  faults.push(...findUnlikeSystems(runs.map(({ run }) => run)));
  const placed = [...places].flatMap(([name, { benchmark, scenario, slots }]) => {
    faults.push(
      ...findGaps(name, slots, benchmark, request.division),
      ...findUnlikeRuns(name, slots),
    );
    const [accuracy, performance] = [slots.get('accuracy'), slots.get('performance')];
    if (accuracy === undefined || performance === undefined) return [];
    const audits = new Map([...slots].filter(([slot]) => slot.startsWith('TEST')));
    return [{ benchmark, scenario, accuracy, performance, audits }];
  });
  if (request.division === 'closed') faults.push(...findMissingScenarios([...places.values()]));
  return placed;
}

function decideBenchmark(
  run: PackedRun,
  request: PackageRequest,
  faults: Fault[],
): Benchmark | null {
  const { benchmark: given, round } = request;
  const name = given ?? run.record.config.mlperf.model ?? run.record.model.name;
  const found = findBenchmark(name, round);
  if (found !== null) return found;
  const names = benchmarkNames(round);
  const allowed = `${names.join(', ')}${suggestName(name, names)}`;
  const fault: Fault =
    given === null
      ? {
          where: run.name,
          message: `its model "${name}" is no benchmark of ${round}; allowed for --benchmark: ${allowed}`,
        }
      : { where: '--benchmark', message: `is "${name}"; allowed in ${round}: ${allowed}` };
  if (!faults.some(({ where, message }) => where === fault.where && message === fault.message)) {
    faults.push(fault);
  }
  return null;
}

/** What a run brings to a place. */
function slotsOf({ record, passes }: PackedRun): string[] {
  return record.audit === null ? passes.map(({ pass }) => pass) : [record.audit.test];
}

function fillSlot(
  slots: Slots,
  slot: string,
  run: PackedRun,
  place: string,
  faults: Fault[],
): void {
  const first = slots.get(slot);
  if (first === undefined) {
    slots.set(slot, run);
    return;
  }
  const what = slot.startsWith('TEST') ? `an audit ${slot}` : `${article(slot)} ${slot} pass`;
  const message = `brings ${what} to ${place}, as ${first.name} does; allowed: one`;
  faults.push({ where: run.name, message });
}

function article(word: string): string {
  return /^[aeiou]/.test(word) ? 'an' : 'a';
}

function findGaps(place: string, slots: Slots, { audits }: Benchmark, division: string): Fault[] {
  const passes = ['accuracy', 'performance'].filter((slot) => !slots.has(slot));
  const tests = division === 'closed' ? audits.filter((test) => !slots.has(test)) : [];
  return [
    ...passes.map((slot) => ({
      where: place,
      message: `no run has its ${slot} pass; wanted: one`,
    })),
    ...tests.map((test) => {
      const message = `no run is its audit ${test}, which the closed division asks for; wanted: one of --audit ${test}`;
      return { where: place, message };
    }),
  ];
}

function findMissingScenarios(
  places: readonly { readonly benchmark: Benchmark; readonly scenario: ScenarioName }[],
): Fault[] {
  const benchmarks = new Set(places.map(({ benchmark }) => benchmark));
  return [...benchmarks].flatMap((benchmark) => {
    const { name, requiredScenarios, oneOfScenarios } = benchmark;
    const given = places.filter((place) => place.benchmark === benchmark).map((p) => p.scenario);
    const missing: string[] = requiredScenarios.filter((scenario) => !given.includes(scenario));
    const hasOne = oneOfScenarios.some((scenario) => given.includes(scenario));
    if (oneOfScenarios.length > 0 && !hasOne) missing.push(oneOfScenarios.join(' or '));
    return missing.map((scenario) => ({
      where: name,
      message: `has no ${scenario}, which the closed division asks for; given: ${given.join(', ')}`,
    }));
  });
}

/** A submission's system folder is of one system. */
function findUnlikeSystems(runs: readonly PackedRun[]): Fault[] {
  const [first] = runs;
  if (first === undefined) return [];
  const wanted = describeMachine(first);
  return runs.flatMap((run) => {
    const found = describeMachine(run);
    if (found === wanted) return [];
    const message = `was made on another system (${found}) than ${first.name} (${wanted}); allowed: one system`;
    return [{ where: run.name, message }];
  });
}

function describeMachine({ record: { system } }: PackedRun): string {
  const gibibytes = Math.round(system.memoryBytes / 2 ** 30);
  const gpus = system.gpus.map(({ name }) => name);
  return [system.cpu, `${system.cores} cores`, `${gibibytes} GiB`, ...gpus].join(', ');
}

/** What the runs of one place must share: speed, accuracy and audit are those of one model on one dataset. */
function findUnlikeRuns(place: string, slots: Slots): Fault[] {
  const runs = [...new Set(slots.values())];
  const first = runs[0];
  if (first === undefined) return [];
  const traits: readonly (readonly [string, (run: PackedRun) => string])[] = [
    ['model', ({ record: { model } }) => `${model.name} ${model.digest ?? ''}`.trim()],
    ['dataset', ({ record: { dataset } }) => `${dataset.name} ${dataset.digest}`],
    ['number of samples', ({ record: { dataset } }) => `${dataset.samples}`],
    ['system under test', ({ record: { sut } }) => describeSut(sut)],
    ['clock', ({ record: { clock } }) => clock],
  ];
  return runs.slice(1).flatMap((run) =>
    traits.flatMap(([name, read]) => {
      const [wanted, found] = [read(first), read(run)];
      if (wanted === found) return [];
      const message = `${place} takes another ${name} from ${first.name}: ${wanted}; here it is ${found}; allowed: one`;
      return [{ where: run.name, message }];
    }),
  );
}

function describeSut(sut: PackedRun['record']['sut']): string {
  if (sut === null) return 'none';
  const { kind, devices, features } = sut;
  return [kind, ...devices, JSON.stringify(features)].join(' ');
}
