// One run of an experiment that makes many: where it lies, with which settings, and whether it is there already.

import { existsSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { hostFeatures } from '../../native/index.js';
import { loadRunConfig, parseScalar, type RunConfig } from '../config.js';
import { resolveDevices } from '../device.js';
import { inOrder, type Override, scenarioSection } from '../overrides.js';
import { findPackageRoot } from '../package-root.js';
import { sectionOf } from '../run-config.js';
import { DatasetShelf } from '../run-dataset.js';
import { RunFolder } from '../run-folder.js';
import type { RunRecord } from '../run-record.js';
import type { Scalar } from '../setting-fields.js';

export interface PlannedRun {
  /** As it is called on the way: "rung-1/run-2". */
  readonly label: string;
  readonly folder: string;
  /** Words after `bench` that make it. */
  readonly argv: readonly string[];
  readonly config: RunConfig;
}

export interface RunPlanning {
  readonly label: string;
  readonly folder: string;
  readonly config: string;
  readonly overrides: readonly Override[];
}

/** Resolves configurations as `bench run` would; a dataset is opened once for all of them. */
export class RunPlanner {
  readonly #shelf = new DatasetShelf();
  readonly #opened = new Map<string, ReturnType<DatasetShelf['open']>>();

  /** Rows of the dataset that was opened last. */
  get datasetLength(): number {
    return this.#shelf.opened?.length ?? 0;
  }

  /** @throws InputError with every fault of the configuration. */
  resolve(config: string, overrides: readonly Override[]): Promise<RunConfig> {
    return loadRunConfig(config, overrides, {
      root: findPackageRoot().folder,
      openDataset: (name, fields, where, faults) => {
        const key = JSON.stringify([name, fields]);
        const known = faults.length === 0 ? this.#opened.get(key) : undefined;
        const opened = known ?? this.#shelf.open(name, fields, where, faults);
        this.#opened.set(key, opened);
        return opened;
      },
      resolveDevices: (asked) => resolveDevices(asked, hostFeatures),
      faults: [],
    });
  }

  /** @throws InputError with every fault of the configuration. */
  async plan({ label, folder, config, overrides }: RunPlanning): Promise<PlannedRun> {
    const resolved = await this.resolve(config, overrides);
    const settings = inOrder(overrides).flatMap(({ path, value }) => {
      const key = path.map((name) =>
        name === scenarioSection ? sectionOf(resolved.scenario) : name,
      );
      return ['--set', `${key.join('.')}=${writeScalar(value)}`];
    });
    const argv = ['run', '--config', config, ...settings, '--output', folder, '--quiet'];
    return { label, folder, argv, config: resolved };
  }
}

/** missing: no run.json. broken off: one of a run that Ctrl-C ended. other: one of other settings, or none of ours. */
export type RunState = 'done' | 'missing' | 'broken off' | 'other';

export function findRun({ folder, config }: PlannedRun): RunState {
  const { runJson } = new RunFolder(folder);
  if (!existsSync(runJson)) return 'missing';
  let record: Partial<RunRecord>;
  try {
    record = JSON.parse(readFileSync(runJson, 'utf8'));
  } catch {
    return 'other';
  }
  if (!isDeepStrictEqual(record.config, recordedConfig(config))) return 'other';
  return record.interrupted === true ? 'broken off' : 'done';
}

/** As run.json has it. */
export function recordedConfig({ confFiles: _, ...config }: RunConfig): unknown {
  const replace = (_key: string, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value;
  return JSON.parse(JSON.stringify(config, replace));
}

/** So that `--set key=...` reads the same value. */
function writeScalar(value: Scalar): string {
  if (typeof value !== 'string') return String(value);
  return parseScalar(value) === value ? value : JSON.stringify(value);
}
