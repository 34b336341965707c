// What differs between runs, what of it a record only does not tell, and which options would undo it.

import {
  type FactorDefinition,
  type FactorKind,
  type FactorValue,
  factorDefinitions,
} from './factor-definitions.js';
import type { ComparedRun } from './side.js';

export interface Factor {
  readonly name: string;
  readonly kind: FactorKind;
  /** One a side. */
  readonly values: readonly FactorValue[];
  readonly isSame: boolean;
}

/** One run each. */
export function listFactors(runs: readonly ComparedRun[]): Factor[] {
  return listSideFactors(runs.map((run) => [run]));
}

/** A side's value is what all its runs have, or what each has where they differ. */
export function listSideFactors(sides: readonly (readonly ComparedRun[])[]): Factor[] {
  return compareFacts(factorDefinitions, sides);
}

/** A fact of whatever a side has one or several of. */
export type FactOf<T> = Pick<FactorDefinition, 'name' | 'kind' | 'isAlike'> & {
  readonly of: (one: T) => FactorValue;
};

export function compareFacts<T>(
  facts: readonly FactOf<T>[],
  sides: readonly (readonly T[])[],
): Factor[] {
  return facts.map(({ name, kind, of, isAlike = Object.is }) => {
    const ofSides = sides.map((all) => listUnlike(all.map(of), isAlike));
    const values = ofSides.map((unlike) => {
      const told = unlike.filter((value) => value !== null);
      return told.length < 2 ? (told[0] ?? null) : told.join(' or ');
    });
    return { name, kind, values, isSame: listUnlike(ofSides.flat(), isAlike).length === 1 };
  });
}

/** The first of each that are alike. */
function listUnlike(
  values: readonly FactorValue[],
  isAlike: (a: FactorValue, b: FactorValue) => boolean,
): FactorValue[] {
  const unlike: FactorValue[] = [];
  for (const value of values) {
    if (!unlike.some((one) => isAlike(one, value))) unlike.push(value);
  }
  return unlike;
}

/** Whether a differing factor is one that a side's record does not tell: it may be the same. */
export function isUntold({ name, values }: Factor): boolean {
  const told = new Set(values.filter((value) => value !== null));
  return (
    told.size < 2 && factorDefinitions.some((one) => one.name === name && one.mayBeUntold === true)
  );
}

/** Why these runs are no repeats of one another; how much was asked follows from how fast each was, clocks from the day. */
export function listMixed(runs: readonly ComparedRun[]): string[] {
  return listFactors(runs).flatMap((factor) =>
    factor.isSame || ['amount', 'course'].includes(factor.kind) || isUntold(factor)
      ? []
      : [`${factor.name}: ${[...new Set(factor.values)].join(', ')}`],
  );
}

/** The options that would give a run `other`'s values of the factors named; null where options do not reach one. */
export function optionsLike(other: ComparedRun, names: readonly string[]): string[][] | null {
  const wanted = factorDefinitions.filter(({ name }) => names.includes(name));
  // Prompts follow from the dataset, the samples and the style; so does how many are loaded at once.
  const follows = ['prompt tokens', 'samples loaded at once'];
  const reached = wanted.filter(({ name }) => !follows.includes(name));
  if (reached.length === 0 || reached.some(({ options }) => options === undefined)) return null;
  return reached.map(({ options }) => [...options!(other)]);
}
