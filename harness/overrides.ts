// What the command line lays over a configuration's files, before anything is checked.

import type { Fault } from './errors.js';
import { sectionOf } from './run-config.js';
import type { Scalar, Setting } from './setting-fields.js';

/** One value from the command line, laid over what the files say. */
export interface Override {
  /** As written in YAML: ["engine", "max_batch"]; `scenarioSection` first stands for the section of the scenario. */
  readonly path: readonly string[];
  readonly value: Scalar;
  /** The option, as the user knows it. */
  readonly where: string;
}

/** First name of an override's path: the section of the scenario that is run. */
export const scenarioSection = '@scenario';

/** Writes the overrides into the settings; one that asks for the inside of a value is a fault. */
export function applyOverrides(
  written: Setting,
  overrides: readonly Override[],
  faults: Fault[],
): Setting {
  const isEmpty = written.kind === 'value' && written.value === null;
  const base: Setting = isEmpty ? emptySection(written.where) : written;
  // What is wrong with such a file is told by whoever checks it.
  if (base.kind !== 'section') return base;
  for (const { path, value, where } of inOrder(overrides)) {
    let section: Setting = base;
    for (const [depth, given] of path.entries()) {
      const name = given === scenarioSection ? findScenarioSection(base) : given;
      if (section.kind !== 'section') {
        faults.push({ where, message: `${path.slice(0, depth).join('.')} is not a section` });
        break;
      }
      const isLast = depth === path.length - 1;
      const inside: Setting | undefined = section.entries.get(name)?.setting;
      const next: Setting = isLast
        ? { kind: 'value', value, where }
        : (keepSection(inside) ?? emptySection(where));
      section.entries.set(name, { setting: next, where });
      section = next;
    }
  }
  return base;
}

/** As they are laid one over another: what depends on the scenario comes when the scenario is known. */
export function inOrder(overrides: readonly Override[]): Override[] {
  const isGeneral = ({ path }: Override) => path[0] !== scenarioSection;
  return [...overrides].sort((a, b) => Number(isGeneral(b)) - Number(isGeneral(a)));
}

function findScenarioSection(settings: Setting): string {
  const scenario = settings.kind === 'section' ? settings.entries.get('scenario')?.setting : null;
  return sectionOf(scenario?.kind === 'value' ? String(scenario.value) : '');
}

/** A section without content reads as null and may be written into. */
function keepSection(setting: Setting | undefined): Setting | undefined {
  return setting?.kind === 'value' && setting.value === null ? undefined : setting;
}

function emptySection(where: string): Setting {
  return { kind: 'section', entries: new Map(), where };
}

/** Where a setting was written; undefined when it was left out. */
export function findWhere(settings: Setting, path: readonly string[]): string | undefined {
  let setting: Setting | undefined = settings;
  for (const name of path) {
    if (setting?.kind !== 'section') return undefined;
    setting = setting.entries.get(name)?.setting;
  }
  return setting?.where;
}
