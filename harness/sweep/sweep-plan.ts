// Which runs does a sweep take? One a point of the grid, a rate or a concurrency, each repeated; every repeat makes all of them in
// turn.

import { join } from 'node:path';
import type { RunConfig } from '../config.js';
import { type Fault, InputError } from '../errors.js';
import { type PlannedRun, RunPlanner } from '../experiment/planned-run.js';
import { type Override, scenarioSection } from '../overrides.js';
import { overridesOfSlo, type Slo } from './slo.js';

/** A setting and the values that it takes. */
export interface SweepAxis {
  /** As it was asked for. */
  readonly name: string;
  readonly values: readonly { readonly text: string; readonly overrides: readonly Override[] }[];
}

export interface SweepRequest {
  readonly config: string;
  /** Of the command line, laid over the file at every point. */
  readonly overrides: readonly Override[];
  /** Empty in a sweep of rates or of concurrency. */
  readonly axes: readonly SweepAxis[];
  /** Queries/s; null where they are not swept. */
  readonly rates: readonly number[] | 'auto' | null;
  /** Queries in flight; null where they are not swept. */
  readonly concurrency: readonly number[] | null;
  /** null: the limits of the run, else of the model. */
  readonly slo: Slo | null;
  readonly repeats: number;
  readonly output: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly command: readonly string[];
}

export interface PlannedPoint {
  /** What is this point's own, as it was asked for. */
  readonly settings: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly runs: readonly PlannedRun[];
}

export class SweepPlanner {
  readonly #planner = new RunPlanner();

  constructor(readonly request: SweepRequest) {}

  /** The configuration without what a point changes: of a sweep of rates or of concurrency. */
  resolveLoad(): Promise<RunConfig> {
    const { config, overrides } = this.request;
    return this.#planner.resolve(config, [...overrides, ...this.#loadOverrides()]);
  }

  /** @throws InputError with the faults of every point. */
  async planGrid(): Promise<PlannedPoint[]> {
    const faults: Fault[] = [];
    const points: PlannedPoint[] = [];
    for (const [i, values] of productOf(this.request.axes).entries()) {
      const settings = Object.fromEntries(values.map(({ name, text }) => [name, text]));
      const overrides = values.flatMap((value) => value.overrides);
      try {
        points.push(await this.#plan(`point-${i + 1}`, settings, overrides));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        const at = values.map(({ name, text }) => `${name}=${text}`).join(' ');
        faults.push(
          ...error.faults.map(({ where, message }) => ({
            where,
            message: `${message} (at ${at})`,
          })),
        );
      }
    }
    if (faults.length > 0) throw new InputError(faults);
    return points;
  }

  /** @throws InputError with the faults of the configuration at this rate. */
  planRate(rate: number): Promise<PlannedPoint> {
    const asked = { path: [scenarioSection, 'target_qps'], value: rate, where: '--rates' };
    return this.#plan(`rate-${rate}`, { rate: String(rate) }, [...this.#loadOverrides(), asked]);
  }

  /** @throws InputError with the faults of the configuration with so many queries in flight. */
  planConcurrency(queries: number): Promise<PlannedPoint> {
    const path = [scenarioSection, 'concurrency'];
    return this.#plan(`concurrency-${queries}`, { concurrency: String(queries) }, [
      ...this.#loadOverrides(),
      { path, value: queries, where: '--concurrency' },
    ]);
  }

  /** What all points of rates, or of concurrency, have. */
  #loadOverrides(): Override[] {
    const { rates, slo } = this.request;
    const [scenario, where] =
      rates === null ? ['SingleStream', '--concurrency'] : ['Server', '--rates'];
    return [
      { path: ['scenario'], value: scenario!, where: where! },
      { path: ['mode'], value: 'performance', where: where! },
      ...(slo === null ? [] : overridesOfSlo(slo)),
    ];
  }

  async #plan(
    label: string,
    settings: Readonly<Record<string, string>>,
    own: readonly Override[],
  ): Promise<PlannedPoint> {
    const { config, overrides, output, repeats } = this.request;
    const folder = join(output, label);
    const runs: PlannedRun[] = [];
    const named = { path: ['name'], value: label, where: '--set name' };
    for (let repeat = 1; repeat <= repeats; repeat++) {
      // Answers are scored once: repeats answer alike.
      const isRepeat = runs[0]?.config.mode === 'submission';
      const mode = { path: ['mode'], value: 'performance', where: '--mode' };
      runs.push(
        await this.#planner.plan({
          label: `${label}/run-${repeat}`,
          folder: join(folder, `run-${repeat}`),
          config,
          overrides: [...overrides, ...own, ...(isRepeat ? [mode] : []), named],
        }),
      );
    }
    return { settings, folder, runs };
  }
}

/** In turns: all points' first runs, then their second ones. */
export function inTurns(points: readonly PlannedPoint[]): PlannedRun[] {
  const repeats = points[0]?.runs.length ?? 0;
  return Array.from({ length: repeats }, (_, i) => points.map(({ runs }) => runs[i]!)).flat();
}

interface NamedValue {
  readonly name: string;
  readonly text: string;
  readonly overrides: readonly Override[];
}

/** The last axis changes fastest. */
function productOf(axes: readonly SweepAxis[]): NamedValue[][] {
  let points: NamedValue[][] = [[]];
  for (const { name, values } of axes) {
    points = points.flatMap((point) => values.map((value) => [...point, { name, ...value }]));
  }
  return points;
}
