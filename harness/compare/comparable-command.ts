// Which call of `bench` would make a run comparable? Its own, with the options replaced that gave it what differs.

import { scenarioSection } from '../overrides.js';
import { sectionOf } from '../run-config.js';
import { findSetting } from '../run-options.js';
import { optionsLike } from './factors.js';
import type { ComparedRun } from './side.js';

/** `run`'s call with `other`'s values of the factors named; null where options do not reach one, or the call is not known. */
export function commandLike(
  run: ComparedRun,
  other: ComparedRun,
  names: readonly string[],
): readonly string[] | null {
  const changes = optionsLike(other, names);
  const { command, scenario } = run.record;
  if (changes === null || command.length === 0) return null;
  const section = sectionOf(names.includes('scenario') ? other.record.scenario : scenario);
  const replaced = new Set(changes.flatMap((option) => pathsOf(option, section)));
  const kept = splitOptions(command).filter(
    (option) =>
      nameOf(option) !== '--output' && !pathsOf(option, section).some((path) => replaced.has(path)),
  );
  return [...kept, ...changes].flat();
}

/** Words before the first option each alone, then every option with its values. */
function splitOptions(command: readonly string[]): string[][] {
  const options: string[][] = [];
  for (const word of command) {
    const last = options.at(-1);
    const isOfOption = last?.[0]?.startsWith('--') === true && !word.startsWith('--');
    if (isOfOption) last.push(word);
    else options.push([word]);
  }
  // --set takes several pairs, of which one may be replaced.
  return options.flatMap(([name, ...values]) =>
    name === '--set' ? values.map((value) => [name, value]) : [[name!, ...values]],
  );
}

function nameOf([word]: readonly string[]): string {
  return word!.split('=')[0]!;
}

/** The keys that an option sets, as `--set` would name them; none where it is no setting. */
function pathsOf(option: readonly string[], section: string): string[] {
  const name = nameOf(option);
  const inline = option[0]!.slice(name.length + 1);
  const value = inline === '' ? (option[1] ?? '') : inline;
  if (name === '--set') return [value.split('=')[0]!.trim()];
  const find = name.startsWith('--') ? findSetting(name.slice(2)) : null;
  const overrides = find === null ? [] : find(value);
  return overrides.map(({ path }) =>
    path.map((part) => (part === scenarioSection ? section : part)).join('.'),
  );
}
